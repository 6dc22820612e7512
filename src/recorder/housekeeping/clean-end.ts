// The last thing that is done to a log that is closed: wal.meta says so and, once that is durable,
// the last segment's file gives back what it does not hold. In this order, as what stands in
// wal.meta tells a file that was cut here from one that has lost something: every byte before the
// end is durable, and known to be. The cut needs no sync: a power cut leaves the file as it was, or
// as it is now.
//
// Where it cannot be cut, nothing is lost but space: what is not the file that the writer knew, has
// another name as well, or has something behind its end, is left alone.
import { join } from 'node:path';
import { isNoSpace, systemCode, WalError } from '../../errors.js';
import { isZero } from '../../memory/zeros.js';
import { closeSegment, openSegment, type SegmentFile } from '../../reading/segment-file.js';
import type { DurablePoint } from '../../ring/ring-control.js';
import { readBlockHeader } from '../../segment/block-header.js';
import { isDefect } from '../../segment/defect.js';
import { segmentFileName } from '../../segment/file-names.js';
import { hasRecycledBody } from '../../segment/segment-header.js';
import type { Storage } from '../../storage/storage.js';
import { PAGE_BYTES } from '../../units.js';
import { closedBytes } from '../threads/segment-growth.js';
import type { MetaCoordinator } from './meta-coordinator.js';

/**
 * Marks the log as closed and gives back space; the writer must have ended without a failure.
 * @throws WalError ERR_FLASHSTRIKE_NO_SPACE, _IO: every event is on disk
 */
export function endCleanly(
  storage: Storage,
  directory: string,
  coordinator: MetaCoordinator,
  logId: bigint,
): void {
  let point: DurablePoint;
  try {
    point = coordinator.flush(true);
  } catch (error) {
    throw notDone(directory, 'wal.meta could not be written', TREATED_AS_CRASH, error);
  }
  if (point.segmentIndex === 0) return;
  const path = join(directory, segmentFileName(point.segmentIndex));
  try {
    cutBehind(storage, path, point, logId);
  } catch (error) {
    throw notDone(path, 'the file could not be cut to what it holds', CUT_LATER, error);
  }
}

function cutBehind(
  storage: Storage,
  path: string,
  { segmentIndex, offset }: DurablePoint,
  logId: bigint,
): void {
  const endBytes = closedBytes(offset);
  if ((storage.statusAt(path)?.bytes ?? 0) <= endBytes) return;
  const file = openSegment(storage, path, { index: segmentIndex, logId }, 'rewrite');
  if (file === undefined) return;
  try {
    if (file.names !== 1 || file.bytes <= endBytes || !endsAt(storage, file, offset)) return;
    storage.truncate(file.fd, endBytes);
  } finally {
    closeSegment(storage, file);
  }
}

/**
 * Whether nothing of this segment follows at the end: a block that found no space leaves a part of
 * itself. What an earlier use of the file left there is nothing.
 */
function endsAt(storage: Storage, { fd, header }: SegmentFile, offset: number): boolean {
  const page = new Uint8Array(PAGE_BYTES);
  const count = storage.read(fd, page, offset);
  if (!hasRecycledBody(header)) return isZero(page, 0, count);
  return isDefect(readBlockHeader(page.subarray(0, count), 0, header.salt, offset));
}

const TREATED_AS_CRASH = 'The next open treats this close as a crash, and loses nothing.';
const CUT_LATER = 'It takes more space than it needs until the log is opened and closed again.';

function notDone(path: string, what: string, consequence: string, cause: unknown): WalError {
  const code = isNoSpace(cause) ? 'ERR_FLASHSTRIKE_NO_SPACE' : 'ERR_FLASHSTRIKE_IO';
  const why = systemCode(cause) ?? cause;
  const message = `${path}: every event is on disk, but ${what} (${why}). ${consequence}`;
  return new WalError(code, message, { path, cause });
}
