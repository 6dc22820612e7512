// The content of `NAME.consumer`: who the consumer is, up to which event it needs nothing more, and
// how far it may lag. Four pages, each written on its own, so that a write that is torn harms no
// other: a header that is written once, two slots, and the mark of a consumer that was dropped.
//
// An acknowledgement overwrites the older slot, and only once the other one is on disk. When its
// own sync is done, the page of the other slot confirms that: a slot that is seen and not confirmed
// may be lost with the power, so nothing is removed for it.
//
// A log may come to end before what a consumer has acknowledged: a copy that lacks a tail. What it
// gets from then on has ids that the consumer knows other events by. The mark says that too.
//
//   0          4096                       8192                       12288
//   | header   | slot 0 · confirmation    | slot 1 · confirmation    | drop mark          16384
import { assert } from '../errors.js';
import { codecOf, viewOf } from '../memory/codec.js';
import { block, layout, pad, safeU64, u8, u16, u64 } from '../memory/layout.js';
import { isZero } from '../memory/zeros.js';
import { PAGE_BYTES } from '../units.js';
import { xxh64 } from './checksum.js';
import { type Defect, isDefect, makeDefect } from './defect.js';
import { isConsumerName } from './file-names.js';
import { MAX_EVENT_ID } from './frame.js';

/** All of them ASCII. */
const NAME_BYTES = 64;

export const ConsumerHeaderLayout = layout('ConsumerHeader')
  .field(0, 'magic', u64)
  .field(8, 'version', u16)
  .field(10, 'nameBytes', u8)
  .field(11, 'spare0', pad(5))
  .field(16, 'logId', u64)
  .field(24, 'createdTsNs', u64)
  .field(32, 'name', block(NAME_BYTES, 1))
  .field(96, 'spare1', pad(24))
  .field(120, 'checksum', u64)
  .end(128, 8);

export const ConsumerSlotLayout = layout('ConsumerSlot')
  .field(0, 'sequence', safeU64)
  .field(8, 'acknowledgedEventId', safeU64)
  .field(16, 'timestampNs', u64)
  .field(24, 'maxLagBytes', safeU64)
  .field(32, 'maxLagMs', safeU64)
  .field(40, 'policy', u8)
  .field(41, 'spare0', pad(15))
  .field(56, 'checksum', u64)
  .end(64, 8);

export const ConsumerConfirmationLayout = layout('ConsumerConfirmation')
  .field(0, 'sequence', safeU64)
  .field(8, 'checksum', u64)
  .end(16, 8);

export const ConsumerDropLayout = layout('ConsumerDrop')
  .field(0, 'acknowledgedEventId', safeU64)
  .field(8, 'timestampNs', u64)
  .field(16, 'lagBytes', safeU64)
  .field(24, 'lagMs', safeU64)
  .field(32, 'spare0', pad(24))
  .field(56, 'checksum', u64)
  .end(64, 8);

/** The bytes `FLASHCON`. */
const CONSUMER_MAGIC = 0x4e4f_4348_5341_4c46n;
const CONSUMER_VERSION = 1;
const SLOTS_OFFSET = PAGE_BYTES;
export const CONSUMER_DROP_OFFSET = 3 * PAGE_BYTES;
export const CONSUMER_BYTES = 4 * PAGE_BYTES;
const POLICIES = ['hold', 'drop'] as const;

/** What becomes of a consumer that lags more than it may. */
export type ConsumerPolicy = (typeof POLICIES)[number];

const headerCodec = codecOf(ConsumerHeaderLayout);
const slotCodec = codecOf(ConsumerSlotLayout);
const confirmationCodec = codecOf(ConsumerConfirmationLayout);
const dropCodec = codecOf(ConsumerDropLayout);

interface ConsumerHeader {
  readonly name: string;
  readonly logId: bigint;
  /** Unix epoch. */
  readonly createdTsNs: bigint;
}

export interface ConsumerSlot {
  /** One more with each slot that is written; even ones stand in slot 0. */
  readonly sequence: number;
  readonly acknowledgedEventId: number;
  /** When it was written, Unix epoch. */
  readonly timestampNs: bigint;
  /** 0: unlimited. */
  readonly maxLagBytes: number;
  /** 0: unlimited. */
  readonly maxLagMs: number;
  readonly policy: ConsumerPolicy;
}

/** Why and when a consumer was dropped. */
export interface ConsumerDrop {
  /** What it had acknowledged, or the end of a log that ended before that. */
  readonly acknowledgedEventId: number;
  /** Unix epoch. */
  readonly timestampNs: bigint;
  readonly lagBytes: number;
  readonly lagMs: number;
}

/** The log was continued behind an event before the one that the consumer had acknowledged. */
type ConsumerAhead = Pick<ConsumerDrop, 'acknowledgedEventId' | 'timestampNs'>;

