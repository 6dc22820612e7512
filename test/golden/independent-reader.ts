// A reader written from docs/FORMAT.md alone: it imports nothing of Flashstrike, so the document
// and the golden files hold the code to the format, and not only the code itself.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { xxh64 } from '@node-rs/xxhash';

export interface ReadEvent {
  readonly eventId: number;
  readonly type: number;
  readonly timestampNs: bigint;
  readonly payload: Buffer;
}
export type End = 'clean' | 'torn-tail' | 'undecidable';

interface Block {
  readonly kind: number;
  readonly end: number;
  readonly events: ReadEvent[];
  readonly durableEventId: number;
}
/** What the next block must continue. */
interface Expected {
  offset: number;
  eventId: number;
  blockIndex: number;
  checksum: bigint;
}

const corrupt = (what: string): Error => new Error(`corrupt: ${what}`);
const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
/** An id, a count or an offset: beyond 2^53 it is equal to no expected number. */
const number64 = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

function readMeta(path: string): { segmentIndex: number; durableEventId: number } | undefined {
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const isMeta = bytes.length === 64 && bytes.toString('latin1', 0, 8) === 'FLASHMTA';
  if (!isMeta || xxh64(bytes.subarray(0, 56), 0n) !== bytes.readBigUInt64LE(56)) return undefined;
  if (bytes.readUInt16LE(8) !== 1) throw new Error('unsupported: version of wal.meta');
  return { segmentIndex: bytes.readUInt32LE(16), durableEventId: number64(bytes, 40) };
}

class Segment {
  readonly bytes: Buffer;
  readonly index: number;
  readonly next: Expected;
  readonly #salt: bigint;

  constructor(path: string, index: number) {
    const bytes = readFileSync(path);
    const page = bytes.subarray(0, 4096);
    if (page.length < 4096 || page.toString('latin1', 0, 8) !== 'FLASHWAL') {
      throw corrupt(`segment ${index} has no header`);
    }
    const checksumAt = page.readUInt16LE(10) - 8;
    if (checksumAt < 12 || checksumAt > 4088) throw corrupt(`header of segment ${index}`);
    const checksum = page.readBigUInt64LE(checksumAt);
    if (xxh64(page.subarray(0, checksumAt), 0n) !== checksum) {
      throw corrupt(`header of segment ${index}`);
    }
    if (page.readUInt16LE(8) !== 1) throw new Error(`unsupported: version ${page.readUInt16LE(8)}`);
    if (page.readUInt32LE(16) !== 0) throw new Error('unsupported: incompatible flags');
    if (page.readUInt16LE(12) !== 8 || page[14] !== 1)
      throw new Error('unsupported: alignment, checksum');
    const spare = [page.subarray(15, 16), page.subarray(28, 32), page.subarray(96, 120)];
    if (![...spare, page.subarray(128)].every(isZero)) throw corrupt(`spare bytes of ${index}`);
    if (page.readUInt32LE(24) !== index) throw corrupt(`segment ${index} has another index inside`);
    this.bytes = bytes;
    this.index = index;
    this.#salt = page.readBigUInt64LE(56);
    this.next = { offset: 4096, eventId: number64(page, 40), blockIndex: 0, checksum };
  }

  get logId(): bigint {
    return this.bytes.readBigUInt64LE(48);
  }
  get recycledBody(): boolean {
    return (this.bytes.readUInt32LE(20) & 1) !== 0;
  }
  get pin(): { lastEventId: number; offset: number; checksum: bigint } {
    const { bytes } = this;
    const checksum = bytes.readBigUInt64LE(88);
    return { lastEventId: number64(bytes, 72), offset: number64(bytes, 80), checksum };
  }

