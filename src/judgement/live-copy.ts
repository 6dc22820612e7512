// Copies of a log that was being written. A tool of backup takes the files one after the other, so
// wal.meta or a later block may be taken after an earlier file: such a copy lacks a tail, and what
// is there of it claims more. That is no damage where the folder is a copy and all that is missing
// has the shape that copying leaves:
// - the last segment ends early, in zeros, or has a hole of zeros that reaches to the end of a
//   page: the tool had read so far, and what came behind was written before it went on
// - segments that wal.meta tells of are not there: their names came after the tool's listing
// A tool lists a folder before it reads the files, so only the last segment of that list was still
// written. Anything before its end, and a gap between segments, is damage as in any log.
import { basename, join } from 'node:path';
import { WalError } from '../errors.js';
import type { LogListing } from '../reading/log-directory.js';
import { reading } from '../reading/read-failure.js';
import { openSegment, readSegment, type SegmentFile } from '../reading/segment-file.js';
import { SegmentReader } from '../reading/segment-reader.js';
import type { FolderIdentity } from '../region/folder-identity.js';
import { BLOCK_HEADER_BYTES, decodeBlockHeader } from '../segment/block-header.js';
import { isDefect } from '../segment/defect.js';
import { maxBlockBytes } from '../segment/segment-header.js';
import { identifyFolder } from '../storage/identify-folder.js';
import type { Storage } from '../storage/storage.js';
import { alignUp, PAGE_BYTES } from '../units.js';
import { isProvenCopy } from './folder-proof.js';
import { lockRecordIn } from './lock-record.js';
import type { TailScan } from './tail-scan.js';

/** Behind the name of a file that is kept and not part of the log. */
const ASIDE_SUFFIX = '.aside';
/** Zeros in front of a page's end that are no padding of frames. */
const ZEROS_MIN = 24;

/** Whether LOCK was provably written in another folder than this one. */
export function isCopyByLock(storage: Storage, dir: string): boolean {
  let recorded: FolderIdentity | undefined;
  try {
    recorded = lockRecordIn(storage, dir).folder;
  } catch (error) {
    // A LOCK that cannot be read proves nothing; who needs it tells what is wrong with it.
    if (error instanceof WalError) return false;
    throw error;
  }
  const actual = recorded && reading(dir, () => identifyFolder(storage, dir));
  if (recorded === undefined || actual === undefined) return false;
  return isProvenCopy(storage, recorded, actual);
}

/**
 * Whether what stands from E on may be what a copy took of a file that was being written: of the
 * block at E the beginning or nothing, then zeros, to the end of a page at least where anything
 * follows. A block that is there to its end and does not validate was damaged.
 */
export function isTornByCopying(storage: Storage, file: SegmentFile, scan: TailScan): boolean {
  const { fromOffset: offset } = scan;
  const blockEnd = blockEndAt(storage, file, offset);
  // Behind the end of the file nothing was taken, which is as good as zeros.
  const bytes = new Uint8Array(alignUp(blockEnd, PAGE_BYTES) - offset);
  readSegment(storage, file, bytes, offset);
  for (
    let page = alignUp(offset + 1, PAGE_BYTES);
    page <= offset + bytes.length;
    page += PAGE_BYTES
  ) {
    let from = page;
    while (from > offset && bytes[from - 1 - offset] === 0) from--;
    // The zeros begin inside of the block: those behind its end are none of it.
    if (from === offset || Math.min(page, blockEnd) - from >= ZEROS_MIN) return true;
  }
  return false;
}

/**
 * Where the block at `offset` ends as its header tells; where that is not whole, just behind it.
 */
function blockEndAt(storage: Storage, file: SegmentFile, offset: number): number {
  const bytes = new Uint8Array(BLOCK_HEADER_BYTES);
  const count = readSegment(storage, file, bytes, offset);
  const head = bytes.subarray(0, count);
  const max = maxBlockBytes(file.header);
  const header = decodeBlockHeader(head, 0, file.header.salt, offset, max);
  return offset + BLOCK_HEADER_BYTES + (isDefect(header) ? ZEROS_MIN : header.payloadBytes);
}

export interface SetAside {
  readonly events: number;
  readonly bytes: number;
  /** A sentence each. */
  readonly notes: readonly string[];
}

/**
 * Prepared files of a copy that hold events are kept under another name: the original gave such a
 * file its place in the log while the tool had it open. All others are left-overs.
 * @param nextEventId ids below are in the log already
 */
export function setAsidePrepared(
  storage: Storage,
  { dir, prepared }: LogListing,
  logId: bigint,
  nextEventId: number,
): SetAside {
  let [events, bytes] = [0, 0];
  const notes: string[] = [];
  for (const name of prepared) {
    const path = join(dir, name);
    const held = heldBy(storage, path, logId, nextEventId);
    if (held === undefined || held.events === 0) continue;
    const aside = freeName(storage, path);
    storage.rename(path, aside);
    events += held.events;
    bytes += held.bytes;
    notes.push(
      `${name} holds events up to ${held.lastEventId}: the original turned it into a segment ` +
        `while it was copied. It is kept as ${basename(aside)}, and is not part of this log.`,
    );
  }
  if (notes.length > 0) storage.syncDirectory(dir);
  return { events, bytes, notes };
}

function heldBy(storage: Storage, path: string, logId: bigint, nextEventId: number) {
  let file: SegmentFile | undefined;
  try {
    file = openSegment(storage, path, { logId });
    if (file === undefined) return undefined;
    const reader = new SegmentReader(storage, file);
    while (reader.next());
    const first = Math.max(nextEventId, file.header.firstEventId);
    const lastEventId = reader.nextEventId - 1;
    return { events: Math.max(0, lastEventId - first + 1), lastEventId, bytes: reader.offset };
  } catch (error) {
    // Mostly it has no header yet, and then no event.
    if (error instanceof WalError) return undefined;
    throw error;
  } finally {
    if (file !== undefined) storage.close(file.fd);
  }
}

function freeName(storage: Storage, path: string): string {
  let name = `${path}${ASIDE_SUFFIX}`;
  for (let count = 2; storage.statusAt(name) !== undefined; count++) {
    name = `${path}${ASIDE_SUFFIX}-${count}`;
  }
  return name;
}
