// What all updaters share: where their struct stands, and the clock. Frozen once made: an updater
// has no state but the struct's. A call costs one look at the clock and a few stores; it allocates
// nothing and never throws, also after the log is closed: then it does nothing.
import { type Clock, monotonicClock, stampClock } from '../clock/clock.js';
import { addCounter, setValue } from '../metrics/counter64.js';
import { recordInterval } from '../metrics/duration64.js';
import { type ApplyNote, newInterval, note } from '../metrics/journal.js';
import { recordCycle } from '../metrics/life-cycle.js';
import type { MetricMemory } from '../metrics/metric-memory.js';
import { type MetricsStruct, structAccess } from '../metrics/metrics-struct.js';
import { recordOperationInterval } from '../metrics/operation64.js';
import { beginChange, endChange } from '../metrics/sequence.js';

/** Word offset of a field in its struct, from its offset in bytes. */
export const wordOf = (byteOffset: number): number => byteOffset / Uint32Array.BYTES_PER_ELEMENT;

/** Changes the lines of the group that begins at word `group`. */
export type ApplyChange = (words: Uint32Array, group: number, a: number, b: number) => void;

export abstract class Updater {
  readonly #memory: MetricMemory;
  readonly #clock: Clock;
  readonly #interval = newInterval();

  constructor(metrics: MetricsStruct, clock: Clock = monotonicClock) {
    this.#memory = structAccess(metrics).memory;
    this.#clock = clock;
  }

  /** Adds to the counter at word `field` of the struct. */
  protected count(field: number, by = 1): void {
    const memory = this.#memory;
    if (memory.isOpen) addCounter(memory.words, memory.start + field, by);
  }

  /** Sets the gauge at word `field`, to a whole number from 0 to 2^53. */
  protected set(field: number, value: number): void {
    const memory = this.#memory;
    if (memory.isOpen) setValue(memory.words, memory.start + field, value);
  }

  /** Records the time from `startNs` to now at word `field`, a duration64. */
  protected time(field: number, startNs: number): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    this.#end(startNs);
    recordInterval(memory.words, memory.start + field, this.#interval);
  }

  /** Records the time from `startNs` to now at word `field`, an operation64. */
  protected operation(field: number, startNs: number, ok: boolean): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    this.#end(startNs);
    recordOperationInterval(memory.words, memory.start + field, this.#interval, ok);
  }

  /** Records two words as one change of the group at word `field`, which has no journal. */
  protected change(field: number, apply: ApplyChange, a: number, b: number): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    const group = memory.start + field;
    beginChange(memory.words, group);
    apply(memory.words, group, a, b);
    endChange(memory.words, group);
  }

  /** Records one turn of a loop that began at `startNs`, at word `field`, a life_cycle. */
  protected cycle(field: number, didWork: boolean, startNs: number, sleepNs: number): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    const workNs = this.#clock.nowNs() - startNs;
    recordCycle(memory.words, memory.start + field, didWork, workNs, sleepNs);
  }

  /** Notes the time from `startNs` to now, and two words, in the journal of a group. */
  protected note(
    group: number,
    journal: number,
    apply: ApplyNote,
    startNs: number,
    a: number,
    b: number,
  ): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    this.#end(startNs);
    const { words, start } = memory;
    note(words, start + group, start + journal, apply, this.#interval, a, b);
  }

  /** The interval from `startNs` to now. Takes anything: a caller without types throws nothing here. */
  #end(startNs: number): void {
    this.#interval[0] = typeof startNs === 'number' ? startNs : Number.NaN;
    stampClock(this.#clock, this.#interval, 1);
  }

  /** Puts the start of an interval into its array. */
  protected begin(interval: Float64Array): void {
    stampClock(this.#clock, interval, 0);
  }

  /** As `note`, from the start that stands in `interval`. */
  protected noteInterval(
    group: number,
    journal: number,
    apply: ApplyNote,
    interval: Float64Array,
    a: number,
    b: number,
  ): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    stampClock(this.#clock, interval, 1);
    const { words, start } = memory;
    note(words, start + group, start + journal, apply, interval, a, b);
  }
}
