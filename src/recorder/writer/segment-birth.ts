// A prepared file becomes a segment: header page, sync, name, sync of the folder.
import { join } from 'node:path';
import type { Clock } from '../../clock/clock.js';
import { assert, isNoSpace, systemCode } from '../../errors.js';
import {
  decodeSegmentHeader,
  maxBlockBytes,
  SEGMENT_HEADER_PAGE_BYTES,
} from '../../segment/segment-header.js';
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

/** It has its name, which the folder's next sync makes durable: until then nothing is written. */
export interface NamedSegment {
  readonly segment: ActiveSegment;
  readonly directory: string;
  readonly startNs: number;
  readonly isRotation: boolean;
}

/**
 * Gives a prepared file its header and its name, in the order that makes a published name with an
 * invalid header page always corruption.
 * @throws WalError ERR_FLASHSTRIKE_NO_SPACE: it is a prepared file still, and can be tried again
 */
export function nameSegment(
  storage: Storage,
  clock: Clock,
  telemetry: SegmentWriterUpdater,
  birth: SegmentBirth,
): NamedSegment {
  const { fd, directory, isRotation } = birth;
  const path = join(directory, birth.fileName);
  const startNs = clock.nowNs();
  try {
    writeHeaderPage(storage, birth);
    storage.sync(fd);
    if (isRotation) telemetry.onRotateHeader(startNs);
    const renameNs = clock.nowNs();
    storage.renameNoReplace(birth.preparedPath, path);
    if (isRotation) telemetry.onRotateRename(renameNs);
  } catch (error) {
    telemetry.onOpenNewSegment(startNs, false);
    if (isOutOfSpace(error)) throw error;
    throw segmentFailure('publish a new segment', path, 0, error);
  }
  return { segment: begin(storage, path, birth), directory, startNs, isRotation };
}

/** No descriptor was left for the folder: nothing was synced, and nothing has failed. */
const UNOPENED = new Set(['EMFILE', 'ENFILE']);

/**
 * Makes the name durable.
 * @returns why that is to be tried again, because of a limit of the process; undefined: it is done
 * @throws WalError where the sync has failed
 */
export function publishName(
  storage: Storage,
  clock: Clock,
  telemetry: SegmentWriterUpdater,
  { segment, directory, startNs, isRotation }: NamedSegment,
): unknown {
  const directoryNs = clock.nowNs();
  try {
    storage.syncDirectory(directory);
  } catch (error) {
    if (UNOPENED.has(systemCode(error) ?? '')) return error;
    telemetry.onOpenNewSegment(startNs, false);
    throw segmentFailure('publish a new segment', segment.path, 0, error);
  }
  if (isRotation) telemetry.onRotateDirectorySync(directoryNs);
  telemetry.onOpenNewSegment(startNs, true);
  return undefined;
}

/** Both, for who does not try again. @throws as both, and where a limit is met */
export function publishSegment(
  storage: Storage,
  clock: Clock,
  telemetry: SegmentWriterUpdater,
  birth: SegmentBirth,
): ActiveSegment {
  const named = nameSegment(storage, clock, telemetry, birth);
  const refusal = publishName(storage, clock, telemetry, named);
  if (refusal === undefined) return named.segment;
  throw segmentFailure('publish a new segment', named.segment.path, 0, refusal);
}

function begin(storage: Storage, path: string, birth: SegmentBirth): ActiveSegment {
  const header = decodeSegmentHeader(birth.page);
  assert(!('defect' in header), 'a segment header that was just encoded does not decode');
  return new ActiveSegment(storage, birth.fd, path, {
    segmentIndex: header.segmentIndex,
    segmentBytes: header.segmentBytes,
    fileBytes: header.segmentBytes,
    maxBlockBytes: maxBlockBytes(header),
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
