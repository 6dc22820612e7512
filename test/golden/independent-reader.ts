// A reader written from docs/FORMAT.md alone: it imports nothing of Flashstrike, so the document
// and the golden files hold the code to the format, and not only the code itself.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { xxh64 } from '@node-rs/xxhash';
import { readFrame } from './independent-frame.js';
import {
  checkHeader,
  isZero,
  number64,
  type ReadEvent,
  Refusal,
  Segment,
} from './independent-segment.js';

/** How a log ends that is sound, and up to which event it is known to be durable. */
export interface End {
  readonly word: 'clean' | 'torn-tail';
  readonly durableEventId: number;
}

/** Where a reader is: the segment that it walks, once there is one. */
interface Place {
  segment?: Segment;
}

interface Meta {
  readonly segmentIndex: number;
  readonly durableEventId: number;
  readonly logId: bigint;
  readonly firstKeptEventId: number;
}
/** What cannot be used as a value: whoever needs it throws it. */
type Found<Value> = Value | Refusal;

/** The regular file `name`; undefined: there is none. */
function fileAt(directory: string, name: string): Found<Buffer> | undefined {
  const path = join(directory, name);
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return undefined;
  if (!status.isFile()) return new Refusal('corrupt', `${name} is not a regular file`);
  return readFileSync(path);
}

const damaged = new Refusal('undecidable', 'wal.meta is not valid');

function readMeta(directory: string): Found<Meta> | undefined {
  const bytes = fileAt(directory, 'wal.meta');
  if (bytes === undefined || bytes instanceof Refusal) return bytes;
  if (bytes.length < 64 || bytes.toString('latin1', 0, 8) !== 'FLASHMTA') return damaged;
  if (xxh64(bytes.subarray(0, 56), 0n) !== bytes.readBigUInt64LE(56)) return damaged;
  const version = bytes.readUInt16LE(8);
  if (version !== 1 && version !== 2) return new Refusal('unsupported', 'version of wal.meta');
  if (bytes.length !== 64 || bytes.readUInt16LE(10) > 1) return damaged;
  if (!isZero(bytes.subarray(12, 16)) || isZero(bytes.subarray(48, 56)) !== (version === 1)) {
    return damaged;
  }
  const [segmentIndex, offset] = [bytes.readUInt32LE(16), bytes.readUInt32LE(20)];
  const [lastEventId, durableEventId] = [number64(bytes, 24), number64(bytes, 40)];
  const isPlace = offset >= 4096 && offset <= 2 ** 30 && offset % 8 === 0;
  const isNowhere = offset === 0 && durableEventId === 0;
  if (!(segmentIndex === 0 ? isNowhere : isPlace)) return damaged;
  const firstKeptEventId = number64(bytes, 48);
  if (lastEventId > durableEventId || durableEventId > 2 ** 53 - 2) return damaged;
  if (firstKeptEventId > durableEventId + 1) return damaged;
  return { segmentIndex, durableEventId, logId: bytes.readBigUInt64LE(32), firstKeptEventId };
}

