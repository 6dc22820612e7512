// Reads a stream in order and believes nothing: checksums, the chain, epochs that rise by a claim
// only, ids without a gap, parts that belong together, frames one by one.
import type { WalError } from '../errors.js';
import { xxh64 } from '../segment/checksum.js';
import { walkFrames } from '../segment/frame.js';
import type { StoredBlock } from './block-stream.js';
import {
  type LastRun,
  MAX_RUN_BYTES,
  markOf,
  nextEventIdBehind,
  type StreamBlock,
  StreamKind,
} from './stream-block.js';
import { damagedStream } from './stream-failures.js';
import { decoded } from './stream-tip.js';

/** Events that were published in one piece. */
export interface StreamRun {
  /** Of the block that completes it. */
  readonly sequence: number;
  readonly epoch: number;
  /** The log that it was written from. */
  readonly logId: bigint;
  readonly firstEventId: number;
  readonly eventCount: number;
  readonly frames: Uint8Array;
}

export class StreamWalk {
  readonly #name: string;
  #sequence = 0;
  #before: StreamBlock | undefined;
  /** The last whole run, as a mark must tell it. */
  #run: LastRun | undefined;
  /** Of a run that is not whole yet; undefined where its first parts are not kept any more. */
  #parts: Uint8Array[] | undefined;
  #firstEventId: number | undefined;
  #claims = 0;
  #blocks = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** The first event in the stream, or the one that will be; 0 before the first block. */
  get firstEventId(): number {
    return this.#firstEventId ?? this.nextEventId;
  }

  /** The id that comes next; 0 before the first block. */
  get nextEventId(): number {
    return this.#before === undefined ? 0 : nextEventIdBehind(this.#before);
  }

  /** Of the last block; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Of the last block; 0 before the first. */
  get checksum(): bigint {
    return this.#before?.checksum ?? 0n;
  }

  get epoch(): number {
    return this.#before?.epoch ?? 0;
  }

  get claims(): number {
    return this.#claims;
  }

  get blocks(): number {
    return this.#blocks;
  }

  /**
   * The next block; returns the events that it completes.
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT
   */
  take(stored: StoredBlock): StreamRun | undefined {
    const { sequence } = stored;
    const before = this.#before;
    if (before !== undefined && sequence !== this.#sequence + 1) {
      throw this.#damage(this.#sequence + 1, `it is missing; block ${sequence} comes next`);
    }
    const block = decoded(this.#name, stored);
    const problem =
      before === undefined ? beginProblem(sequence, block) : followProblem(before, block);
    if (problem !== undefined) throw this.#damage(sequence, problem);
    const run = this.#take(sequence, block);
    this.#sequence = sequence;
    this.#before = block;
    this.#blocks++;
    return run;
  }

  #take(sequence: number, block: StreamBlock): StreamRun | undefined {
    const { kind, payload } = block;
    if (kind === StreamKind.events) return this.#runOf(sequence, block, payload);
    if (kind === StreamKind.part) return this.#part(sequence, block);
    if (kind === StreamKind.claim) this.#claims++;
    const { run } = markOf(block);
    if (this.#run !== undefined && !isSame(this.#run, run)) {
      throw this.#damage(sequence, 'it tells of other events than those before it');
    }
    this.#run = run;
    return undefined;
  }

  #part(sequence: number, block: StreamBlock): StreamRun | undefined {
    const { part, parts, payload, firstEventId, eventCount } = block;
    // What the writer before a claim has left unfinished is sent again from its first part on.
    if (part === 1) this.#parts = [];
    this.#parts?.push(payload);
    if (part < parts || this.#parts === undefined) return undefined;
    const frames = Buffer.concat(this.#parts);
    const defect =
      frames.length > MAX_RUN_BYTES
        ? { message: `a run of ${frames.length} bytes` }
        : walkFrames(frames, 0, frames.length, firstEventId, eventCount);
    if (defect !== undefined) throw this.#damage(sequence, defect.message);
    return this.#runOf(sequence, block, frames);
  }

  #runOf(sequence: number, block: StreamBlock, frames: Uint8Array): StreamRun {
    const { epoch, logId, firstEventId, eventCount } = block;
    this.#firstEventId ??= firstEventId;
    this.#run = { firstEventId, eventCount, checksum: xxh64(frames, 0n) };
    return { sequence, epoch, logId, firstEventId, eventCount, frames };
  }

  #damage(sequence: number, what: string): WalError {
    return damagedStream(this.#name, sequence, what);
  }
}

const isSame = (a: LastRun, b: LastRun): boolean =>
  a.firstEventId === b.firstEventId && a.eventCount === b.eventCount && a.checksum === b.checksum;

/** Why a stream cannot begin with it; where older blocks are not kept, any may be the first. */
function beginProblem(sequence: number, block: StreamBlock): string | undefined {
  if (sequence > 1) return undefined;
  const isFirst = block.kind === StreamKind.claim && block.previousChecksum === 0n;
  return isFirst ? undefined : 'the stream does not begin with a claim';
}

/** Why the block cannot follow the one before it. */
function followProblem(before: StreamBlock, block: StreamBlock): string | undefined {
  const { kind, epoch, logId, firstEventId, part } = block;
  if (block.previousChecksum !== before.checksum) return 'it does not follow the block before it';
  if (firstEventId !== nextEventIdBehind(before)) {
    return `it goes on with event ${firstEventId}, not with ${nextEventIdBehind(before)}`;
  }
  if (kind === StreamKind.claim) {
    const isLater = epoch > before.epoch;
    return isLater ? undefined : `it claims epoch ${epoch} behind epoch ${before.epoch}`;
  }
  if (epoch !== before.epoch || logId !== before.logId) {
    return `it is of epoch ${epoch}, which no claim before it begins`;
  }
  const isOpen = before.kind === StreamKind.part && before.part < before.parts;
  const wanted = isOpen ? before.part + 1 : 1;
  const isWanted =
    kind === StreamKind.part ? part === wanted && isLike(before, block, isOpen) : !isOpen;
  return isWanted ? undefined : `part ${wanted} of a run comes next`;
}

const isLike = (
  before: StreamBlock,
  { parts, eventCount }: StreamBlock,
  isOpen: boolean,
): boolean => !isOpen || (parts === before.parts && eventCount === before.eventCount);
