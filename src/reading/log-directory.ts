// What stands in a log's folder: names, sizes, gaps, wal.meta. Listing takes no lock, so names may
// come and go meanwhile; a gap is only believed when two listings show the same one.
import { join } from 'node:path';
import { printable, systemCode, WalError } from '../errors.js';
import { isDefect } from '../segment/defect.js';
import {
  classifyName,
  compressedPath,
  META_FILE,
  parseCompressedFileName,
  parseConsumerFileName,
  parseConsumerTemporaryName,
  parseSegmentFileName,
  segmentFileName,
} from '../segment/file-names.js';
import { decodeMeta, META_BYTES, type WalMeta } from '../segment/wal-meta.js';
import type { DirectoryEntry, EntryKind, Storage } from '../storage/storage.js';
import { newerVersionAdvice, ownMetaAdvice } from './advice.js';
import { isMissing, readFailure, reading, UNREADABLE } from './read-failure.js';
import { readSegmentHeader } from './segment-file.js';

export interface ListedSegment {
  readonly index: number;
  readonly name: string;
  readonly path: string;
  /** Anything but `file` is refused when it is opened. */
  readonly kind: EntryKind;
  /** Length of the file, 0 for anything else. */
  readonly bytes: number;
  /** Its file is an LZ4 frame. */
  readonly isCompressed: boolean;
}

/** Segments that are missing between two that are there; both ends inclusive. */
export interface SegmentGap {
  readonly firstIndex: number;
  readonly lastIndex: number;
}

export interface LogListing {
  readonly dir: string;
  /** `*.wal`, and `*.wal.lz4` where there is no such file without `.lz4`; by index. */
  readonly segments: readonly ListedSegment[];
  /** Names of `*.wal.lz4` beside which the same segment is there as it was: that one counts. */
  readonly doubled: readonly string[];
  /**
   * Names of segments that were removed on purpose and came back: they are no part of the log. A
   * sync of the folder failed, the kernel took the names for removed, the disk still had them.
   */
  readonly returned: readonly string[];
  /** Names of `*.wal.lz4.tmp`. */
  readonly compressing: readonly string[];
  /** Indexes that are missing between the first and the last that are there. */
  readonly gaps: readonly SegmentGap[];
  readonly prepared: readonly string[];
  /** Names of consumers that have a file, without its ending. */
  readonly consumers: readonly string[];
  /** Names of what a backup into this folder, which is not at its end, has copied. */
  readonly unfinishedBackup: readonly string[];
  /** Of those whose file is being written, or was left by a crash. */
  readonly unfinishedConsumers: readonly string[];
  /** Names of the snapshots of a machine's state, by event. */
  readonly snapshots: readonly string[];
  /** Of those that are being written, or were left by a crash. */
  readonly unfinishedSnapshots: readonly string[];
  /** Names that are not ours; never touched. */
  readonly unknown: readonly string[];
  readonly hasMeta: boolean;
  readonly hasMetaTemporary: boolean;
  readonly hasLock: boolean;
}

/** Listings until a gap is believed: each further one needs a rotation during the one before. */
const LISTINGS_MAX = 5;

/**
 * Lists a log's folder.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG when there is no such folder or it has too many
 * entries
 */
export function listLog(storage: Storage, dir: string): LogListing {
  let listing = classify(storage, dir, listEntries(storage, dir));
  for (let count = 1; count < LISTINGS_MAX; count++) {
    if (listing.gaps.length === 0 && !lacksFirst(storage, listing)) break;
    // readdir may miss a name that is created while it runs, and show a later one. A segment that
    // is being compressed may have been neither under its old name by now, nor under the new one.
    const again = classify(storage, dir, listEntries(storage, dir));
    const stays = again.gaps.some((gap) => listing.gaps.some((other) => overlap(gap, other)));
    listing = again;
    if (stays) break;
  }
  return withoutReturned(storage, listing);
}

