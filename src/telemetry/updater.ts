// What all updaters share: where their struct stands, and the clock. Frozen once made: an updater
// has no state but the struct's. A call costs one look at the clock and a few stores; it allocates
// nothing and never throws, also after the log is closed: then it does nothing.
import { type Clock, monotonicClock } from '../clock/clock.js';
import { addCounter, setValue } from '../metrics/counter64.js';
import { highHalf, lowHalf, recordDurationHalves } from '../metrics/duration64.js';
import { elapsedNs } from '../metrics/elapsed.js';
import { type ApplyNote, note, noteLow, noteSecond } from '../metrics/journal.js';
import { recordCycle } from '../metrics/life-cycle.js';
import type { MetricMemory } from '../metrics/metric-memory.js';
import { type MetricsStruct, structAccess } from '../metrics/metrics-struct.js';
import { recordOperationHalves } from '../metrics/operation64.js';
import { beginChange, endChange } from '../metrics/sequence.js';

/** Word offset of a field in its struct, from its offset in bytes. */
export const wordOf = (byteOffset: number): number => byteOffset / Uint32Array.BYTES_PER_ELEMENT;

/** Changes the lines of the group that begins at word `group`. */
export type ApplyChange = (words: Uint32Array, group: number, a: number, b: number) => void;

export abstract class Updater {
  readonly #memory: MetricMemory;
  readonly #clock: Clock;

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
    const elapsed = elapsedNs(startNs, this.#clock.nowNs());
    const at = memory.start + field;
    recordDurationHalves(memory.words, at, lowHalf(elapsed), highHalf(elapsed));
  }

  /** Records the time from `startNs` to now at word `field`, an operation64. */
  protected operation(field: number, startNs: number, ok: boolean): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    const elapsed = elapsedNs(startNs, this.#clock.nowNs());
    const at = memory.start + field;
    recordOperationHalves(memory.words, at, lowHalf(elapsed), highHalf(elapsed), ok);
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
    const { words, start } = memory;
    const elapsed = elapsedNs(startNs, this.#clock.nowNs());
    const low = noteLow(elapsed);
    note(words, start + group, start + journal, apply, low, noteSecond(elapsed), a, b);
  }

  protected nowNs(): number {
    return this.#clock.nowNs();
  }
}
