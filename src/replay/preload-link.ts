// What a reader and the preloader that reads ahead of it share: slots of verified blocks, and the
// two rings in which these go to and fro. One reader, one preloader.
//
// Invariants: a slot is the preloader's until it is pushed into `prepared`, the reader's from then
// on until it is pushed into `finished`. Each word has one writer, but for `state`, which a reader
// that gives up changes where nobody has taken the link up yet. The buffer of the reader itself
// stands before the slots, so that all it steps over is in one array; the preloader never writes
// there.
import { assert } from '../errors.js';
import { layout, wordOf } from '../memory/layout.js';
import { WordLine } from '../memory/lines.js';
import { SpscQueue } from '../memory/spsc-queue.js';
import { bufferBytes } from '../reading/segment-reader.js';

/** Slots, and entries of the two rings: so much is read ahead of a reader, and no more. */
const SLOTS = 4;
const SLOT_BYTES = bufferBytes(Number.POSITIVE_INFINITY);
const PREPARED_WORDS = 5;
const FINISHED_WORDS = 1;
/** Of the times of a slot. */
const TIMES = 5;
/** Between two looks whether the preloader is still at work. */
const LOOK_MS = 50;

const LinkLayout = layout('PreloadLink')
  /** See LinkState. Writer: the preloader; of `over`, where it was not taken up, the reader. */
  .field(0, 'state', WordLine)
  /** 1 when the reader needs no more. Writer: the reader. */
  .field(128, 'cancelled', WordLine)
  /** Moves with all that the preloader does. Writer: the preloader. */
  .field(256, 'progress', WordLine)
  /** Moves with each slot that is prepared, and at the end. Writer: the preloader. */
  .field(384, 'news', WordLine)
  .end(512, 64);

const STATE = wordOf(LinkLayout.offset.state);
const CANCELLED = wordOf(LinkLayout.offset.cancelled);
const PROGRESS = wordOf(LinkLayout.offset.progress);
const NEWS = wordOf(LinkLayout.offset.news);

const PREPARED_OFFSET = LinkLayout.size;
const FINISHED_OFFSET = PREPARED_OFFSET + SpscQueue.bytes(SLOTS, PREPARED_WORDS);
const TIMES_OFFSET = Math.ceil((FINISHED_OFFSET + SpscQueue.bytes(SLOTS, FINISHED_WORDS)) / 8) * 8;
const SALTS_OFFSET = TIMES_OFFSET + SLOTS * TIMES * Float64Array.BYTES_PER_ELEMENT;
const CONTROL_BYTES = SALTS_OFFSET + SLOTS * BigUint64Array.BYTES_PER_ELEMENT;

const LinkState = { offered: 0, takenUp: 1, over: 2 } as const;

/** Verified blocks, one right behind the other as they stand in their file. */
export interface PreparedBlocks {
  readonly slot: number;
  /** Of the first block's header, and behind the last block: both in the slot. */
  readonly start: number;
  readonly end: number;
  readonly segmentIndex: number;
  readonly salt: bigint;
  /** Of the first block's header, in the file. */
  readonly offset: number;
}

/** What came before a slot was prepared, since the one before it; 0 where there was nothing. */
export interface PreparationTimes {
  readonly readNs: number;
  readonly readBytes: number;
  /** Of a segment that has come to its end. */
  readonly openNs: number;
  readonly verifyNs: number;
  readonly closeNs: number;
}

/** Plain data: the other thread makes a link of its own from it. */
export interface LinkHandle {
  readonly control: SharedArrayBuffer;
  readonly memory: SharedArrayBuffer;
}

export class PreloadLink {
  readonly handle: LinkHandle;
  /** The reader's own buffer, then the slots. */
  readonly bytes: Uint8Array;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #prepared: SpscQueue;
  readonly #finished: SpscQueue;
  readonly #times: Float64Array;
  readonly #salts: BigUint64Array;
  readonly #entry = new Int32Array(PREPARED_WORDS);

  constructor(handle?: LinkHandle) {
    const { control, memory } = handle ?? {
      control: new SharedArrayBuffer(CONTROL_BYTES),
      memory: new SharedArrayBuffer(SLOT_BYTES * (SLOTS + 1)),
    };
    this.handle = { control, memory };
    this.bytes = new Uint8Array(memory);
    this.#words = new Int32Array(control, 0, wordOf(LinkLayout.size));
    this.#prepared = new SpscQueue(new Int32Array(control, PREPARED_OFFSET), SLOTS, PREPARED_WORDS);
    this.#finished = new SpscQueue(new Int32Array(control, FINISHED_OFFSET), SLOTS, FINISHED_WORDS);
    this.#times = new Float64Array(control, TIMES_OFFSET, SLOTS * TIMES);
    this.#salts = new BigUint64Array(control, SALTS_OFFSET, SLOTS);
  }