/**
 * The listing without the segments in front of a gap that was made on purpose: wal.meta says that
 * the log has all from an event on, and what stands behind the gap begins no later.
 * @throws WalError ERR_FLASHSTRIKE_ACCESS, _IO where that cannot be read
 */
function withoutReturned(storage: Storage, listing: LogListing): LogListing {
  if (listing.gaps.length === 0) return listing;
  const metaReading = readMeta(storage, listing.dir);
  if (metaReading.status !== 'present') return listing;
  const { logId, firstKeptEventId } = metaReading.meta;
  const gap = listing.gaps.findLast(({ lastIndex: index }) => {
    const first = firstEventAt(storage, listing, index + 1, logId);
    return first !== undefined && first <= firstKeptEventId;
  });
  if (gap === undefined) return listing;
  const { lastIndex } = gap;
  const isBehind = (index: number | undefined): boolean => index !== undefined && index > lastIndex;
  const doubled = listing.doubled.filter((name) => isBehind(parseCompressedFileName(name)));
  return {
    ...listing,
    segments: listing.segments.filter(({ index }) => isBehind(index)),
    doubled,
    returned: [
      ...listing.doubled.filter((name) => !doubled.includes(name)),
      ...listing.segments.filter(({ index }) => !isBehind(index)).map(({ name }) => name),
    ],
    gaps: listing.gaps.filter(({ firstIndex }) => isBehind(firstIndex)),
  };
}

/** Undefined for a segment that tells nothing. */
function firstEventAt(
  storage: Storage,
  { segments }: LogListing,
  index: number,
  logId: bigint,
): number | undefined {
  const segment = segments.find((candidate) => candidate.index === index);
  if (segment === undefined) return undefined;
  try {
    return readSegmentHeader(storage, segment.path, { index, logId })?.header.firstEventId;
  } catch (error) {
    if (error instanceof WalError && !UNREADABLE.has(error.code)) return undefined;
    throw error;
  }
}

/** Whether the folder holds anything that only a log leaves behind. */
export const holdsLog = (listing: LogListing): boolean =>
  listing.segments.length > 0 ||
  listing.compressing.length > 0 ||
  listing.prepared.length > 0 ||
  listing.hasMeta ||
  listing.hasMetaTemporary ||
  listing.hasLock ||
  // Whose acknowledgement may be all that is left of the log.
  listing.consumers.length > 0;

const LOG_NAMES: ReadonlySet<ReturnType<typeof classifyName>> = new Set([
  'segment',
  'compressed',
  'compressing',
  'prepared',
  'meta',
  'meta-temporary',
  'lock',
  'consumer',
]);

/**
 * What {@link holdsLog} tells of a listing, by the names alone: for who needs no more of it.
 * @throws WalError as listLog
 */
export const isLogFolder = (storage: Storage, dir: string): boolean =>
  listEntries(storage, dir).some(({ name }) => LOG_NAMES.has(classifyName(name)));

/** The error for a folder that {@link holdsLog} denies. */
export const noLogIn = (dir: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_NOT_A_LOG',
    `${dir} does not contain a log. Give the folder of a log.`,
    {
      path: dir,
    },
  );

/**
 * Whether there is no log in `dir` yet, nor perhaps that folder.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG where something else has its name; _ACCESS, _IO
 */
export function isNoLogYet(storage: Storage, dir: string): boolean {
  try {
    return !isLogFolder(storage, dir);
  } catch (error) {
    if (error instanceof WalError && systemCode(error.cause) === 'ENOENT') return true;
    throw error;
  }
}

const overlap = (a: SegmentGap, b: SegmentGap): boolean =>
  a.firstIndex <= b.lastIndex && b.firstIndex <= a.lastIndex;

/** Whether there is a segment right before the first that was listed. */
function lacksFirst(storage: Storage, { dir, segments }: LogListing): boolean {
  const [first] = segments;
  if (first === undefined || first.index === 1) return false;
  const path = join(dir, segmentFileName(first.index - 1));
  return [path, compressedPath(path)].some(
    (name) => reading(name, () => storage.statusAt(name)) !== undefined,
  );
}