/** The bytes of a segment whose header is sound by itself. */
function readHeader(directory: string, name: string, partial: Set<Buffer>): Found<Buffer> {
  const file = fileAt(directory, name);
  const frame = file instanceof Buffer && name.endsWith('.lz4') ? readFrame(file) : undefined;
  if (typeof frame === 'string') return new Refusal(frame, `the frame of ${name}`);
  const bytes = frame?.content ?? file;
  try {
    if (bytes instanceof Buffer) checkHeader(bytes);
    if (frame !== undefined) {
      const fits = frame.content.length <= number64(frame.content, 32);
      if (!fits) return new Refusal('corrupt', `${name} is longer than its segment`);
      if (!frame.isWhole) partial.add(frame.content);
    }
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  return bytes ?? new Refusal('corrupt', `${name} is gone`);
}

/** The id that most have; between equals that of more segments, then that of the first one. */
function electLogId(segments: readonly Found<Buffer>[], meta: Found<Meta> | undefined): bigint {
  const ids = segments.flatMap((each) =>
    each instanceof Buffer ? [each.readBigUInt64LE(48)] : [],
  );
  const ofMeta = meta === undefined || meta instanceof Refusal ? [] : [meta.logId];
  const weightOf = (logId: bigint): number => {
    const count = ids.filter((each) => each === logId).length;
    return count + (ofMeta.includes(logId) ? 1 : 0) + count / (ids.length + 1);
  };
  const all = [...ids, ...ofMeta];
  const best = Math.max(...all.map(weightOf));
  return all.find((logId) => weightOf(logId) === best) ?? 0n;
}

const indexOf = (name: string): number => Number(name.slice(0, 10));
const isIndex = (index: number): boolean => index >= 1 && index < 2 ** 32;
const isPrepared = (name: string): boolean => {
  const [, ticket] = /^prepared-(0|[1-9]\d{0,9})\.tmp$/.exec(name) ?? [];
  return ticket !== undefined && Number(ticket) < 2 ** 32;
};
const isWhite = (byte: number): boolean => (byte >= 0x09 && byte <= 0x0d) || byte === 0x20;

/** Yields all events; returns how the log ends; throws a {@link Refusal} where it is refused. */
export class LogReader {
  readonly #place: Place = {};

  /** The last id, also where no event was given. */
  get lastEventId(): number {
    return (this.#place.segment?.eventId ?? 1) - 1;
  }

  read(directory: string): Generator<ReadEvent, End, undefined> {
    return readLog(directory, this.#place);
  }
}

function* readLog(directory: string, place: Place): Generator<ReadEvent, End, undefined> {
  const names = readdirSync(directory).filter((name) => isIndex(indexOf(name)));
  const plain = names.filter((name) => /^\d{10}\.wal$/.test(name)).sort();
  const packed = names.filter((name) => /^\d{10}\.wal\.lz4$/.test(name));
  plain.push(...packed.filter((name) => !plain.includes(name.slice(0, 14))));
  plain.sort();
  const partial = new Set<Buffer>();
  const meta = readMeta(directory);
  if (plain.length === 0) return withoutSegments(directory, meta);
  const headers = plain.map((name) => readHeader(directory, name, partial));
  const logId = electLogId(headers, meta);
  const open = (position: number): Segment => {
    const header = headers[position];
    if (!(header instanceof Buffer)) throw header;
    const segment = new Segment(header);
    const isNamed = segment.index === indexOf(plain[position] ?? '');
    if (!isNamed) throw new Refusal('corrupt', `${plain[position]} has another index inside`);
    if (header.readBigUInt64LE(48) === logId) return segment;
    throw new Refusal('corrupt', `${plain[position]} is of another log`);
  };
  let segment = open(0);
  place.segment = segment;
  checkBeginning(segment, meta, logId);
  for (let position = 1; position < plain.length; position++) {
    let successor: Segment;
    try {
      const isNext = indexOf(plain[position] ?? '') === segment.index + 1;
      if (!isNext) throw new Refusal('corrupt', `no segment follows ${segment.index}`);
      successor = open(position);
    } catch (refusal) {
      yield* readUnpinned(segment);
      throw refusal;
    }
    yield* readPinned(segment, successor);
    const bytes = headers[position - 1];
    if (bytes instanceof Buffer && partial.has(bytes)) {
      throw new Refusal('corrupt', `${plain[position - 1]} is not one whole frame`);
    }
    segment = successor;
    place.segment = segment;
  }
  yield* readAll(segment);
  const lock = fileAt(directory, 'LOCK');
  if (lock instanceof Refusal) throw lock;
  return judge(segment, meta, logId);
}

/** Removed on purpose is only what wal.meta says; without one nobody tells. */
function checkBeginning(first: Segment, meta: Found<Meta> | undefined, logId: bigint): void {
  if (meta === undefined || meta instanceof Refusal || meta.logId !== logId) return;
  const { firstKeptEventId } = meta;
  if (firstKeptEventId === 0 || first.firstEventId <= firstKeptEventId) return;
  throw new Refusal('corrupt', `event ${firstKeptEventId} is missing`);
}

function* readAll(segment: Segment, end?: number): Generator<ReadEvent, void, undefined> {
  for (let block = segment.readBlock(end); block !== undefined; block = segment.readBlock(end)) {
    yield* block.events;
  }
}

function* readPinned(segment: Segment, { pin, firstEventId }: Segment): Generator<ReadEvent, void> {
  yield* readAll(segment, pin.offset);
  const { offset, eventId, checksum, isSealed } = segment;
  const isThere = offset === pin.offset && eventId === firstEventId && checksum === pin.checksum;
  if (isThere && !isSealed) return;
  throw new Refusal('corrupt', `segment ${segment.index} does not end as its successor says`);
}

/** A segment whose successor is of no use: up to its end, or to a hole that it tells of itself. */
function* readUnpinned(segment: Segment): Generator<ReadEvent, void> {
  yield* readAll(segment);
  if (segment.isSealed) return;
  for (const { durableEventId, sealedBefore } of segment.claimsAfterEnd()) {
    if (durableEventId < segment.eventId && sealedBefore <= segment.eventId) continue;
    throw new Refusal('corrupt', `segment ${segment.index}, offset ${segment.offset}`);
  }
}

function judge(segment: Segment, found: Found<Meta> | undefined, logId: bigint): End {
  if (found instanceof Refusal && found !== damaged) throw found;
  const meta = found instanceof Refusal ? undefined : found;
  if (meta !== undefined && meta.logId !== logId) {
    throw new Refusal('corrupt', 'wal.meta is of another log');
  }
  const claims = segment.claimsAfterEnd();
  const claimed = claims.map((claim) => claim.durableEventId);
  const durableEventId = Math.max(meta?.durableEventId ?? 0, segment.durableEventId, ...claimed);
  if ((meta?.segmentIndex ?? 0) > segment.index || durableEventId >= segment.eventId) {
    throw new Refusal('corrupt', `event ${segment.eventId} was durable, or a later segment`);
  }
  const hasBlocks = segment.blockIndex + claims.length > 0;
  const isFinished = segment.isSealed || claims.some(({ isOfSeal }) => isOfSeal);
  if (meta === undefined && (isFinished || !hasBlocks)) {
    throw new Refusal('undecidable', 'nothing records what was durable');
  }
  const isEnd = claims.length === 0 && (segment.recycledBody || segment.isZeroAfterEnd);
  return { word: isEnd ? 'clean' : 'torn-tail', durableEventId };
}

function withoutSegments(directory: string, meta: Found<Meta> | undefined): End {
  const lock = fileAt(directory, 'LOCK');
  if (lock instanceof Refusal) throw lock;
  if (meta instanceof Refusal) throw meta;
  if (meta !== undefined) {
    const isNew = meta.segmentIndex === 0 && meta.durableEventId === 0;
    if (isNew) return { word: 'clean', durableEventId: 0 };
    throw new Refusal('corrupt', 'all segments are missing');
  }
  if (lock !== undefined && !lock.subarray(0, 4096).every(isWhite)) {
    throw new Refusal('undecidable', 'a log was opened here');
  }
  const isBegun = (name: string) => name === 'wal.meta.tmp' || isPrepared(name);
  if (lock !== undefined || readdirSync(directory).some(isBegun)) {
    return { word: 'clean', durableEventId: 0 };
  }
  throw new Refusal('no-log', 'nothing of a log');
}