export interface ConsumerRecord {
  readonly header: ConsumerHeader;
  /** Seeds the checksums of this file's other pages. */
  readonly seed: bigint;
  /** The slot that was written last. */
  readonly newest: ConsumerSlot;
  /** The last one that no power cut takes back: what may be removed goes by it. */
  readonly durable: ConsumerSlot;
  readonly dropped: ConsumerDrop | undefined;
  readonly ahead: ConsumerAhead | undefined;
  /**
   * The last event of this log that it needs no more: what it has acknowledged durably, or what a
   * mark says.
   */
  readonly acknowledgedEventId: number;
}

/** The first page of the file of a new consumer. */
function encodeHeader({ name, logId, createdTsNs }: ConsumerHeader): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  assert(isConsumerName(name), 'a consumer has a name that is allowed');
  const nameField = new Uint8Array(NAME_BYTES);
  for (let at = 0; at < name.length; at++) nameField[at] = name.charCodeAt(at);
  headerCodec.encode(page, {
    magic: CONSUMER_MAGIC,
    version: CONSUMER_VERSION,
    nameBytes: name.length,
    logId,
    createdTsNs,
    name: nameField,
    checksum: 0n,
  });
  headerCodec.field.checksum.set(viewOf(page), 0, headerChecksum(page));
  return page;
}

const headerChecksum = (page: Uint8Array): bigint =>
  xxh64(page.subarray(0, ConsumerHeaderLayout.offset.checksum), 0n);

/** Where a slot stands, and the confirmation of the one that it is written after. */
export const slotOffset = (sequence: number): number => SLOTS_OFFSET + (sequence % 2) * PAGE_BYTES;
/** In the page of the other slot, which the next acknowledgement overwrites in any case. */
export const confirmationOffset = (sequence: number): number =>
  slotOffset(sequence + 1) + ConsumerSlotLayout.size;

export function encodeSlot(slot: ConsumerSlot, seed: bigint): Uint8Array {
  const problem = slotProblem(slot);
  assert(problem === undefined, `a slot is written only complete: ${problem}`);
  const bytes = new Uint8Array(ConsumerSlotLayout.size);
  slotCodec.encode(bytes, { ...slot, policy: POLICIES.indexOf(slot.policy), checksum: 0n });
  const { checksum } = ConsumerSlotLayout.offset;
  slotCodec.field.checksum.set(viewOf(bytes), 0, xxh64(bytes.subarray(0, checksum), seed));
  return bytes;
}

/** Says that the slot of that sequence is on disk. */
export function encodeConfirmation(sequence: number, seed: bigint): Uint8Array {
  const bytes = new Uint8Array(ConsumerConfirmationLayout.size);
  confirmationCodec.encode(bytes, { sequence, checksum: 0n });
  const { checksum } = ConsumerConfirmationLayout.offset;
  confirmationCodec.field.checksum.set(viewOf(bytes), 0, xxh64(bytes.subarray(0, checksum), seed));
  return bytes;
}

export function encodeDrop(drop: ConsumerDrop, seed: bigint): Uint8Array {
  const bytes = new Uint8Array(ConsumerDropLayout.size);
  dropCodec.encode(bytes, { ...drop, checksum: 0n });
  const { checksum } = ConsumerDropLayout.offset;
  dropCodec.field.checksum.set(viewOf(bytes), 0, xxh64(bytes.subarray(0, checksum), seed));
  return bytes;
}

/** The whole file of a new consumer: both slots say the same, the newer one is confirmed. */
export function encodeConsumer(
  header: ConsumerHeader,
  slot: Omit<ConsumerSlot, 'sequence'>,
): Uint8Array {
  const bytes = new Uint8Array(CONSUMER_BYTES);
  const page = encodeHeader(header);
  const seed = headerCodec.field.checksum.get(viewOf(page), 0);
  bytes.set(page);
  for (const sequence of [1, 2]) {
    bytes.set(encodeSlot({ ...slot, sequence }, seed), slotOffset(sequence));
    bytes.set(encodeConfirmation(sequence, seed), confirmationOffset(sequence));
  }
  return bytes;
}

/** Reads the whole content of `NAME.consumer`. */
export function decodeConsumer(bytes: Uint8Array): ConsumerRecord | Defect {
  const header = decodeHeader(bytes);
  if (isDefect(header)) return header;
  if (bytes.length !== CONSUMER_BYTES) {
    return makeDefect(bytes.length < CONSUMER_BYTES ? 'truncated' : 'field', lengthOf(bytes));
  }
  const seed = headerCodec.field.checksum.get(viewOf(bytes), 0);
  const slots = [0, 1].map((parity) => decodeSlot(bytes, parity, seed));
  const [first, second] = slots.filter((slot) => slot !== undefined);
  if (first === undefined) return makeDefect('checksum', 'neither slot is valid');
  const newest = second !== undefined && second.sequence > first.sequence ? second : first;
  const older = newest === first ? second : first;
  const isConfirmed = confirmedSequence(bytes, newest.sequence, seed) === newest.sequence;
  // Where the older one is torn, it was being overwritten, and the newest was on disk before that.
  const durable = isConfirmed || older === undefined ? newest : older;
  const mark = decodeDrop(bytes.subarray(CONSUMER_DROP_OFFSET), seed);
  return { header, seed, newest, durable, ...standingOf(durable, mark) };
}

