// The life of a thread that loops: how many turns, how many of them did work, for how long in all
// and working, and how long it last slept.
import { layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import { TWO_POW_32 } from '../units.js';
import { beginChange, endChange } from './sequence.js';
import { addHalves, increment, readU64, writeU64 } from './u64.js';

export const LifeCycle = layout('LifeCycle')
  .field(0, 'ended', u32)
  .field(4, 'spare0', pad(4))
  .field(8, 'cycles', u64)
  .field(16, 'activeCycles', u64)
  .field(24, 'totalNs', u64)
  .field(32, 'activeNs', u64)
  .field(40, 'lastSleepNs', u64)
  .field(48, 'spare1', pad(12))
  .field(60, 'begun', u32)
  .end(64, 64);

const CYCLES = wordOf(LifeCycle.offset.cycles);
const ACTIVE_CYCLES = wordOf(LifeCycle.offset.activeCycles);
const TOTAL = wordOf(LifeCycle.offset.totalNs);
const ACTIVE = wordOf(LifeCycle.offset.activeNs);
const LAST_SLEEP = wordOf(LifeCycle.offset.lastSleepNs);

/**
 * Records one turn of the loop at word `at`. Its one writer only.
 * @param didWork whether the turn found something to do
 * @param workNs how long the turn took; what is no length of time counts as 0
 * @param sleepNs how long the loop sleeps after it
 */
export function recordCycle(
  words: Uint32Array,
  at: number,
  didWork: boolean,
  workNs: number,
  sleepNs: number,
): void {
  const work = wholeNs(workNs);
  const sleep = wholeNs(sleepNs);
  beginChange(words, at);
  increment(words, at + CYCLES);
  addNs(words, at + TOTAL, work + sleep);
  if (didWork) {
    increment(words, at + ACTIVE_CYCLES);
    addNs(words, at + ACTIVE, work);
  }
  writeU64(words, at + LAST_SLEEP, sleep);
  endChange(words, at);
}

const wholeNs = (ns: number): number =>
  ns > 0 && ns <= Number.MAX_SAFE_INTEGER ? Math.floor(ns + 0.5) : 0;

const addNs = (words: Uint32Array, at: number, ns: number): void =>
  addHalves(words, at, ns >>> 0, Math.floor(ns / TWO_POW_32));

/** The turns of a loop, as they were at one moment. */
export class LifeCycleReading {
  /** Number of turns. */
  readonly cycles: number;
  /** Number of turns that did work. */
  readonly activeCycles: number;
  /** Time of all turns, including their sleep, in nanoseconds. */
  readonly totalNs: number;
  /** Time of the turns that did work, in nanoseconds. */
  readonly activeNs: number;
  /** The last sleep, in nanoseconds. */
  readonly lastSleepNs: number;

  constructor(words: Uint32Array, at: number) {
    this.cycles = readU64(words, at + CYCLES);
    this.activeCycles = readU64(words, at + ACTIVE_CYCLES);
    this.totalNs = readU64(words, at + TOTAL);
    this.activeNs = readU64(words, at + ACTIVE);
    this.lastSleepNs = readU64(words, at + LAST_SLEEP);
  }
}
