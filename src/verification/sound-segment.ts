// One finished segment, verified by itself: what `verify` may take over from another thread.
import { join } from 'node:path';
import { WalError } from '../errors.js';
import { openSegment, type SegmentFile } from '../reading/segment-file.js';
import { readBuffer, SegmentReader } from '../reading/segment-reader.js';
import { segmentFileName } from '../segment/file-names.js';
import type { Storage } from '../storage/storage.js';
import { Findings } from './findings.js';
import { FinishedCheck } from './finished-check.js';
import { pinOf } from './segment-verification.js';
import { VerifiedWalk } from './verified-walk.js';
import type { OpenedSegment, SoundSegment } from './verify-ahead-port.js';

/**
 * Undefined where there is anything to report, or to read again: `verify` reads it by itself then,
 * and tells what it is.
 */
export async function soundSegment(
  storage: Storage,
  { dir, index, logId, device, inode }: OpenedSegment,
): Promise<SoundSegment | undefined> {
  let file: SegmentFile | undefined;
  try {
    file = openSegment(storage, join(dir, segmentFileName(index)), { index, logId });
    if (file === undefined || file.device !== device || file.inode !== inode) return undefined;
    const pin = pinOf(storage, dir, file.header);
    const walk = new VerifiedWalk();
    const findings = new Findings(dir);
    const reader = new SegmentReader(storage, file, readBuffer(file.bytes));
    walk.enter(file.header);
    await new FinishedCheck(storage, walk, findings).run(reader, pin);
    if (findings.problems.length > 0 || findings.notes.length > 0) return undefined;
    const { events, lastEventId, durableEventId } = walk;
    return { events, lastEventId, durableEventId, pinSalt: pin.salt };
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    return undefined;
  } finally {
    if (file !== undefined) storage.close(file.fd);
  }
}