function listEntries(storage: Storage, dir: string): readonly DirectoryEntry[] {
  try {
    return storage.list(dir);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      const message = `${dir} is not a folder. Give the folder of a log.`;
      throw new WalError('ERR_FLASHSTRIKE_NOT_A_LOG', message, { path: dir, cause: error });
    }
    throw readFailure(error, dir);
  }
}

function classify(storage: Storage, dir: string, entries: readonly DirectoryEntry[]): LogListing {
  const plain = new Map<number, ListedSegment>();
  const compressed = new Map<number, ListedSegment>();
  const compressing: string[] = [];
  const prepared: string[] = [];
  const consumers: string[] = [];
  const unfinishedBackup: string[] = [];
  const unfinishedConsumers: string[] = [];
  const snapshots: string[] = [];
  const unfinishedSnapshots: string[] = [];
  const unknown: string[] = [];
  const names = new Set<string>();
  // A log may have thousands: what is the same for all is made once.
  const prefix = join(dir, META_FILE).slice(0, -META_FILE.length);
  for (const { name, kind } of entries) {
    const nameKind = classifyName(name);
    if (nameKind === 'prepared') prepared.push(name);
    else if (nameKind === 'unknown') unknown.push(name);
    else if (nameKind === 'compressing') compressing.push(name);
    else if (nameKind === 'backup') unfinishedBackup.push(name);
    else if (nameKind === 'snapshot') snapshots.push(name);
    else if (nameKind === 'snapshot-temporary') unfinishedSnapshots.push(name);
    else names.add(nameKind);
    if (nameKind === 'consumer') consumers.push(...given(parseConsumerFileName(name)));
    if (nameKind === 'consumer-temporary') {
      unfinishedConsumers.push(...given(parseConsumerTemporaryName(name)));
    }
    const isCompressed = nameKind === 'compressed';
    const index = isCompressed ? parseCompressedFileName(name) : parseSegmentFileName(name);
    if (index !== undefined) {
      const path = prefix + name;
      const status = reading(path, () => storage.statusAt(path));
      // Taken away by retention since it was listed.
      if (status === undefined) continue;
      const bytes = status.kind === 'file' ? status.bytes : 0;
      const actualKind = kind === 'other' ? status.kind : kind;
      const segment = { index, name, path, kind: actualKind, bytes, isCompressed };
      (isCompressed ? compressed : plain).set(index, segment);
    }
  }
  const segments = [...new Map([...compressed, ...plain]).values()];
  segments.sort((a, b) => a.index - b.index);
  const doubled = [...compressed.values()].filter(({ index }) => plain.has(index));
  return {
    dir,
    segments,
    doubled: doubled.map(({ name }) => name),
    returned: [],
    compressing,
    gaps: gapsIn(segments.map(({ index }) => index)),
    prepared,
    consumers,
    unfinishedBackup,
    unfinishedConsumers,
    snapshots,
    unfinishedSnapshots,
    unknown,
    hasMeta: names.has('meta'),
    hasMetaTemporary: names.has('meta-temporary'),
    hasLock: names.has('lock'),
  };
}

const given = (name: string | undefined): string[] => (name === undefined ? [] : [name]);

function gapsIn(indexes: readonly number[]): SegmentGap[] {
  const gaps: SegmentGap[] = [];
  let previous: number | undefined;
  for (const index of indexes) {
    if (previous !== undefined && index > previous + 1) {
      gaps.push({ firstIndex: previous + 1, lastIndex: index - 1 });
    }
    previous = index;
  }
  return gaps;
}

/**
 * - `damaged`: to be noted; D is gathered without it
 * - `unsupported`: of a newer version, refused
 * - `unsafe`: a folder, a link, a FIFO … under our name, refused
 */
