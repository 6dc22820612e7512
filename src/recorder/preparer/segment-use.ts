// How fast a log uses up its segments, as the writer tells it: by segments that were taken and by
// eighths of the one that is written. It decides how many are prepared, how large, and whether
// there is time to fill them with zeros.
import type { Clock } from '../../clock/clock.js';
import { PAGE_BYTES } from '../../units.js';
import { SEGMENT_PARTS } from '../threads/segment-growth.js';
import type { Signals } from '../threads/signals.js';

export class SegmentUse {
  readonly #signals: Signals;
  readonly #clock: Clock;
  #taken: number;
  #parts: number;
  #activeBytes: number;
  /** When something was used last, and how fast up to then. */
  #lastNs: number;
  #bytesPerNs = 0;

  constructor(signals: Signals, clock: Clock) {
    this.#signals = signals;
    this.#clock = clock;
    this.#taken = signals.get('segmentsTaken');
    this.#parts = signals.get('usedParts');
    this.#activeBytes = signals.get('activePages') * PAGE_BYTES;
    this.#lastNs = clock.nowNs();
  }

  /** Size of the segment that is written; 0 in a log that has none yet. */
  get activeBytes(): number {
    return this.#activeBytes;
  }

  /** At most this much of it is left. */
  get leftBytes(): number {
    return (this.#activeBytes * (SEGMENT_PARTS - this.#parts)) / SEGMENT_PARTS;
  }

  /** The last part of it is being used, however slowly. */
  get isNearlyFull(): boolean {
    return this.#parts >= SEGMENT_PARTS - 1;
  }

  /** As it is used now: where nothing was told for long, it is used slowly. */
  get bytesPerNs(): number {
    const sinceNs = this.#clock.nowNs() - this.#lastNs;
    const partBytes = this.#activeBytes / SEGMENT_PARTS;
    return sinceNs <= 0 ? this.#bytesPerNs : Math.min(this.#bytesPerNs, partBytes / sinceNs);
  }

  /** Takes in what the writer has told since the last look. */
  look(): void {
    const usedBytes = this.#usedSinceLastLook();
    if (usedBytes <= 0) return;
    const nowNs = this.#clock.nowNs();
    this.#bytesPerNs = usedBytes / Math.max(1, nowNs - this.#lastNs);
    this.#lastNs = nowNs;
  }

  #usedSinceLastLook(): number {
    const { leftBytes } = this;
    const parts = this.#parts;
    const taken = (this.#signals.get('segmentsTaken') - this.#taken) | 0;
    this.#taken = (this.#taken + taken) | 0;
    this.#parts = this.#signals.get('usedParts');
    this.#activeBytes = this.#signals.get('activePages') * PAGE_BYTES;
    const partBytes = this.#activeBytes / SEGMENT_PARTS;
    if (taken === 0) return (this.#parts - parts) * partBytes;
    return leftBytes + (taken - 1) * this.#activeBytes + this.#parts * partBytes;
  }
}
