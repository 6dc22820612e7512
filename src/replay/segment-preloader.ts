// Reads ahead of one reader: walks on from where that stands, as it would itself, and hands over
// what it has verified, a slot at a time. It judges nothing. Where the walk ends, for whatever
// reason, the reader goes on by itself behind what it was given, and finds that reason.
import type { Clock } from '../clock/clock.js';
import { assert, WalError } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { BLOCK_HEADER_BYTES } from '../segment/block-header.js';
import { NS_PER_MS } from '../units.js';
import { type LogPlace, LogWalker } from './log-walker.js';
import { PreloadLink } from './preload-link.js';
import { PreloadMeter } from './preload-meter.js';

/** Of a step: what it may verify without a look at anything else. */
const BLOCKS_PER_STEP = 64;
/** A reader that takes nothing for so long reads by itself from then on: files do not stay open. */
const IDLE_NS = 30_000 * NS_PER_MS;

type PreloadStep = 'worked' | 'waits' | 'over';

export class SegmentPreloader {
  readonly #link: PreloadLink;
  readonly #clock: Clock;
  readonly #meter: PreloadMeter;
  readonly #walker: LogWalker;
  readonly #free: number[] = [];
  #slot = 0;
  /** Of the blocks in the slot; `#end` 0: none is there. */
  #start = 0;
  #end = 0;
  #segmentIndex = 0;
  #salt = 0n;
  #offset = 0;
  #workedNs: number;

  /** @param place where the reader stands, behind a block that it has had */
  constructor(ports: ReadingPorts, dir: string, place: LogPlace, link: PreloadLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    this.#meter = new PreloadMeter(clock);
    this.#workedNs = clock.nowNs();
    for (let slot = 1; slot < PreloadLink.slots; slot++) this.#free.push(slot);
    const first = { ...ports, readBuffer: () => link.slotBytes(0) };
    this.#walker = new LogWalker(first, dir, this.#meter, () => this.#renew());
    this.#guarded(() => this.#walker.resume(place));
  }

  /** One bounded piece of work; never waits. After `over` nothing is open. */
  step(): PreloadStep {
    const link = this.#link;
    if (link.isOver) return 'over';
    if (link.isCancelled) return this.#finish();
    for (let slot = link.takeBack(); slot !== undefined; slot = link.takeBack()) {
      this.#free.push(slot);
    }
    const nowNs = this.#clock.nowNs();
    // To go on it may need another slot.
    if (this.#free.length === 0) {
      return nowNs - this.#workedNs < IDLE_NS ? 'waits' : this.#finish();
    }
    this.#workedNs = nowNs;
    link.beat();
    return this.#guarded(() => this.#walk()) ? 'worked' : 'over';
  }

  /** Ends early: the reader goes on by itself. */
  close(): void {
    if (!this.#link.isOver) this.#finish();
  }

  #walk(): void {
    const walker = this.#walker;
    for (let blocks = 0; blocks < BLOCKS_PER_STEP; blocks++) {
      if (!walker.next()) {
        this.#finish();
        return;
      }
      if (!this.#note()) {
        this.#finish();
        return;
      }
      if (this.#free.length === 0) return;
    }
  }

  /** The current block is one more in the slot; false for a large one, which no slot holds. */
  #note(): boolean {
    const { reader } = this.#walker;
    const block = reader?.block;
    if (reader === undefined || block === undefined) return true;
    if (reader.bytes !== reader.buffer) return false;
    if (this.#end === 0) {
      this.#start = reader.payloadStart - BLOCK_HEADER_BYTES;
      this.#offset = reader.blockOffset;
      this.#segmentIndex = reader.file.header.segmentIndex;
      this.#salt = reader.file.header.salt;
    }
    this.#end = reader.payloadEnd;
    return true;
  }

  /** Called before the slot is overwritten: what stands in it goes to the reader first. */
  #renew(): Uint8Array | undefined {
    if (this.#end === 0) return undefined;
    this.#publish();
    const slot = this.#free.pop();
    assert(slot !== undefined, 'a slot that the reader has is not overwritten');
    this.#slot = slot;
    return this.#link.slotBytes(this.#slot);
  }

  #publish(): void {
    if (this.#end === 0) return;
    const blocks = {
      slot: this.#slot,
      start: this.#start,
      end: this.#end,
      segmentIndex: this.#segmentIndex,
      salt: this.#salt,
      offset: this.#offset,
    };
    this.#end = 0;
    this.#link.prepare(blocks, this.#meter.takeTimes());
  }

  /** False, and all is over, where the walk is at an error: the reader meets that by itself. */
  #guarded(work: () => void): boolean {
    try {
      work();
      return !this.#link.isOver;
    } catch (error) {
      this.#finish();
      if (!(error instanceof WalError)) throw error;
      return false;
    }
  }

  #finish(): 'over' {
    try {
      this.#publish();
      this.#walker.close();
    } finally {
      this.#link.end();
    }
    return 'over';
  }
}
