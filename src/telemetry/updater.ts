// What all updaters share: where their struct is, and the clock. An updater is frozen: it has no
// state except the struct's. A call costs one clock reading and a few stores; it allocates nothing
// and never throws, and after the log is closed it does nothing. It accepts anything, because
// callers may have no types and bring their own clocks.
import { type Clock, monotonicClock, stampClock } from '../clock/clock.js';
import { invalidArgument } from '../errors.js';
import type { StructDefinition } from '../metrics/catalogue.js';
import { addCounter, setValue } from '../metrics/counter64.js';
import { recordInterval } from '../metrics/duration64.js';
import {
  type ApplyNote,
  newInterval,
  note,
  recordInPlace,
  recordOnCopy,
} from '../metrics/journal.js';
import { recordCycle } from '../metrics/life-cycle.js';
import type { MetricMemory } from '../metrics/metric-memory.js';
import { MetricsStruct, structAccess } from '../metrics/metrics-struct.js';
import { recordOperationInterval } from '../metrics/operation64.js';
import { recordRecentMax } from '../metrics/recent-max.js';
import { beginChange, endChange } from '../metrics/sequence.js';

/** Changes the lines of the group that begins at word `group`. */
type ApplyChange = (
  words: Uint32Array,
  group: number,
  a: number,
  b: number,
  c: number,
  d: number,
) => void;

/** A count or a value as it can be stored; anything else counts as 0. */
const storable = (value: unknown): number =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : 0;

export abstract class Updater {
  readonly #memory: MetricMemory;
  readonly #clock: Clock;
  readonly #interval = newInterval();

  /**
   * @param definition of the struct to which the updater's offsets belong: in another struct, which
   * may be in a log's region, its stores would hit the wrong words
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT
   */
  constructor(definition: StructDefinition, metrics: MetricsStruct, clock: Clock = monotonicClock) {
    const access = metrics instanceof MetricsStruct ? structAccess(metrics) : undefined;
    if (access?.definition !== definition) {
      throw invalidArgument(
        `An updater of ${definition.name} takes a ${definition.name} to record into.`,
      );
    }
    if (typeof clock?.nowNs !== 'function') {
      throw invalidArgument('A clock must be an object with a method nowNs.');
    }
    this.#memory = access.memory;
    this.#clock = clock;
  }

  /** Adds to the counter at word `field` of the struct. */
  protected count(field: number, by = 1): void {
    const memory = this.#memory;
    if (memory.isOpen) addCounter(memory.words, memory.start + field, storable(by));
  }

  /** Sets the gauge at word `field`, to a whole number from 0 to 2^53. */
  protected set(field: number, value: number): void {
    const memory = this.#memory;
    if (memory.isOpen) setValue(memory.words, memory.start + field, storable(value));
  }

  /** Records the time from `startNs` to now at word `field`, a duration64. */
  protected time(field: number, startNs: number): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    this.#end(startNs);
    recordInterval(memory.words, memory.start + field, this.#interval);
  }

  /** Records the time from `startNs` to `endNs` at word `field`, a duration64. */
  protected span(field: number, startNs: number, endNs: number): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    this.#between(startNs, endNs);
    recordInterval(memory.words, memory.start + field, this.#interval);
  }

  /**
   * Records the time from `startNs` to now at word `field`, a duration64; returns now. Both in
   * whole nanoseconds, so that laps sum up to the whole exactly.
   */
  protected lap(field: number, startNs: number): number {
    this.#end(startNs);
    const endNs = Math.round(this.#interval[1] as number);
    this.span(field, startNs, endNs);
    return endNs;
  }

  /** Takes the time that was recorded last into account at word `field`, a recent_max64. */
  protected recent(field: number, interval = this.#interval): void {
    const memory = this.#memory;
    if (memory.isOpen) recordRecentMax(memory.words, memory.start + field, interval);
  }

  /** Takes the time from `startNs` to `endNs` into account at word `field`, a recent_max64. */
  protected recentSpan(field: number, startNs: number, endNs: number): void {
    this.#between(startNs, endNs);
    this.recent(field);
  }

  /** Records the time from `startNs` to now at word `field`, an operation64. */
  protected operation(field: number, startNs: number, ok: boolean): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    this.#end(startNs);
    recordOperationInterval(memory.words, memory.start + field, this.#interval, ok);
  }

  /** Records up to four values as one change of the group at word `field`, without a journal. */
  protected change(field: number, apply: ApplyChange, a: number, b: number, c = 0, d = 0): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    const group = memory.start + field;
    beginChange(memory.words, group);
    apply(memory.words, group, storable(a), storable(b), storable(c), storable(d));
    endChange(memory.words, group);
  }

  /** Records one turn of a loop that began at `startNs`, at word `field`, a life_cycle. */
  protected cycle(field: number, didWork: boolean, startNs: number, sleepNs: number): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    this.#end(startNs);
    const workNs = (this.#interval[1] as number) - (this.#interval[0] as number);
    recordCycle(memory.words, memory.start + field, didWork, workNs, storable(sleepNs));
  }

  /** Adds the time from `startNs` to now, and two words, to a group that has no journal. */
  protected record(group: number, apply: ApplyNote, startNs: number, a: number, b: number): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    this.#end(startNs);
    const at = memory.start + group;
    recordInPlace(memory.words, at, apply, this.#interval, storable(a), storable(b));
  }

  /** The same where the engine may cut the call short. `end`: the word after the group. */
  protected recordWhole(group: number, end: number, apply: ApplyNote, startNs: number): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    this.#end(startNs);
    const at = memory.start + group;
    recordOnCopy(memory.words, at, end - group, apply, this.#interval, 0, 0);
  }

  /** Notes the time from `startNs` to `endNs`, or to now, and two words, in a group's journal. */
  protected note(
    group: number,
    journal: number,
    apply: ApplyNote,
    startNs: number,
    a: number,
    b: number,
    endNs?: number,
  ): void {
    const memory = this.#memory;
    if (!memory.isOpen) return;
    if (endNs === undefined) this.#end(startNs);
    else this.#between(startNs, endNs);
    const { words, start } = memory;
    const interval = this.#interval;
    note(words, start + group, start + journal, apply, interval, storable(a), storable(b));
  }

  /** The interval from `startNs` to now; NaN where that is no number. */
  #end(startNs: number): void {
    this.#interval[0] = typeof startNs === 'number' ? startNs : Number.NaN;
    stampClock(this.#clock, this.#interval, 1);
  }

  #between(startNs: number, endNs: number): void {
    this.#interval[0] = typeof startNs === 'number' ? startNs : Number.NaN;
    this.#interval[1] = typeof endNs === 'number' ? endNs : Number.NaN;
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
