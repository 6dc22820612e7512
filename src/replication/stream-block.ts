// A block of a replication stream is a header of 64 bytes and, right after it, a payload: the
// frames of events byte for byte as they stand in a log's files, a part of such frames, or a mark.
// Nothing in it belongs to the engine that keeps the stream.
//
//   | claim | events | events | part 1/2 | part 2/2 | claim | events | checkpoint | ...
//     epoch 1                                         epoch 2
//     previousChecksum   the checksum of the block before: nothing may be missing, repeated, moved
//
// All blocks between two claims have the epoch and the log of the claim before them.
import { assert } from '../errors.js';
import { codecOf, viewOf } from '../memory/codec.js';
import { layout, pad, safeU64, u8, u16, u32, u64 } from '../memory/layout.js';
import { isZero } from '../memory/zeros.js';
import { BLOCK_HEADER_BYTES, MAX_LARGE_BLOCK_BYTES } from '../segment/block-header.js';
import { xxh64 } from '../segment/checksum.js';
import { type Defect, makeDefect } from '../segment/defect.js';
import { FRAME_ALIGNMENT, FRAME_HEADER_BYTES, MAX_EVENT_ID, walkFrames } from '../segment/frame.js';

export const StreamBlockLayout = layout('StreamBlock')
  .field(0, 'magic', u32)
  .field(4, 'version', u16)
  .field(6, 'kind', u8)
  .field(7, 'flags', u8)
  .field(8, 'logId', u64)
  .field(16, 'epoch', u32)
  .field(20, 'eventCount', u32)
  .field(24, 'firstEventId', safeU64)
  .field(32, 'payloadBytes', u32)
  .field(36, 'part', u16)
  .field(38, 'parts', u16)
  .field(40, 'payloadChecksum', u64)
  .field(48, 'previousChecksum', u64)
  .field(56, 'checksum', u64)
  .end(64, 8);

export const StreamMarkLayout = layout('StreamMark')
  .field(0, 'claimant', u64)
  .field(8, 'timestampNs', u64)
  .field(16, 'runFirstEventId', safeU64)
  .field(24, 'runEventCount', u32)
  .field(28, 'spare', pad(4))
  .field(32, 'runChecksum', u64)
  .end(40, 8);

/** The bytes `FSRB`. */
const STREAM_BLOCK_MAGIC = 0x4252_5346;
const STREAM_BLOCK_VERSION = 1;
export const STREAM_HEADER_BYTES = StreamBlockLayout.size;
/** A stream must take blocks as large: a smaller one could not hold a mark and some events. */
export const MIN_STREAM_BLOCK_BYTES = 512;
/** A run is at most a block of a segment, a large one if need be. */
export const MAX_RUN_BYTES = MAX_LARGE_BLOCK_BYTES - BLOCK_HEADER_BYTES;

/** Claim and checkpoint have a mark as their payload. */
export const StreamKind = { events: 1, claim: 2, part: 3, checkpoint: 4 } as const;

const { field } = codecOf(StreamBlockLayout);
const markCodec = codecOf(StreamMarkLayout);
const OFFSET = StreamBlockLayout.offset;
assert(MIN_STREAM_BLOCK_BYTES > STREAM_HEADER_BYTES + StreamMarkLayout.size, 'a mark fits');

/** Events that were published in one piece, whole batches only: to compare them with a log. */
export interface LastRun {
  readonly firstEventId: number;
  /** 0: the stream has no events. */
  readonly eventCount: number;
  /** XXH64 of their frames. */
  readonly checksum: bigint;
}

/** Who claims or waits, and what the stream has before that. */
interface StreamMark {
  /** Drawn at random for each replicator that starts: no two claims are alike. */
  readonly claimant: bigint;
  /** Unix epoch, by the clock of whoever wrote it. */
  readonly timestampNs: bigint;
  readonly run: LastRun;
}

export interface StreamBlock {
  /** One of {@link StreamKind}. */
  readonly kind: number;
  /** The log that it was written from. */
  readonly logId: bigint;
  /** Counts claims from 1. */
  readonly epoch: number;
  /** Of the first event; in a claim or checkpoint the id that comes next. */
  readonly firstEventId: number;
  /** Of a part: of all parts together. 0 in a claim or checkpoint. */
  readonly eventCount: number;
  /** 1 … parts; both are 0 unless it is a part. */
  readonly part: number;
  readonly parts: number;
  readonly payload: Uint8Array;
  readonly payloadChecksum: bigint;
  /** The `checksum` of the block before; 0 in the first block of a stream. */
  readonly previousChecksum: bigint;
  readonly checksum: bigint;
}

type NewBlock = Omit<StreamBlock, 'payloadChecksum' | 'checksum'>;

/** The id that comes next behind a block: parts bring events with the last of them. */
export const nextEventIdBehind = ({
  kind,
  firstEventId,
  eventCount,
  part,
  parts,
}: Pick<StreamBlock, 'kind' | 'firstEventId' | 'eventCount' | 'part' | 'parts'>): number =>
  kind === StreamKind.part && part < parts ? firstEventId : firstEventId + eventCount;

/** The whole block, in a buffer of its own. */
export function encodeStreamBlock(block: NewBlock): Uint8Array {
  const problem = problemOf(block);
  assert(problem === undefined, `a block is written only complete: ${problem}`);
  const { payload } = block;
  const bytes = new Uint8Array(STREAM_HEADER_BYTES + payload.length);
  const view = viewOf(bytes);
  field.magic.set(view, 0, STREAM_BLOCK_MAGIC);
  field.version.set(view, 0, STREAM_BLOCK_VERSION);
  field.kind.set(view, 0, block.kind);
  field.logId.set(view, 0, block.logId);
  field.epoch.set(view, 0, block.epoch);
  field.eventCount.set(view, 0, block.eventCount);
  field.firstEventId.set(view, 0, block.firstEventId);
  field.payloadBytes.set(view, 0, payload.length);
  field.part.set(view, 0, block.part);
  field.parts.set(view, 0, block.parts);
  field.payloadChecksum.set(view, 0, xxh64(payload, 0n));
  field.previousChecksum.set(view, 0, block.previousChecksum);
  field.checksum.set(view, 0, headerChecksum(bytes));
  bytes.set(payload, STREAM_HEADER_BYTES);
  return bytes;
}

