// The area in which stalls are recorded, over any memory: a region's own, or a copy.
import { wordOf } from '../../memory/layout.js';
import { header, MAGIC_HIGH, MAGIC_LOW, place, STALL_AREA_BYTES, VERSION } from './area-layout.js';
import { STALL_CAUSES } from './causes.js';
import { IntervalRecords } from './interval-records.js';
import { StallRecords } from './stall-records.js';
import { WaitRecords } from './wait-records.js';

const LAST = place.last / Float64Array.BYTES_PER_ELEMENT;
const LAST_DOUBLES = (place.waits - place.last) / Float64Array.BYTES_PER_ELEMENT;

type HeaderWord = 'thresholdMs' | 'intervals' | 'kept' | 'stalls' | 'quietLooks' | 'beatsAtEnd';
type HeaderTime = 'dueMs' | 'windowStartMs' | 'endMs';

export class StallArea {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  /** Totals at the last sample; see IntervalReader. */
  readonly last: Float64Array;
  readonly waits: WaitRecords;
  readonly intervals: IntervalRecords;
  /** The stalls that are recorded; `word('stalls')` is the number of the newest. */
  readonly past: StallRecords;

  constructor(buffer: ArrayBufferLike, byteOffset: number) {
    this.#words = new Int32Array(buffer, byteOffset, wordOf(STALL_AREA_BYTES));
    this.#doubles = new Float64Array(buffer, byteOffset, STALL_AREA_BYTES / 8);
    this.last = this.#doubles.subarray(LAST, LAST + LAST_DOUBLES);
    this.waits = new WaitRecords(this.#words, this.#doubles);
    this.intervals = new IntervalRecords(this.#words, this.#doubles, {
      get: (of) => this.word(of),
      set: (of, number) => this.setWord(of, number),
    });
    this.past = new StallRecords(this.#words, this.#doubles);
  }

  /** A copy of its beginning, or of all, which nobody writes to. */
  static copyOf(bytes: Uint8Array): StallArea {
    const copy = new Uint8Array(STALL_AREA_BYTES);
    copy.set(bytes.subarray(0, STALL_AREA_BYTES));
    return new StallArea(copy.buffer, 0);
  }

  /** When the last sample was taken, by the monotonic clock; 0: none was. */
  get lastTakenNs(): number {
    return this.last[0] as number;
  }

  get bytes(): Uint8Array {
    const { buffer, byteOffset } = this.#words;
    return new Uint8Array(buffer, byteOffset, STALL_AREA_BYTES);
  }

  /** Whether this is such an area; memory of an earlier version is none. */
  get isKnown(): boolean {
    const at = wordOf(header.magic);
    return (
      this.#words[at] === MAGIC_LOW &&
      this.#words[at + 1] === MAGIC_HIGH &&
      this.#words[wordOf(header.version)] === VERSION
    );
  }

  /** @param thresholdMs of the option; what stands in the area of earlier openings stays */
  begin(thresholdMs: number): void {
    const words = this.#words;
    words[wordOf(header.version)] = VERSION;
    words.fill(0, wordOf(header.lock), wordOf(header.intervals));
    this.setWord('thresholdMs', thresholdMs);
    this.setWord('quietLooks', 0);
    this.setTime('dueMs', 0);
    this.setTime('windowStartMs', 0);
    this.setTime('endMs', 0);
    this.last.fill(0);
    const counts = wordOf(header.counts);
    words.fill(0, counts, counts + STALL_CAUSES.length);
    words[wordOf(header.magic) + 1] = MAGIC_HIGH;
    Atomics.store(words, wordOf(header.magic), MAGIC_LOW);
  }

  word(name: HeaderWord): number {
    return Atomics.load(this.#words, wordOf(header[name])) >>> 0;
  }

  setWord(name: HeaderWord, value: number): void {
    Atomics.store(this.#words, wordOf(header[name]), value | 0);
  }

  time(name: HeaderTime): number {
    return this.#doubles[header[name] / 8] as number;
  }

  setTime(name: HeaderTime, ms: number): void {
    this.#doubles[header[name] / 8] = ms;
  }

  /**
   * Had by one thread at a time; one that died with it loses it after `staleMs`. Returns what
   * `unlock` takes; 0: another has it.
   * @param nowMs by `wrappedMs`; clocks of two threads may be a moment apart
   */
  tryLock(nowMs: number, staleMs: number): number {
    const at = wordOf(header.lock);
    const mine = nowMs | 1;
    const seen = Atomics.compareExchange(this.#words, at, 0, mine);
    if (seen === 0) return mine;
    if (Math.abs((mine - seen) | 0) < staleMs) return 0;
    return Atomics.compareExchange(this.#words, at, seen, mine) === seen ? mine : 0;
  }

  /** Not where another has taken it meanwhile. */
  unlock(mine: number): void {
    Atomics.compareExchange(this.#words, wordOf(header.lock), mine, 0);
  }

  count(cause: number): number {
    return (this.#words[wordOf(header.counts) + cause] as number) >>> 0;
  }

  addCount(cause: number): void {
    Atomics.add(this.#words, wordOf(header.counts) + cause, 1);
  }
}
