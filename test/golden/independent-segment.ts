// One segment, read as docs/FORMAT.md says. Imports nothing of Flashstrike: see independent-reader.
import { xxh64 } from '@node-rs/xxhash';

export type RefusalWord = 'corrupt' | 'unsupported' | 'undecidable' | 'no-log';

/** Why a log is not given any further. */
export class Refusal extends Error {
  readonly word: RefusalWord;

  constructor(word: RefusalWord, why: string) {
    super(why);
    this.word = word;
  }
}

export interface ReadEvent {
  readonly eventId: number;
  readonly type: number;
  readonly timestampNs: bigint;
  readonly payload: Buffer;
}

interface Block {
  readonly kind: number;
  readonly events: readonly ReadEvent[];
}

/** What a header after the end tells. */
interface Claim {
  readonly durableEventId: number;
  /** The next id, where a whole seal stands; 0 elsewhere. */
  readonly sealedBefore: number;
  readonly isOfSeal: boolean;
}

const PAGE_BYTES = 4096;
const GIB = 2 ** 30;
const MAX_BLOCK_BYTES = 2 ** 20;
const MAX_LARGE_BLOCK_BYTES = 2 ** 26 + 2 ** 12;
const MAX_NEXT_ID = 2 ** 53 - 1;

export const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
/** An id, a count or an offset: beyond 2^53 it is equal to no expected number. */
export const number64 = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

const need = (holds: boolean, what: string): void => {
  if (!holds) throw new Refusal('corrupt', what);
};
const needKnown = (holds: boolean, what: string): void => {
  if (!holds) throw new Refusal('unsupported', what);
};

/** Checks a header page but for whose log it is of, and which index it has. */
export function checkHeader(bytes: Buffer): void {
  const page = bytes.subarray(0, PAGE_BYTES);
  need(page.length === PAGE_BYTES, 'the header page is cut');
  need(page.toString('latin1', 0, 8) === 'FLASHWAL', 'magic');
  const headerBytes = page.readUInt16LE(10);
  need(headerBytes >= 20 && headerBytes <= PAGE_BYTES, 'headerBytes');
  const checksum = xxh64(page.subarray(0, headerBytes - 8), 0n);
  need(checksum === page.readBigUInt64LE(headerBytes - 8), 'headerChecksum');
  needKnown(page.readUInt16LE(8) === 1, 'version');
  need(headerBytes === 128, 'headerBytes of version 1');
  needKnown(page.readUInt32LE(16) <= 1, 'incompatibleFlags');
  needKnown(page[14] === 1, 'checksumKind');
  needKnown(page.readUInt16LE(12) === 8, 'blockAlignment');
  const spare = [page.subarray(15, 16), page.subarray(28, 32), page.subarray(96, 120)];
  need([...spare, page.subarray(128)].every(isZero), 'spare bytes');
  const index = page.readUInt32LE(24);
  need(index >= 1 && index <= 2 ** 32 - 2, 'segmentIndex');
  const segmentBytes = number64(page, 32);
  need(segmentBytes % PAGE_BYTES === 0, 'segmentBytes');
  need(segmentBytes >= 65_536 && segmentBytes <= GIB, 'segmentBytes');
  const firstEventId = number64(page, 40);
  need(firstEventId >= 1 && firstEventId <= MAX_NEXT_ID, 'firstEventId');
  need(number64(page, 72) === firstEventId - 1, 'previousLastEventId');
  const previousEnd = number64(page, 80);
  const isFirst = firstEventId === 1 && previousEnd === 0 && page.readBigUInt64LE(88) === 0n;
  const isPin = previousEnd >= PAGE_BYTES && previousEnd <= GIB && previousEnd % 8 === 0;
  need(index === 1 ? isFirst : isPin, 'pin');
}

/** What the seal of a segment has to say of the blocks before it. */
class Counted {
  readonly #firstEventId: number;
  readonly #blocks: { eventId: number; highestNs: bigint; offset: number; index: number }[] = [];
  #watermarks = 0;
  #payloadBytes = 0;
  #firstNs = 0n;
  #highestNs = 0n;

  constructor(firstEventId: number) {
    this.#firstEventId = firstEventId;
  }

  addWatermark(): void {
    this.#watermarks++;
  }

