// A segment on its way into the folder of a backup, in bounded steps: copied under a name of its
// own, synced, read again with all its checksums, and only then given the name of a segment that is
// there whole. No reader and no opening takes either for a segment.
import { basename, join } from 'node:path';
import { WalError } from '../errors.js';
import { reading } from '../reading/read-failure.js';
import { sealedEnd } from '../reading/seal-block.js';
import { openSegment, readSegment, type SegmentFile } from '../reading/segment-file.js';
import { type SegmentEnd, SegmentReader } from '../reading/segment-reader.js';
import { copyingFileName, segmentFileName, stagedFileName } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import { isLeftOver } from '../storage/left-over.js';
import type { Storage } from '../storage/storage.js';
import { alignUp, KIB, PAGE_BYTES } from '../units.js';
import { SegmentVerification } from '../verification/segment-verification.js';

const STEP_BYTES = 512 * KIB;

/** Runs work on the target; its failures are told as such. */
type Writing = <Result>(work: () => Result) => Result;

/** Where a segment is copied to. */
export interface StagingPlace {
  readonly storage: Storage;
  readonly target: string;
  readonly writing: Writing;
}

/** Bytes that were copied since the last step. */
type Steps = Generator<number, string, undefined>;

/**
 * Copies a finished segment as it is, compressed or not; returns the name of the segment's file.
 * @param pin the header of the segment that follows it
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT where it is damaged
 */
export function* stageFinished(place: StagingPlace, file: SegmentFile, pin: SegmentHeader): Steps {
  const { storage } = place;
  const name = basename(file.path);
  const isCompressed = file.frame !== undefined;
  const bytes = file.frame?.fileBytes ?? sealedEnd(storage, file, pin.previousEndOffset);
  const read = (chunk: Uint8Array, offset: number): number =>
    reading(file.path, () => storage.read(file.fd, chunk, offset), offset);
  yield* copy(place, name, { path: file.path, bytes, isPadded: !isCompressed, read });
  const verification = new SegmentVerification(storage, reopened(place, name, file), pin);
  try {
    while (!verification.step()) yield 0;
  } catch (error) {
    throw notCopied(error);
  } finally {
    verification.close();
  }
  keep(place, name);
  return name;
}

/** Copies the last segment of a log up to `end`; returns the name of the segment's file. */
export function* stageLast(place: StagingPlace, file: SegmentFile, end: SegmentEnd): Steps {
  const { storage } = place;
  const name = segmentFileName(file.header.segmentIndex);
  const { path } = file;
  const read = (chunk: Uint8Array, offset: number): number =>
    readSegment(storage, file, chunk, offset);
  yield* copy(place, name, { path, bytes: end.endOffset, isPadded: true, read });
  const copied = reopened(place, name, file);
  try {
    const reader = new SegmentReader(storage, copied);
    for (let enough = STEP_BYTES; reader.next(end.endOffset); ) {
      if (reader.bytesRead < enough) continue;
      enough = reader.bytesRead + STEP_BYTES;
      yield 0;
    }
    if (!isSameEnd(reader.end, end)) throw changedError(file, reader);
  } finally {
    storage.close(copied.fd);
  }
  keep(place, name);
  return name;
}

export const isSameEnd = (a: SegmentEnd, b: SegmentEnd): boolean =>
  a.endOffset === b.endOffset &&
  a.lastEventId === b.lastEventId &&
  a.blockChecksum === b.blockChecksum;

interface Source {
  readonly path: string;
  readonly bytes: number;
  /** To the end of a page, as a log that is closed leaves its last file. */
  readonly isPadded: boolean;
  readonly read: (chunk: Uint8Array, offset: number) => number;
}

function* copy(
  { storage, target, writing }: StagingPlace,
  name: string,
  { path, bytes, isPadded, read }: Source,
): Generator<number, void, undefined> {
  const copying = join(target, copyingFileName(name));
  const chunk = new Uint8Array(Math.min(STEP_BYTES, bytes));
  const fd = writing(() => {
    if (isLeftOver(storage, copying)) storage.unlink(copying);
    return storage.open(copying, 'create');
  });
  try {
    for (let offset = 0; offset < bytes; ) {
      const part = chunk.subarray(0, Math.min(chunk.length, bytes - offset));
      const count = read(part, offset);
      if (count < part.length) {
        const message = `${path} became shorter while it was copied. Make the backup again.`;
        throw new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset: offset + count });
      }
      const from = offset;
      writing(() => storage.write(fd, [part], from));
      // The sync at the end then finds less to do, and holds up less.
      storage.startWriteback(fd, from, count);
      offset += count;
      yield count;
    }
    writing(() => {
      if (isPadded && bytes % PAGE_BYTES > 0) storage.truncate(fd, alignUp(bytes, PAGE_BYTES));
      storage.sync(fd);
    });
  } finally {
    storage.close(fd);
  }
  yield 0;
}

/** What was written, opened again; the path in messages is that of the source. */
function reopened(
  { storage, target }: StagingPlace,
  name: string,
  { path, header }: SegmentFile,
): SegmentFile {
  const { segmentIndex: index, logId } = header;
  const copying = join(target, copyingFileName(name));
  const file = openSegment(storage, copying, { index, logId });
  if (file === undefined) {
    const message = `${copying} disappeared while it was verified. Make the backup again.`;
    throw new WalError('ERR_FLASHSTRIKE_FILE_LOST', message, { path: copying });
  }
  return { ...file, path };
}

/** Verified and on disk. */
function keep({ storage, target, writing }: StagingPlace, name: string): void {
  const copying = join(target, copyingFileName(name));
  writing(() => storage.rename(copying, join(target, stagedFileName(name))));
}

const notCopied = (error: unknown): unknown =>
  error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_CORRUPT'
    ? notBackedUp(error)
    : error;

/** What is wrong with a log or its backup, as the reason why none was made. */
export function notBackedUp(error: WalError): WalError {
  const { code, message, path, offset } = error;
  return new WalError(code, `No backup was made: ${message}`, { path, offset, cause: error });
}

function changedError({ path }: SegmentFile, { end, stop }: SegmentReader): WalError {
  const message =
    `No backup was made: ${path} read differently at offset ${end.endOffset}, event ` +
    `${end.lastEventId}, when it was copied (${stop?.message}). Run flashstrike verify, check ` +
    'both disks, then make the backup again.';
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset: end.endOffset });
}
