// One open segment file with its verified header. Where a segment has no file of its own name, its
// compressed one is opened: who reads it through `readSegment` need not know.

import { FrameReader } from '../compression/frame-reader.js';
import { WalError } from '../errors.js';
import { type Defect, isDefect, makeDefect } from '../segment/defect.js';
import { compressedPath, isCompressedPath, isPlainPath } from '../segment/file-names.js';
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_PAGE_BYTES,
  type SegmentHeader,
} from '../segment/segment-header.js';
import type { OpenMode, Storage } from '../storage/storage.js';
import { newerVersionAdvice, ownFileAdvice, renameBackAdvice, restoreAdvice } from './advice.js';
import { isMissing, readFailure, reading } from './read-failure.js';
import { type ReadingMeter, silentMeter } from './reading-meter.js';

/** The open file of a segment, of which nothing was read yet. */
interface SegmentSource {
  readonly path: string;
  /** To be read through {@link readSegment} only; where it is compressed it is not written to. */
  readonly fd: number;
  /** The length of the segment when it was opened, whatever its file needs for it. */
  readonly bytes: number;
  /** Reads a compressed segment; undefined for one that is not. */
  readonly frame: FrameReader | undefined;
  readonly device: bigint;
  readonly inode: bigint;
  /** Names that the file has; more than one, and what is written shows under the others as well. */
  readonly names: number;
}

/** A file that is named as a compressed segment, and what is wrong with it. */
type UnreadableSource = Defect & { readonly path: string };

export interface SegmentFile extends SegmentSource {
  readonly header: SegmentHeader;
}

interface SegmentExpectation {
  /** The index that the file's name spells; undefined accepts any. */
  readonly index?: number | undefined;
  /** The log that the segment must belong to; undefined accepts any. */
  readonly logId?: bigint | undefined;
}

/** As `read` of the storage: what a compressed segment lacks by damage reads as no valid block. */
export const readSegment = (
  storage: Storage,
  { fd, path, frame }: Pick<SegmentSource, 'fd' | 'path' | 'frame'>,
  target: Uint8Array,
  offset: number,
): number =>
  reading(path, () => frame?.read(target, offset) ?? storage.read(fd, target, offset), offset);

/** Read into by one call at a time, and of no use to anybody behind it. */
const page = new Uint8Array(SEGMENT_HEADER_PAGE_BYTES);

/** The first page, as far as it stands in the file. */
function headerIn(storage: Storage, source: SegmentSource): SegmentHeader | Defect {
  const count = readSegment(storage, source, page, 0);
  const header =
    source.frame?.damageIn(0, page.length) ?? decodeSegmentHeader(page.subarray(0, count));
  const { frame } = source;
  if (isDefect(header) || frame === undefined || frame.contentBytes <= header.segmentBytes) {
    return header;
  }
  const { contentBytes } = frame;
  const what = `an LZ4 frame of ${contentBytes} bytes for a segment of ${header.segmentBytes}`;
  return makeDefect('field', what);
}

/**
 * Reads and checks the header page of an open segment. Corruption: a name is published after it.
 * Undefined where the name went while the file was opened: it may have another use by now.
 */
