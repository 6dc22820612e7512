// What the readers of one segment tell of themselves; see ReadingMeter. One meter serves them all
// where there are several, one after each hole.

import type { Verdict } from '../segment/verdict.js';
import { type ReadingMeter, silentMeter } from './reading-meter.js';
import { integrityFailureOf, type Stop } from './stop.js';

export class SegmentMeter {
  readonly #meter: ReadingMeter;
  /** Spent on the blocks so far. */
  #verifyNs = 0;
  #hasBlocks = false;
  #hasEnded = false;
  #hasFailed = false;
  /** Where the last defect was counted: whoever waits at it meets it again and again. */
  #defectOffset: number | undefined;

  constructor(meter: ReadingMeter = silentMeter()) {
    this.#meter = meter;
  }

  nowNs(): number {
    return this.#meter.nowNs();
  }

  /** A block was verified; looking for it began at `startNs`. */
  onBlock(startNs: number, bytes: number, events: number): void {
    const meter = this.#meter;
    if (meter.isSilent) return;
    this.#hasBlocks = true;
    this.#verifyNs += meter.nowNs() - startNs;
    meter.segmentReader.onVerifyBlock(bytes, events);
  }

  /** A read returned; `bytes` is undefined where it failed. */
  onChunk(startNs: number, bytes: number | undefined): void {
    this.#meter.segmentReader.onReadChunk(startNs, bytes !== undefined, bytes ?? 0);
  }

  /** The end of a finished segment was reached, or does not validate up to its pin. */
  onEnd(ok: boolean, offset: number, stop: Stop | undefined): void {
    if (!ok) this.#onDefect(offset, stop);
    // The end of a log that is being written is met more than once, and so may damage be.
    if (ok ? this.#hasEnded : this.#hasFailed) return;
    // A reader that began at the end has verified nothing.
    if (ok && !this.#hasBlocks) return;
    this.#hasEnded = true;
    this.#hasFailed = !ok;
    // Blocks are read when they are asked for: what lies between them is no time of ours.
    this.#meter.segmentReader.onVerifySegment(this.#meter.nowNs() - this.#verifyNs, ok);
  }

  /** The end of the last segment was judged. */
  onVerdict(verdict: Verdict, offset: number, stop: Stop | undefined): void {
    if (verdict === 'torn-tail') this.#onDefect(offset, stop);
    this.onEnd(verdict !== 'corruption' && verdict !== 'undecidable', offset, stop);
  }

  #onDefect(offset: number, stop: Stop | undefined): void {
    if (stop === undefined || this.#defectOffset === offset) return;
    this.#defectOffset = offset;
    this.#meter.segmentReader.onIntegrityFailure(integrityFailureOf(stop));
  }
}
