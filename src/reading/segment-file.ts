// One open segment file with its verified header.
import { WalError } from '../errors.js';
import { isDefect } from '../segment/defect.js';
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_PAGE_BYTES,
  type SegmentHeader,
} from '../segment/segment-header.js';
import type { OpenMode, Storage } from '../storage/storage.js';
import { newerVersionAdvice, ownFileAdvice, renameBackAdvice, restoreAdvice } from './advice.js';
import { isMissing, readFailure, reading } from './read-failure.js';
import { type ReadingMeter, silentMeter } from './reading-meter.js';

export interface SegmentFile {
  readonly path: string;
  readonly fd: number;
  /** The file's length when it was opened. */
  readonly bytes: number;
  readonly device: bigint;
  readonly inode: bigint;
  /** Names that the file has; more than one, and what is written shows under the others as well. */
  readonly names: number;
  readonly header: SegmentHeader;
}

interface SegmentExpectation {
  /** The index that the file's name spells; undefined accepts any. */
  readonly index?: number | undefined;
  /** The log that the segment must belong to; undefined accepts any. */
  readonly logId?: bigint | undefined;
}

/**
 * Reads and checks the header page of an open segment. Corruption: a name is published after it.
 */
function readHeader(
  storage: Storage,
  fd: number,
  path: string,
  expected: SegmentExpectation,
  meter: ReadingMeter,
): SegmentHeader {
  const page = new Uint8Array(SEGMENT_HEADER_PAGE_BYTES);
  const count = reading(path, () => storage.read(fd, page, 0), 0);
  const header = decodeSegmentHeader(page.subarray(0, count));
  if (isDefect(header)) {
    const newer = header.defect === 'version' || header.defect === 'feature';
    const failure = header.defect === 'checksum' ? 'header' : 'validation';
    if (!newer) meter.segmentReader.onIntegrityFailure(failure);
    const message = newer
      ? `${path} cannot be read: ${header.message}. ${newerVersionAdvice}`
      : `The header of ${path} is not valid: ${header.message}. ${restoreAdvice(path)}`;
    const code = newer ? 'ERR_FLASHSTRIKE_UNSUPPORTED' : 'ERR_FLASHSTRIKE_CORRUPT';
    throw new WalError(code, message, { path, offset: 0 });
  }
  if (expected.index !== undefined && header.segmentIndex !== expected.index) {
    const message =
      `${path} contains segment ${header.segmentIndex}: the file was renamed or replaced. ` +
      renameBackAdvice(path);
    meter.segmentReader.onIntegrityFailure('validation');
    throw new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset: 0 });
  }
  if (expected.logId !== undefined && header.logId !== expected.logId) {
    meter.segmentReader.onIntegrityFailure('validation');
    throw wrongLogError(path);
  }
  return header;
}

/** A segment file that another log wrote. Its own log may miss it: no advice to remove it. */
export function wrongLogError(path: string): WalError {
  const message = `${path} belongs to another log. ${ownFileAdvice(path)}`;
  return new WalError('ERR_FLASHSTRIKE_WRONG_LOG', message, { path, offset: 0 });
}

/**
 * Opens a segment and verifies its header page; undefined when there is no such file.
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT, _UNSUPPORTED, _WRONG_LOG, _UNSAFE_FILE, _ACCESS, _IO
 */
export function openSegment(
  storage: Storage,
  path: string,
  expected: SegmentExpectation,
  mode: OpenMode = 'read',
  meter: ReadingMeter = silentMeter(),
): SegmentFile | undefined {
  const startNs = meter.nowNs();
  try {
    const file = openFile(storage, path, expected, mode, meter);
    // A segment that is yet to come is looked for again and again: that is no failure.
    if (file !== undefined) meter.segmentReader.onOpenSegment(startNs, true);
    return file;
  } catch (error) {
    meter.segmentReader.onOpenSegment(startNs, false);
    throw error;
  }
}

/** Closes what openSegment opened. */
export function closeSegment(
  storage: Storage,
  { fd }: SegmentFile,
  meter: ReadingMeter = silentMeter(),
): void {
  meter.measure(
    (startNs, ok) => meter.segmentReader.onCloseSegment(startNs, ok),
    () => storage.close(fd),
  );
}

/**
 * The verified header of a segment and the length of its file; undefined when there is no such
 * file. Leaves nothing open.
 * @throws WalError as openSegment
 */
export function readSegmentHeader(
  storage: Storage,
  path: string,
  expected: SegmentExpectation,
  meter: ReadingMeter = silentMeter(),
): Pick<SegmentFile, 'bytes' | 'header'> | undefined {
  return lookAtSegment(storage, path, expected, meter, ({ bytes, header }) => ({ bytes, header }));
}

/**
 * What `look` makes of a segment whose header is verified; undefined when there is no such file.
 * Leaves nothing open.
 * @throws WalError as openSegment
 */
export function lookAtSegment<Seen>(
  storage: Storage,
  path: string,
  expected: SegmentExpectation,
  meter: ReadingMeter,
  look: (file: SegmentFile) => Seen,
): Seen | undefined {
  return meter.measure(
    (startNs, ok) => meter.manager.onReadSegmentHeader(startNs, ok),
    () => {
      const file = openFile(storage, path, expected, 'read', meter);
      if (file === undefined) return undefined;
      try {
        return look(file);
      } finally {
        storage.close(file.fd);
      }
    },
  );
}

function openFile(
  storage: Storage,
  path: string,
  expected: SegmentExpectation,
  mode: OpenMode,
  meter: ReadingMeter,
): SegmentFile | undefined {
  let fd: number;
  try {
    fd = storage.open(path, mode);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw readFailure(error, path);
  }
  try {
    const header = readHeader(storage, fd, path, expected, meter);
    const { bytes, device, inode, links } = reading(path, () => storage.statusOf(fd));
    return { path, fd, bytes, device, inode, names: links, header };
  } catch (error) {
    storage.close(fd);
    throw error;
  }
}

/**
 * Whether an open segment was taken away meanwhile: its name is gone or names another file, or its
 * body was recycled under a new header. What then fails to validate is expired, not corrupt.
 */
export function isExpired(storage: Storage, file: SegmentFile): boolean {
  return reading(file.path, () => {
    const now = storage.statusAt(file.path);
    if (now === undefined || now.inode !== file.inode || now.device !== file.device) return true;
    const page = new Uint8Array(SEGMENT_HEADER_PAGE_BYTES);
    const header = decodeSegmentHeader(page.subarray(0, storage.read(file.fd, page, 0)));
    return !isDefect(header) && header.salt !== file.header.salt;
  });
}