/** What the mark makes of a consumer. */
export function standingOf(
  durable: ConsumerSlot,
  mark: ConsumerDrop | undefined,
): Pick<ConsumerRecord, 'dropped' | 'ahead' | 'acknowledgedEventId'> {
  const { acknowledgedEventId } = mark ?? durable;
  const isInFront = mark !== undefined && isAhead(mark);
  return {
    dropped: isInFront ? undefined : mark,
    ahead: isInFront ? mark : undefined,
    acknowledgedEventId,
  };
}

const lengthOf = (bytes: Uint8Array): string => `${bytes.length} bytes`;

function decodeHeader(bytes: Uint8Array): ConsumerHeader | Defect {
  if (bytes.length < ConsumerHeaderLayout.size) return makeDefect('truncated', lengthOf(bytes));
  const { magic, version, nameBytes, logId, createdTsNs, name, checksum } =
    headerCodec.decode(bytes);
  if (magic !== CONSUMER_MAGIC) {
    return isZero(bytes, 0, ConsumerHeaderLayout.size)
      ? makeDefect('zero', 'all zero')
      : makeDefect('magic', 'not a consumer');
  }
  if (checksum !== headerChecksum(bytes)) {
    return makeDefect('checksum', 'the checksum of the header does not match');
  }
  if (version !== CONSUMER_VERSION) {
    return makeDefect('version', `version ${version}; this one reads ${CONSUMER_VERSION}`);
  }
  const text = String.fromCharCode(...name.subarray(0, nameBytes));
  if (!isConsumerName(text) || !headerCodec.spareIsZero(bytes)) {
    return makeDefect('field', 'a name that no consumer has, or spare bytes that are not zero');
  }
  return { name: text, logId, createdTsNs };
}

/** Undefined for one that is torn, or does not belong there. */
function decodeSlot(bytes: Uint8Array, parity: number, seed: bigint): ConsumerSlot | undefined {
  const start = slotOffset(parity);
  const { checksum, policy: code, ...fields } = slotCodec.decode(bytes, start);
  const hashed = bytes.subarray(start, start + ConsumerSlotLayout.offset.checksum);
  if (checksum !== xxh64(hashed, seed)) return undefined;
  const policy = POLICIES[code];
  if (policy === undefined || fields.sequence % 2 !== parity) return undefined;
  const slot = { ...fields, policy };
  return slotProblem(slot) === undefined ? slot : undefined;
}

function slotProblem({ sequence, acknowledgedEventId }: ConsumerSlot): string | undefined {
  const isSound =
    Number.isSafeInteger(sequence) && sequence >= 1 && acknowledgedEventId <= MAX_EVENT_ID;
  return isSound ? undefined : `acknowledged ${acknowledgedEventId} in slot ${sequence}`;
}

/** 0 for none. */
function confirmedSequence(bytes: Uint8Array, sequence: number, seed: bigint): number {
  const start = confirmationOffset(sequence);
  const { sequence: confirmed, checksum } = confirmationCodec.decode(bytes, start);
  const hashed = bytes.subarray(start, start + ConsumerConfirmationLayout.offset.checksum);
  return checksum === xxh64(hashed, seed) ? confirmed : 0;
}

/** Nobody is dropped who is not behind: such a mark says that the log ends before its consumer. */
export const isAhead = ({ lagBytes, lagMs }: ConsumerDrop): boolean =>
  lagBytes === 0 && lagMs === 0;

/** The mark of a consumer in front of a log that is continued behind `endEventId`. */
export const markAhead = (
  { dropped }: ConsumerRecord,
  endEventId: number,
  timestampNs: bigint,
): ConsumerDrop => ({
  lagBytes: dropped?.lagBytes ?? 0,
  lagMs: dropped?.lagMs ?? 0,
  acknowledgedEventId: endEventId,
  timestampNs,
});

/**
 * The mark at the start of that page. Undefined also for one that is torn: nothing was removed for
 * it yet, and it is written again.
 */
export function decodeDrop(page: Uint8Array, seed: bigint): ConsumerDrop | undefined {
  if (page.length < ConsumerDropLayout.size) return undefined;
  const { checksum, ...drop } = dropCodec.decode(page);
  const hashed = page.subarray(0, ConsumerDropLayout.offset.checksum);
  return checksum === xxh64(hashed, seed) ? drop : undefined;
}