  addEvents(events: readonly ReadEvent[], payload: Buffer, offset: number, index: number): void {
    const [first] = events;
    if (first === undefined) return;
    if (this.#blocks.length === 0) this.#firstNs = first.timestampNs;
    for (const { timestampNs } of events) {
      if (timestampNs > this.#highestNs) this.#highestNs = timestampNs;
    }
    this.#payloadBytes += payload.length;
    const { eventId } = first;
    this.#blocks.push({ eventId, highestNs: this.#highestNs, offset, index });
  }

  /** Whether a seal is true of it: each total, and each entry. */
  isSealedBy(seal: Buffer, nextEventId: number): boolean {
    const first = this.#firstEventId;
    const counts = [first, nextEventId - 1, nextEventId - first, this.#payloadBytes].map(BigInt);
    const expected = [...counts, this.#firstNs, this.#highestNs];
    const totals = [0, 8, 16, 32, 40, 48].map((at) => seal.readBigUInt64LE(at));
    return (
      expected.every((value, position) => value === totals[position]) &&
      seal.readUInt32LE(24) === this.#blocks.length &&
      seal.readUInt32LE(28) === this.#watermarks &&
      this.#isIndexedBy(seal)
    );
  }

  #isIndexedBy(seal: Buffer): boolean {
    let last = -1;
    for (let at = 64; at < seal.length; at += 24) {
      const offset = seal.readUInt32LE(at + 16);
      const position = this.#blocks.findIndex((block) => block.offset === offset);
      const block = this.#blocks[position];
      const isTrue =
        block?.eventId === number64(seal, at) &&
        block.highestNs === seal.readBigUInt64LE(at + 8) &&
        block.index === seal.readUInt32LE(at + 20);
      if (!isTrue || position <= last) return false;
      last = position;
    }
    return true;
  }
}

/** A segment whose header is sound, and where the walk over its blocks stands. */
export class Segment {
  readonly bytes: Buffer;
  readonly index: number;
  readonly firstEventId: number;
  readonly recycledBody: boolean;
  readonly pin: { readonly offset: number; readonly checksum: bigint };
  /** What the next block must continue. */
  offset = PAGE_BYTES;
  eventId: number;
  blockIndex = 0;
  checksum: bigint;
  isSealed = false;
  durableEventId: number;
  readonly #salt: bigint;
  readonly #end: number;
  readonly #counted: Counted;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.index = bytes.readUInt32LE(24);
    this.recycledBody = (bytes.readUInt32LE(20) & 1) !== 0;
    this.firstEventId = number64(bytes, 40);
    this.pin = { offset: number64(bytes, 80), checksum: bytes.readBigUInt64LE(88) };
    this.eventId = this.firstEventId;
    this.durableEventId = this.firstEventId - 1;
    this.checksum = bytes.readBigUInt64LE(120);
    this.#salt = bytes.readBigUInt64LE(56);
    this.#end = Math.min(bytes.length, number64(bytes, 32));
    this.#counted = new Counted(this.firstEventId);
  }

  /** The valid block at the expected place, and moves behind it; undefined: there is none. */
  readBlock(end = this.#end): Block | undefined {
    if (this.isSealed || !this.#isHeader(this.offset, this.#end)) return undefined;
    const header = this.bytes.subarray(this.offset, this.offset + 64);
    const follows =
      number64(header, 8) === this.eventId &&
      header.readUInt32LE(20) === this.blockIndex &&
      header.readBigUInt64LE(40) === this.checksum;
    const blockEnd = this.offset + 64 + header.readUInt32LE(4);
    if (!follows || blockEnd > Math.min(end, this.#end)) return undefined;
    const payload = this.#wholePayload(this.offset);
    const kind = header[2] ?? 0;
    const events = payload && kind === 1 ? readFrames(payload, header) : [];
    if (payload === undefined || events === undefined) return undefined;
    if (kind === 3 && !this.#counted.isSealedBy(payload, this.eventId)) return undefined;
    if (kind === 2) this.#counted.addWatermark();
    this.#counted.addEvents(events, payload, this.offset, this.blockIndex);
    this.offset = blockEnd;
    this.eventId += events.length;
    this.blockIndex++;
    this.checksum = header.readBigUInt64LE(56);
    this.isSealed = kind === 3;
    this.durableEventId = Math.max(this.durableEventId, number64(header, 24));
    return { kind, events };
  }

  /** All headers from the end of the walk on, those inside of whole payloads left out. */
  claimsAfterEnd(): Claim[] {
    const claims: Claim[] = [];
    const end = Math.min(this.bytes.length, GIB);
    for (let at = this.offset; at + 64 <= end; ) {
      const isHeader = this.#isHeader(at, end);
      const payload = isHeader ? this.#wholePayload(at) : undefined;
      if (isHeader) {
        const isSeal = payload !== undefined && this.bytes[at + 2] === 3;
        const sealedBefore = isSeal ? number64(this.bytes, at + 8) : 0;
        const durableEventId = number64(this.bytes, at + 24);
        claims.push({ durableEventId, sealedBefore, isOfSeal: this.bytes[at + 2] === 3 });
      }
      at += payload === undefined ? 8 : 64 + payload.length;
    }
    return claims;
  }

  /** Whether nothing but zeros is there from the end of the walk on. */
  get isZeroAfterEnd(): boolean {
    return isZero(this.bytes.subarray(this.offset, GIB));
  }

  #isHeader(at: number, end: number): boolean {
    if (at + 64 > end || this.bytes.toString('latin1', at, at + 2) !== 'FB') return false;
    const checksum = xxh64(this.bytes.subarray(at, at + 56), this.#salt ^ BigInt(at));
    return checksum === this.bytes.readBigUInt64LE(at + 56);
  }

  /** The payload of the header at `at`, if its fields are possible and the payload is one. */
  #wholePayload(at: number): Buffer | undefined {
    const header = this.bytes.subarray(at, at + 64);
    const [kind = 0, flags = 0] = header.subarray(2);
    const payloadBytes = header.readUInt32LE(4);
    const eventCount = header.readUInt32LE(16);
    const nextId = number64(header, 8) + eventCount;
    const isCounted =
      (kind === 1 && eventCount >= 1 && payloadBytes >= 24 * eventCount) ||
      (kind === 2 && eventCount === 0 && payloadBytes === 0) ||
      (kind === 3 && eventCount === 0 && payloadBytes <= 32_768 - 64);
    const longest = this.bytes[16] === 1 ? MAX_LARGE_BLOCK_BYTES : MAX_BLOCK_BYTES;
    const fits = payloadBytes % 8 === 0 && payloadBytes + 64 <= longest;
    const hasIds = number64(header, 8) >= 1 && nextId <= MAX_NEXT_ID;
    const isBefore = number64(header, 24) < number64(header, 8);
    if (flags !== 0 || !isCounted || !fits || !hasIds || !isBefore) return undefined;
    const end = at + 64 + payloadBytes;
    const payload = this.bytes.subarray(at + 64, end);
    if (end > this.bytes.length || xxh64(payload, this.#salt) !== header.readBigUInt64LE(32)) {
      return undefined;
    }
    if (kind === 1) return readFrames(payload, header) && payload;
    return kind === 2 || isSeal(payload, number64(header, 8)) ? payload : undefined;
  }
}

function readFrames(payload: Buffer, header: Buffer): ReadEvent[] | undefined {
  const firstEventId = number64(header, 8);
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
  return kind === 1 && events.length === header.readUInt32LE(16) ? events : undefined;
}

/** Whether a seal agrees with its block and with itself. */
function isSeal(seal: Buffer, nextEventId: number): boolean {
  const entryCount = seal.length < 64 ? -1 : seal.readUInt32LE(56);
  if (seal.length !== 64 + 24 * entryCount || !isZero(seal.subarray(60, 64))) return false;
  const [firstEventId, lastEventId, eventCount] = [0, 8, 16].map((at) => seal.readBigUInt64LE(at));
  const eventBlocks = seal.readUInt32LE(24);
  const [payloadBytes, firstNs, highestNs] = [32, 40, 48].map((at) => seal.readBigUInt64LE(at));
  const isEmpty = eventCount === 0n;
  const rules = [
    firstEventId !== 0n && lastEventId === BigInt(nextEventId - 1),
    eventCount === BigInt(nextEventId) - (firstEventId ?? 0n),
    eventBlocks <= (eventCount ?? 0n) && (eventBlocks === 0) === isEmpty,
    (payloadBytes ?? 0n) < 2n ** 53n && (payloadBytes === 0n) === isEmpty,
    (firstNs ?? 0n) <= (highestNs ?? 0n) && (!isEmpty || highestNs === 0n),
    entryCount <= eventBlocks,
  ];
  return rules.every((holds) => holds) && areEntries(seal);
}

function areEntries(seal: Buffer): boolean {
  const entriesAt = (at: number) => ({
    eventId: seal.readBigUInt64LE(at),
    highestNs: seal.readBigUInt64LE(at + 8),
    offset: seal.readUInt32LE(at + 16),
    blockIndex: seal.readUInt32LE(at + 20),
  });
  const [firstEventId, lastEventId] = [seal.readBigUInt64LE(0), seal.readBigUInt64LE(8)];
  for (let at = 64; at < seal.length; at += 24) {
    const entry = entriesAt(at);
    const isInRange =
      entry.eventId >= firstEventId &&
      entry.eventId <= lastEventId &&
      entry.offset % 8 === 0 &&
      entry.highestNs <= seal.readBigUInt64LE(48);
    if (!isInRange) return false;
    if (at === 64) continue;
    const previous = entriesAt(at - 24);
    const isInOrder =
      entry.eventId > previous.eventId &&
      entry.highestNs >= previous.highestNs &&
      entry.offset > previous.offset &&
      entry.blockIndex > previous.blockIndex;
    if (!isInOrder) return false;
  }
  return true;
}