export function encodeMark({ claimant, timestampNs, run }: StreamMark): Uint8Array {
  const bytes = new Uint8Array(StreamMarkLayout.size);
  markCodec.encode(bytes, {
    claimant,
    timestampNs,
    runFirstEventId: run.firstEventId,
    runEventCount: run.eventCount,
    runChecksum: run.checksum,
  });
  return bytes;
}

/** The payload of a claim or a checkpoint that was decoded. */
export function markOf({ payload }: StreamBlock): StreamMark {
  const { claimant, timestampNs, runFirstEventId, runEventCount, runChecksum } =
    markCodec.decode(payload);
  const run = { firstEventId: runFirstEventId, eventCount: runEventCount, checksum: runChecksum };
  return { claimant, timestampNs, run };
}

const headerChecksum = (bytes: Uint8Array): bigint => xxh64(bytes.subarray(0, OFFSET.checksum), 0n);

/** Verifies a whole block, its frames included; `payload` is a view of `bytes`. */
export function decodeStreamBlock(bytes: Uint8Array): StreamBlock | Defect {
  if (bytes.length < STREAM_HEADER_BYTES) {
    return makeDefect('truncated', `a block of ${bytes.length} bytes`);
  }
  const view = viewOf(bytes);
  if (field.magic.get(view, 0) !== STREAM_BLOCK_MAGIC) {
    return makeDefect('magic', 'not a block of a replication stream');
  }
  const checksum = field.checksum.get(view, 0);
  if (checksum !== headerChecksum(bytes)) {
    return makeDefect('checksum', 'the checksum of the header does not match');
  }
  const version = field.version.get(view, 0);
  if (version !== STREAM_BLOCK_VERSION) {
    return makeDefect('version', `version ${version}; this one reads ${STREAM_BLOCK_VERSION}`);
  }
  const payload = bytes.subarray(STREAM_HEADER_BYTES);
  const payloadBytes = field.payloadBytes.get(view, 0);
  if (payload.length !== payloadBytes) {
    return makeDefect('truncated', `payload of ${payload.length} bytes, not of ${payloadBytes}`);
  }
  const payloadChecksum = field.payloadChecksum.get(view, 0);
  if (xxh64(payload, 0n) !== payloadChecksum) {
    return makeDefect('checksum', 'the checksum of the payload does not match');
  }
  const flags = field.flags.get(view, 0);
  const block: StreamBlock = {
    kind: field.kind.get(view, 0),
    logId: field.logId.get(view, 0),
    epoch: field.epoch.get(view, 0),
    firstEventId: field.firstEventId.get(view, 0),
    eventCount: field.eventCount.get(view, 0),
    part: field.part.get(view, 0),
    parts: field.parts.get(view, 0),
    payload,
    payloadChecksum,
    previousChecksum: field.previousChecksum.get(view, 0),
    checksum,
  };
  const problem = flags === 0 ? problemOf(block) : `unknown flags ${flags}`;
  if (problem !== undefined) return makeDefect('field', problem);
  const { kind, firstEventId, eventCount } = block;
  if (kind !== StreamKind.events) return block;
  return walkFrames(payload, 0, payload.length, firstEventId, eventCount) ?? block;
}

/** What is impossible in a block; undefined for one that may be. */
function problemOf(block: NewBlock): string | undefined {
  const { kind, epoch, firstEventId, eventCount, part, parts, payload } = block;
  const { length } = payload;
  if (epoch < 1) return 'epochs begin at 1';
  if (firstEventId < 1 || firstEventId + eventCount - 1 > MAX_EVENT_ID) return 'ids out of range';
  if (kind !== StreamKind.part && (part !== 0 || parts !== 0)) return `part ${part} of ${parts}`;
  switch (kind) {
    case StreamKind.events: {
      const fits = length <= MAX_RUN_BYTES && length % FRAME_ALIGNMENT === 0;
      const filled = eventCount >= 1 && length >= eventCount * FRAME_HEADER_BYTES;
      return fits && filled ? undefined : `${eventCount} events in ${length} bytes`;
    }
    case StreamKind.part: {
      const isOne = parts >= 2 && part >= 1 && part <= parts && eventCount >= 1;
      if (!isOne || length === 0) return `part ${part} of ${parts}, of ${length} bytes`;
      return length <= MAX_RUN_BYTES ? undefined : `a part of ${length} bytes`;
    }
    case StreamKind.claim:
    case StreamKind.checkpoint:
      return markProblem(payload, firstEventId, eventCount);
    default:
      return `unknown kind ${kind}`;
  }
}

function markProblem(
  payload: Uint8Array,
  nextEventId: number,
  eventCount: number,
): string | undefined {
  if (payload.length !== StreamMarkLayout.size || eventCount !== 0) {
    return `a mark of ${payload.length} bytes with ${eventCount} events`;
  }
  const { spare } = StreamMarkLayout.offset;
  if (!isZero(payload, spare, spare + 4)) return 'spare bytes of a mark that are not zero';
  const view = viewOf(payload);
  const first = markCodec.field.runFirstEventId.get(view, 0);
  const count = markCodec.field.runEventCount.get(view, 0);
  return first + count === nextEventId ? undefined : `a run of ${count} events from ${first} on`;
}