  /** The buffer that the reader reads into by itself. */
  get ownBytes(): Uint8Array {
    return this.bytes.subarray(0, SLOT_BYTES);
  }

  /** Where the memory of a slot begins in `bytes`. */
  startOfSlot(slot: number): number {
    return (slot + 1) * SLOT_BYTES;
  }

  slotBytes(slot: number): Uint8Array {
    const start = this.startOfSlot(slot);
    return this.bytes.subarray(start, start + SLOT_BYTES);
  }

  static get slots(): number {
    return SLOTS;
  }

  // The preloader's side.

  /** False where the reader has given up before. */
  takeUp(): boolean {
    const { offered, takenUp } = LinkState;
    return Atomics.compareExchange(this.#words, STATE, offered, takenUp) === offered;
  }

  get isCancelled(): boolean {
    return Atomics.load(this.#words, CANCELLED) === 1;
  }

  /** The preloader is at work. */
  beat(): void {
    Atomics.add(this.#words, PROGRESS, 1);
  }

  prepare(blocks: PreparedBlocks, times: PreparationTimes): void {
    const { slot, start, end, segmentIndex, salt, offset } = blocks;
    const { readNs, readBytes, openNs, verifyNs, closeNs } = times;
    this.#times.set([readNs, readBytes, openNs, verifyNs, closeNs], slot * TIMES);
    this.#salts[slot] = salt;
    const isPushed = this.#prepared.tryPush([slot, start, end, segmentIndex, offset]);
    assert(isPushed, 'there are as many entries as slots');
    this.#tell();
  }

  /** A slot that the reader is done with; undefined: none. */
  takeBack(): number | undefined {
    return this.#finished.tryPop(this.#entry) === 0 ? undefined : this.#entry[0];
  }

  /** Nothing comes any more, and no file is open. */
  end(): void {
    Atomics.store(this.#words, STATE, LinkState.over);
    this.#tell();
  }

  #tell(): void {
    Atomics.add(this.#words, NEWS, 1);
    Atomics.notify(this.#words, NEWS);
  }

  // The reader's side.

  get isTakenUp(): boolean {
    return Atomics.load(this.#words, STATE) === LinkState.takenUp;
  }

  get isOver(): boolean {
    return Atomics.load(this.#words, STATE) === LinkState.over;
  }

  /** To be read before looking for a slot, and given to `waitForNews`. */
  get news(): number {
    return Atomics.load(this.#words, NEWS);
  }

  get progress(): number {
    return Atomics.load(this.#words, PROGRESS);
  }

  waitForNews(seen: number, timeoutMs = LOOK_MS): void {
    Atomics.wait(this.#words, NEWS, seen, timeoutMs);
  }

  take(): PreparedBlocks | undefined {
    const entry = this.#entry;
    if (this.#prepared.tryPop(entry) === 0) return undefined;
    // In bounds, and as `prepare` had them.
    const slot = entry[0] as number;
    return {
      slot,
      start: entry[1] as number,
      end: entry[2] as number,
      // The highest index is a u32.
      segmentIndex: (entry[3] as number) >>> 0,
      salt: this.#salts[slot] as bigint,
      offset: entry[4] as number,
    };
  }

  /** Slots that wait to be taken. */
  get preparedSlots(): number {
    return this.#prepared.length;
  }

  timesOf(slot: number): PreparationTimes {
    const times = this.#times.subarray(slot * TIMES);
    const [readNs = 0, readBytes = 0, openNs = 0, verifyNs = 0, closeNs = 0] = times;
    return { readNs, readBytes, openNs, verifyNs, closeNs };
  }

  finish(slot: number): void {
    const isPushed = this.#finished.tryPush([slot]);
    assert(isPushed, 'there are as many entries as slots');
  }

  /** The reader needs no more; false where the preloader still has files open. */
  cancel(): boolean {
    Atomics.store(this.#words, CANCELLED, 1);
    const { offered, over } = LinkState;
    return Atomics.compareExchange(this.#words, STATE, offered, over) !== LinkState.takenUp;
  }
}
