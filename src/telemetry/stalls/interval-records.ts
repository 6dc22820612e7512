// The intervals of an area: the newest, and those around stalls, which stay longer.
import { KEPT, place, RECENT, RECORD_WORDS, toU32 } from './area-layout.js';
import { INTERVAL_FIELDS, type Interval, intervalOf } from './interval.js';
import { RecordSlots, TIME, timeOf } from './record-slots.js';

const FIRST_FIELD = Math.min(...Object.values(INTERVAL_FIELDS));
const LAST_FIELD = Math.max(...Object.values(INTERVAL_FIELDS));

/** The counters of the newest, which stand in the area's header. */
interface IntervalNumbers {
  get(of: 'intervals' | 'kept'): number;
  set(of: 'intervals' | 'kept', number: number): void;
}

export class IntervalRecords {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #numbers: IntervalNumbers;
  readonly #recent: RecordSlots;
  readonly #kept: RecordSlots;

  constructor(words: Int32Array, doubles: Float64Array, numbers: IntervalNumbers) {
    this.#words = words;
    this.#doubles = doubles;
    this.#numbers = numbers;
    this.#recent = new RecordSlots(words, place.recent, RECENT);
    this.#kept = new RecordSlots(words, place.keptIntervals, KEPT);
  }

  /** @param fields by the words of `INTERVAL_FIELDS`; see `newFields` */
  put(endMs: number, fields: Float64Array): void {
    const number = (this.#numbers.get('intervals') + 1) >>> 0 || 1;
    const slot = this.#recent.begin(number);
    this.#doubles[(slot + TIME) / 2] = endMs;
    for (let at = FIRST_FIELD; at <= LAST_FIELD; at++) {
      this.#words[slot + at] = toU32(fields[at] as number) | 0;
    }
    this.#recent.end(slot, number);
    this.#numbers.set('intervals', number);
  }

  /** Keeps intervals that ended at `sinceMs` or later and are not kept yet. */
  keepSince(sinceMs: number): void {
    const newest = this.#numbers.get('intervals');
    const seen = Math.max(this.#kept.newest, newest - RECENT, 0);
    for (let number = seen + 1; number <= newest; number++) {
      const from = this.#recent.slotOf(number);
      if ((this.#words[from] as number) >>> 0 !== number) continue;
      if ((this.#doubles[(from + TIME) / 2] as number) < sinceMs) continue;
      const kept = (this.#numbers.get('kept') + 1) >>> 0;
      const slot = this.#kept.begin(kept);
      this.#kept.copy(from, slot);
      this.#kept.end(slot, number);
      this.#numbers.set('kept', kept);
    }
  }

  /** All that are there, the oldest first. */
  all(): readonly Interval[] {
    const found = new Map<number, Interval>();
    for (const slots of [this.#kept, this.#recent]) {
      for (const [number, words] of slots.copies()) {
        const endMs = timeOf(words);
        // Of memory that somebody has overwritten.
        if (Number.isFinite(endMs)) found.set(number, intervalOf(number, endMs, words));
      }
    }
    return [...found.values()].sort((a, b) => a.number - b.number);
  }
}

/** What `put` takes, all 0. */
export const newFields = (): Float64Array => new Float64Array(RECORD_WORDS);