export type MetaReading =
  | { readonly status: 'present'; readonly meta: WalMeta }
  | { readonly status: 'missing' }
  | { readonly status: 'damaged' | 'unsupported' | 'unsafe'; readonly message: string };

/** Reads wal.meta; only what keeps it from being read at all (EACCES, EIO) is thrown. */
export function readMeta(storage: Storage, dir: string): MetaReading {
  const path = join(dir, META_FILE);
  let fd: number;
  try {
    fd = storage.open(path, 'read');
  } catch (error) {
    if (isMissing(error)) return { status: 'missing' };
    if (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_UNSAFE_FILE') {
      return { status: 'unsafe', message: error.message };
    }
    throw readFailure(error, path);
  }
  try {
    // One byte more than it has: a longer file is no wal.meta.
    const bytes = new Uint8Array(META_BYTES + 1);
    const count = reading(path, () => storage.read(fd, bytes, 0));
    const meta = decodeMeta(bytes.subarray(0, count));
    if (!isDefect(meta)) return { status: 'present', meta };
    const status = meta.defect === 'version' ? 'unsupported' : 'damaged';
    const verb = status === 'damaged' ? 'is not valid' : 'cannot be read';
    return { status, message: `${path} ${verb}: ${meta.message}.` };
  } finally {
    storage.close(fd);
  }
}

/**
 * The meta of a reading, undefined where D must be gathered without it.
 * @throws WalError ERR_FLASHSTRIKE_UNSUPPORTED, _UNSAFE_FILE, or _WRONG_LOG when `logId` differs
 */
export function usableMeta(
  reading: MetaReading,
  dir: string,
  logId?: bigint | undefined,
): WalMeta | undefined {
  const path = join(dir, META_FILE);
  switch (reading.status) {
    case 'missing':
    case 'damaged':
      return undefined;
    case 'unsupported': {
      const message = `${reading.message} ${newerVersionAdvice}`;
      throw new WalError('ERR_FLASHSTRIKE_UNSUPPORTED', message, { path });
    }
    case 'unsafe':
      throw new WalError('ERR_FLASHSTRIKE_UNSAFE_FILE', reading.message, { path });
    case 'present': {
      if (logId === undefined || reading.meta.logId === logId) return reading.meta;
      const message = `${path} belongs to another log than the segments. ${ownMetaAdvice(dir)}`;
      throw new WalError('ERR_FLASHSTRIKE_WRONG_LOG', message, { path });
    }
  }
}

/** A note about what is odd in the folder and does no harm. */
export function listingNotes(listing: LogListing, reading: MetaReading): string[] {
  const notes = listing.unknown.map((name) => `${printable(name)} is not part of the log.`);
  for (const name of listing.unfinishedBackup) {
    notes.push(`${name} belongs to a backup that did not come to its end: make it again.`);
  }
  for (const name of listing.compressing) notes.push(`${name} was left behind by a crash.`);
  for (const name of listing.doubled) {
    notes.push(`${name} is not read: the same segment is there without .lz4.`);
  }
  for (const name of listing.returned) {
    notes.push(`${name} is not read: it was removed on purpose, and came back behind a crash.`);
  }
  const [first] = listing.segments;
  // Where wal.meta says from which event on the log has all, it is sound without them, or corrupt.
  const isTold = reading.status === 'present' && reading.meta.firstKeptEventId > 0;
  if (first !== undefined && first.index > 1 && !isTold) {
    notes.push(`The log begins with ${first.name}: it does not have the segments before it.`);
  }
  return notes;
}

/** A note about a wal.meta without which the log is judged. */
export function metaNotes(reading: MetaReading, listing: LogListing): string[] {
  if (reading.status === 'damaged') return [reading.message];
  // It is durable before the first segment is there, and no crash takes it away.
  const isLost = reading.status === 'missing' && listing.segments.length > 0;
  return isLost ? ['wal.meta is missing.'] : [];
}
