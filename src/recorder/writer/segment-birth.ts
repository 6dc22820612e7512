// A prepared file becomes a segment: header page, sync, name, sync of the folder.
import { join } from 'node:path';
import type { Clock } from '../../clock/clock.js';
import { assert, isNoSpace } from '../../errors.js';
import { decodeSegmentHeader, SEGMENT_HEADER_PAGE_BYTES } from '../../segment/segment-header.js';
import type { SegmentTally } from '../../segment/segment-tally.js';
import type { Storage } from '../../storage/storage.js';
import type { SegmentWriterUpdater } from '../../telemetry/recorder/segment-writer-metrics.js';
import { ActiveSegment } from './active-segment.js';
import { isOutOfSpace, noSpaceFor, segmentFailure } from './segment-failure.js';

interface SegmentBirth {
  readonly fd: number;
  readonly preparedPath: string;
  /** The encoded header page. */
  readonly page: Uint8Array;
  readonly directory: string;
  readonly fileName: string;
  readonly tally: SegmentTally;
  readonly durableClaim: number;
  /** It takes the place of a segment that was finished: its steps are those of a rotation. */
  readonly isRotation: boolean;
}

/**
 * Gives a prepared file its header and its name, in the order that makes a published name with an
 * invalid header page always corruption.
 * @throws WalError ERR_FLASHSTRIKE_NO_SPACE: it is a prepared file still, and can be tried again
 */
export function publishSegment(
  storage: Storage,
  clock: Clock,
  telemetry: SegmentWriterUpdater,
  birth: SegmentBirth,
): ActiveSegment {
  const { fd, page, directory, isRotation } = birth;
  const path = join(directory, birth.fileName);
  const startNs = clock.nowNs();
  let isPublished = false;
  try {
    writeHeaderPage(storage, birth);
    storage.sync(fd);
    if (isRotation) telemetry.onRotateHeader(startNs);
    const renameNs = clock.nowNs();
    storage.renameNoReplace(birth.preparedPath, path);
    if (isRotation) telemetry.onRotateRename(renameNs);
    const directoryNs = clock.nowNs();
    storage.syncDirectory(directory);
    if (isRotation) telemetry.onRotateDirectorySync(directoryNs);
    isPublished = true;
  } catch (error) {
    if (isOutOfSpace(error)) throw error;
    throw segmentFailure('publish a new segment', path, 0, error);
  } finally {
    telemetry.onOpenNewSegment(startNs, isPublished);
  }
  const header = decodeSegmentHeader(page);
  assert(!('defect' in header), 'a segment header that was just encoded does not decode');
  return new ActiveSegment(storage, fd, path, {
    segmentIndex: header.segmentIndex,
    segmentBytes: header.segmentBytes,
    fileBytes: header.segmentBytes,
    salt: header.salt,
    offset: SEGMENT_HEADER_PAGE_BYTES,
    nextBlockIndex: 0,
    lastChecksum: header.headerChecksum,
    pin: { endOffset: SEGMENT_HEADER_PAGE_BYTES, checksum: header.headerChecksum },
    tally: birth.tally,
    durableClaim: birth.durableClaim,
  });
}

function writeHeaderPage(storage: Storage, { fd, page, preparedPath }: SegmentBirth): void {
  try {
    storage.write(fd, [page], 0);
  } catch (error) {
    throw isNoSpace(error) ? noSpaceFor('a header', preparedPath, 0, error) : error;
  }
}