  /** Whether a header that belongs to this place stands at `at`. */
  isHeader(at: number): boolean {
    if (at + 64 > this.bytes.length || this.bytes.toString('latin1', at, at + 2) !== 'FB')
      return false;
    const checksum = xxh64(this.bytes.subarray(at, at + 56), this.#salt ^ BigInt(at));
    return checksum === this.bytes.readBigUInt64LE(at + 56);
  }

  /** The block at the expected place, and moves behind it; undefined if there is no valid one. */
  readBlock(): Block | undefined {
    const { next, bytes } = this;
    if (!this.isHeader(next.offset)) return undefined;
    const header = bytes.subarray(next.offset, next.offset + 64);
    const [kind = 0, flags] = header.subarray(2);
    const end = next.offset + 64 + header.readUInt32LE(4);
    const eventCount = header.readUInt32LE(16);
    const durableEventId = number64(header, 24);
    const follows =
      number64(header, 8) === next.eventId &&
      header.readUInt32LE(20) === next.blockIndex &&
      header.readBigUInt64LE(40) === next.checksum;
    const fits = end <= bytes.length && end - next.offset <= 1_048_576 && end % 8 === 0;
    if (!follows || !fits || flags !== 0 || durableEventId >= next.eventId) return undefined;
    const payload = bytes.subarray(next.offset + 64, end);
    if (xxh64(payload, this.#salt) !== header.readBigUInt64LE(32)) return undefined;
    const events = kind === 1 ? readFrames(payload, next.eventId) : [];
    const counted = kind === 1 ? eventCount >= 1 : eventCount === 0;
    if (events?.length !== eventCount || !counted) return undefined;
    if (kind === 2 && payload.length !== 0) return undefined;
    if (kind === 3 && !isSeal(payload, next.eventId)) return undefined;
    if (kind < 1 || kind > 3) return undefined;
    next.offset = end;
    next.eventId += eventCount;
    next.blockIndex++;
    next.checksum = header.readBigUInt64LE(56);
    return { kind, end, events, durableEventId };
  }
}

function readFrames(payload: Buffer, firstEventId: number): ReadEvent[] | undefined {
  const events: ReadEvent[] = [];
  let kind = 0;
  for (let at = 0; at < payload.length; ) {
    const frameBytes = payload.readUInt32LE(at);
    const end = at + frameBytes;
    const next = Math.ceil(end / 8) * 8;
    if (frameBytes < 24 || next > payload.length || !isZero(payload.subarray(end, next))) return;
    kind = payload.readUInt16LE(at + 4);
    const eventId = number64(payload, at + 8);
    if ((kind !== 1 && kind !== 2) || eventId !== firstEventId + events.length) return;
    const timestampNs = payload.readBigUInt64LE(at + 16);
    const type = payload.readUInt16LE(at + 6);
    events.push({ eventId, type, timestampNs, payload: payload.subarray(at + 24, end) });
    at = next;
  }
  return kind === 1 ? events : undefined;
}

const isSeal = (seal: Buffer, nextEventId: number): boolean =>
  seal.length >= 64 &&
  seal.length === 64 + 24 * seal.readUInt32LE(56) &&
  number64(seal, 8) === nextEventId - 1 &&
  number64(seal, 16) === nextEventId - number64(seal, 0) &&
  isZero(seal.subarray(60, 64));

/** Yields all events; returns how the log ends; throws where it is corrupt or not supported. */
export function* readLog(directory: string): Generator<ReadEvent, End, undefined> {
  const names = readdirSync(directory).filter((name) => /^\d{10}\.wal$/.test(name));
  const meta = readMeta(join(directory, 'wal.meta'));
  const segments = names
    .sort()
    .map((name) => new Segment(join(directory, name), Number(name.slice(0, 10))));
  for (const [position, segment] of segments.entries()) {
    const successor = segments[position + 1];
    if (segment.logId !== segments[0]?.logId)
      throw corrupt(`segment ${segment.index} of another log`);
    if (successor === undefined) return yield* readLast(segment, meta);
    if (successor.index !== segment.index + 1) throw corrupt(`gap behind segment ${segment.index}`);
    const { pin } = successor;
    while (segment.next.offset < pin.offset) {
      const block = segment.readBlock();
      if (block === undefined)
        throw corrupt(`segment ${segment.index}, offset ${segment.next.offset}`);
      yield* block.events;
    }
    const { offset, eventId, checksum } = segment.next;
    if (offset !== pin.offset || eventId !== pin.lastEventId + 1 || checksum !== pin.checksum) {
      throw corrupt(`segment ${segment.index} does not end as its successor says`);
    }
    if (successor.next.eventId !== eventId) throw corrupt(`ids of segment ${successor.index}`);
  }
  throw new Error('no segment');
}

function* readLast(
  segment: Segment,
  meta: ReturnType<typeof readMeta>,
): Generator<ReadEvent, End, undefined> {
  if (meta !== undefined && meta.segmentIndex > segment.index)
    throw corrupt('the last segment is gone');
  let durableEventId = Math.max(meta?.durableEventId ?? 0, segment.pin.lastEventId);
  let blockCount = 0;
  let kind = 0;
  for (; kind !== 3; blockCount++) {
    const block = segment.readBlock();
    if (block === undefined) break;
    ({ kind } = block);
    durableEventId = Math.max(durableEventId, block.durableEventId);
    yield* block.events;
  }
  const { bytes, next } = segment;
  let headersBehind = 0;
  for (let at = next.offset; at + 64 <= bytes.length; at += 8) {
    if (!segment.isHeader(at)) continue;
    headersBehind++;
    durableEventId = Math.max(durableEventId, number64(bytes, at + 24));
  }
  if (durableEventId >= next.eventId) {
    throw corrupt(
      `event ${next.eventId} was durable; segment ${segment.index}, offset ${next.offset}`,
    );
  }
  const ends = headersBehind === 0 && (segment.recycledBody || isZero(bytes.subarray(next.offset)));
  if (meta === undefined && (kind === 3 || blockCount + headersBehind === 0)) return 'undecidable';
  return ends ? 'clean' : 'torn-tail';
}