function readHeader(
  storage: Storage,
  source: SegmentSource,
  expected: SegmentExpectation,
  meter: ReadingMeter,
): SegmentHeader | undefined {
  const { path } = source;
  const header = headerIn(storage, source);
  if (!isExpected(header, expected) && isNameGone(storage, path)) return undefined;
  if (isDefect(header)) throw headerError(path, header, meter);
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

const isExpected = (header: SegmentHeader | Defect, { index, logId }: SegmentExpectation) =>
  !isDefect(header) &&
  (index === undefined || header.segmentIndex === index) &&
  (logId === undefined || header.logId === logId);

const isNameGone = (storage: Storage, path: string): boolean =>
  reading(path, () => storage.statusAt(path)) === undefined;

function headerError(
  path: string,
  { defect, message: why }: Defect,
  meter: ReadingMeter,
): WalError {
  const newer = defect === 'version' || defect === 'feature';
  if (!newer) {
    const failure = defect === 'checksum' ? 'header' : 'validation';
    meter.segmentReader.onIntegrityFailure(failure);
  }
  const message = newer
    ? `${path} cannot be read: ${why}. ${newerVersionAdvice}`
    : `The header of ${path} is not valid: ${why}. ${restoreAdvice(path)}`;
  const code = newer ? 'ERR_FLASHSTRIKE_UNSUPPORTED' : 'ERR_FLASHSTRIKE_CORRUPT';
  return new WalError(code, message, { path, offset: 0 });
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
  const source = openSource(storage, path, mode);
  if (source === undefined) return undefined;
  if (isDefect(source)) throw headerError(source.path, source, meter);
  let header: SegmentHeader | undefined;
  try {
    header = readHeader(storage, source, expected, meter);
  } finally {
    if (header === undefined) storage.close(source.fd);
  }
  return header && { ...source, header };
}

interface OpenedFile {
  readonly path: string;
  readonly fd: number;
  readonly isCompressed: boolean;
}

/** The file itself or, where a segment has no such file any more, its compressed one. */
function openEither(storage: Storage, path: string, mode: OpenMode): OpenedFile | undefined {
  const opened = openNamed(storage, path, mode);
  if (opened !== undefined || !isPlainPath(path)) return opened;
  return openNamed(storage, compressedPath(path), mode);
}

function openNamed(storage: Storage, path: string, mode: OpenMode): OpenedFile | undefined {
  // Nothing is ever written into a compressed one.
  const isCompressed = isCompressedPath(path);
  try {
    return { path, fd: storage.open(path, isCompressed ? 'read' : mode), isCompressed };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw readFailure(error, path);
  }
}

/**
 * Opens the file of a segment, whatever stands in it; a defect where it is named as compressed and
 * no reader can be made for it, undefined where there is no such file.
 */
export function openSource(
  storage: Storage,
  path: string,
  mode: OpenMode = 'read',
): SegmentSource | UnreadableSource | undefined {
  const opened = openEither(storage, path, mode);
  if (opened === undefined) return undefined;
  const { fd } = opened;
  let source: SegmentSource | UnreadableSource | undefined;
  try {
    source = reading(opened.path, () => sourceOf(storage, opened), 0);
    return source;
  } finally {
    if (source === undefined || isDefect(source)) storage.close(fd);
  }
}

function sourceOf(
  storage: Storage,
  { path, fd, isCompressed }: OpenedFile,
): SegmentSource | UnreadableSource {
  const frame = isCompressed ? FrameReader.open(storage, fd) : undefined;
  if (isDefect(frame)) return { ...frame, path };
  const { bytes, device, inode, links } = storage.statusOf(fd);
  return { path, fd, frame, bytes: frame?.contentBytes ?? bytes, device, inode, names: links };
}

/**
 * The header of a segment, whatever its name; a defect where it has none, undefined where there is
 * no such file.
 */
export function peekSegmentHeader(
  storage: Storage,
  path: string,
): SegmentHeader | Defect | undefined {
  const source = openSource(storage, path);
  if (source === undefined || isDefect(source)) return source;
  try {
    return headerIn(storage, source);
  } finally {
    storage.close(source.fd);
  }
}

/**
 * Whether an open segment was taken away meanwhile: its name is gone or names another file, or its
 * body was recycled under a new header. What then fails to validate is expired, not corrupt. One
 * that was compressed meanwhile is still there.
 */
export function isExpired(storage: Storage, file: SegmentFile): boolean {
  return reading(file.path, () => {
    const now = storage.statusAt(file.path);
    if (now === undefined) {
      const isKept = isPlainPath(file.path) && isThere(storage, compressedPath(file.path));
      return !isKept;
    }
    if (now.inode !== file.inode || now.device !== file.device) return true;
    const header = headerIn(storage, file);
    return !isDefect(header) && header.salt !== file.header.salt;
  });
}

const isThere = (storage: Storage, path: string): boolean => storage.statusAt(path) !== undefined;
