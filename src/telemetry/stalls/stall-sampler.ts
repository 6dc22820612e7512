// Takes the intervals, notices a stall, keeps what is around it, and records it once it is over.
//
// Whoever is awake takes the sample that is due: housekeeping, which comes first, or another thread
// of the log where housekeeping is late because its own disk keeps it (`lookIfLate`). Nobody holds
// anything that another needs: all state is in the area, under a lock that passes from one that
// has died. A copy of a region is read by the same code, with the time of its last sign of life.
import type { Clock } from '../../clock/clock.js';
import type { TimesOfThread } from '../../storage/thread-times.js';
import { NS_PER_MS } from '../../units.js';
import { wrappedMs } from '../heartbeats.js';
import { STALL_CAUSES, WAIT_KINDS } from './causes.js';
import { INTERVAL_FIELDS, type Interval, type IntervalField } from './interval.js';
import { IntervalReader } from './interval-reader.js';
import { judgeStall, touching } from './judge-stall.js';
import type { StallMemory } from './stall-memory.js';
import type { Wait } from './wait-records.js';

/** From one sample to the next, while something happens. */
const SAMPLE_MS = 100;
/** A sample that is so much late is taken by whoever sees that. */
const LATE_MS = 250;
/** A log without events is looked at when housekeeping looks at it anyway, at the latest then. */
const QUIET_LATE_MS = 3000;
const QUIET_LOOKS = 10;
/** A lock that was had for so long is that of a thread that has died. */
const LOCK_STALE_MS = 5000;
/** What is kept before a stall, and how long after it no further wait has to come. */
const BEFORE_MS = 500;
const AFTER_MS = 250;
/**
 * The collector tells what it did once the application's event loop has turned twice: it is waited
 * for so many turns of its pulse, or so long where that thread does not come to turn.
 */
const TOLD_BEATS = 3;
const TOLD_MS = 3000;
/** A stall that lasts so long is sampled every so many milliseconds. */
const PACES: readonly (readonly [forMs: number, everyMs: number])[] = [
  [60_000, 30_000],
  [10_000, 2000],
  [2000, 500],
  [0, SAMPLE_MS],
];
/** Waits that come without a pause are one stall of so many milliseconds, then the next. */
const LONGEST_MS = 10_000;

/** Of an interval in which something happens, one of these is not 0. */
const HAPPENS = (
  [
    'events',
    'waitingBytes',
    'writes',
    'syncs',
    'appendUs',
    'durableUs',
    'segmentUs',
  ] as const satisfies readonly IntervalField[]
).map((name) => INTERVAL_FIELDS[name]);

const UNKNOWN: TimesOfThread = () => undefined;

export class StallSampler {
  readonly #memory: StallMemory;
  readonly #clock: Clock;
  readonly #reader: IntervalReader;

  /** @param timesOf of the threads of this process; default: not known */
  constructor(memory: StallMemory, clock: Clock, timesOf: TimesOfThread = UNKNOWN) {
    this.#memory = memory;
    this.#clock = clock;
    this.#reader = new IntervalReader(memory, timesOf);
  }

  /**
   * Takes the sample that is due, if one is; returns how many ms may pass until the next. While
   * nothing happens one is taken each time this is called, and infinitely many may pass.
   */
  look(): number {
    const { area } = this.#memory;
    const nowNs = this.#clock.nowNs();
    const dueMs = area.time('dueMs');
    const nowMs = nowNs / NS_PER_MS;
    if (nowMs < dueMs) return dueMs - nowMs;
    return this.#takeAlone(nowNs);
  }

  /** The same for a thread that comes second: only where whoever was to take it does not. */
  lookIfLate(): void {
    const { area } = this.#memory;
    const nowNs = this.#clock.nowNs();
    const nowMs = nowNs / NS_PER_MS;
    const dueMs = area.time('dueMs');
    const takenNs = area.lastTakenNs;
    // Of a log that is being opened, or has only just been.
    if (takenNs === 0) return;
    const isLate =
      dueMs > 0 ? nowMs - dueMs > LATE_MS : nowMs - takenNs / NS_PER_MS > QUIET_LATE_MS;
    if (isLate) this.#takeAlone(nowNs);
  }

  #takeAlone(nowNs: number): number {
    const { area } = this.#memory;
    if (area.word('thresholdMs') === 0) return Number.POSITIVE_INFINITY;
    const lock = area.tryLock(wrappedMs(nowNs), LOCK_STALE_MS);
    if (lock === 0) return SAMPLE_MS;
    try {
      if (!this.#isAtRest) return this.#take(nowNs);
      this.#reader.passOver(nowNs);
      return Number.POSITIVE_INFINITY;
    } finally {
      area.unlock(lock);
    }
  }

  /** It was quiet at the last sample, and nothing has come since. */
  get #isAtRest(): boolean {
    const { area } = this.#memory;
    const wasQuiet = area.time('dueMs') === 0 && area.time('windowStartMs') === 0;
    return wasQuiet && area.lastTakenNs !== 0 && this.#reader.isStill;
  }

  #take(nowNs: number): number {
    const { area } = this.#memory;
    const isFirst = area.lastTakenNs === 0;
    this.#reader.read(nowNs);
    this.#reader.advance();
    if (isFirst) return this.#nextIn(nowNs, SAMPLE_MS);
    const quietLooks = this.#isQuiet ? area.word('quietLooks') + 1 : 0;
    area.setWord('quietLooks', Math.min(quietLooks, QUIET_LOOKS + 1));
    const nowMs = this.#memory.unixMs(nowNs);
    if (quietLooks <= QUIET_LOOKS) area.intervals.put(nowMs, this.#reader.fields);
    const everyMs = this.#lookForStall(nowNs, nowMs);
    if (quietLooks < QUIET_LOOKS) return this.#nextIn(nowNs, everyMs);
    area.setTime('dueMs', 0);
    return Number.POSITIVE_INFINITY;
  }

  /** All logs at the same moments, so that a thread that serves a hundred wakes once for all. */
  #nextIn(nowNs: number, everyMs: number): number {
    const nowMs = nowNs / NS_PER_MS;
    const dueMs = (Math.floor(nowMs / SAMPLE_MS) + everyMs / SAMPLE_MS) * SAMPLE_MS;
    this.#memory.area.setTime('dueMs', dueMs);
    return dueMs - nowMs;
  }

  /** Nothing happened in the interval that was read, and no stall lasts. */
  get #isQuiet(): boolean {
    if (this.#memory.area.time('windowStartMs') !== 0) return false;
    const { fields } = this.#reader;
    for (let index = 0; index < HAPPENS.length; index++) {
      if (fields[HAPPENS[index] as number] !== 0) return false;
    }
    return true;
  }

  /** Notices one, keeps what is around it, records it once it is over; returns the pace. */
  #lookForStall(nowNs: number, nowMs: number): number {
    const { area } = this.#memory;
    // What most looks find, and all that they need to do.
    const thresholdNs = area.word('thresholdMs') * NS_PER_MS;
    const isLasting = this.#reader.isWaiting(nowNs, thresholdNs);
    if (!isLasting && !area.waits.hasUnfiled) return SAMPLE_MS;
    const waits = this.#unfiled();
    const lasting = this.#lastingSince(nowMs);
    const starts = [...waits.flat().map(({ startMs }) => startMs), ...lasting.filter(Boolean)];
    if (starts.length === 0) return SAMPLE_MS;
    const startMs = Math.min(...starts);
    area.setTime('windowStartMs', startMs);
    area.intervals.keepSince(startMs - BEFORE_MS);
    // Waits without a pause: what has ended by now is a stall, and what has begun since is another.
    const hasEnded = waits.flat().some((wait) => wait.startMs === startMs);
    const isLong = hasEnded && nowMs - startMs > LONGEST_MS && !lasting.includes(startMs);
    if (isLong || (!isLasting && this.#isTold(waits, nowMs))) {
      this.#record(waits, [0, 0, 0], nowMs, true);
    }
    const [, everyMs] = PACES.find(([forMs]) => nowMs - startMs > forMs) ?? [0, SAMPLE_MS];
    return isLasting ? everyMs : SAMPLE_MS;
  }

  #unfiled(): readonly (readonly Wait[])[] {
    return WAIT_KINDS.map((_, kind) => this.#memory.area.waits.unfiled(kind));
  }

  /** The last wait ended long enough ago, and whoever has to tell something of it has. */
  #isTold(waits: readonly (readonly Wait[])[], nowMs: number): boolean {
    const { area } = this.#memory;
    const endMs = Math.max(...waits.flat().map((wait) => wait.endMs), 0);
    const beats = this.#reader.applicationBeats;
    if (area.time('endMs') !== endMs) {
      area.setTime('endMs', endMs);
      area.setWord('beatsAtEnd', beats);
    }
    if (nowMs - endMs < AFTER_MS) return false;
    return (beats - area.word('beatsAtEnd')) >>> 0 >= TOLD_BEATS || nowMs - endMs >= TOLD_MS;
  }

  /** By kind, since when something waits that has passed the threshold; 0: nothing does. */
  #lastingSince(nowMs: number): number[] {
    const thresholdMs = this.#memory.area.word('thresholdMs');
    return WAIT_KINDS.map((_, kind) => {
      const sinceNs = this.#reader.waitingSinceNs(kind);
      if (sinceNs === 0) return 0;
      const sinceMs = this.#memory.unixMs(sinceNs);
      return nowMs - sinceMs >= thresholdMs ? sinceMs : 0;
    });
  }

  /**
   * Of a copy of a region: records what has not been recorded yet, as it stood at the clock's time,
   * also a wait that was not over. False where there is one. What is over is left out while its
   * process lives: that records it in a moment, once all is told that is to be known of it.
   */
  finish(isAlive: boolean): boolean {
    const { area } = this.#memory;
    if (area.word('thresholdMs') === 0) return true;
    const nowNs = this.#clock.nowNs();
    const nowMs = this.#memory.unixMs(nowNs);
    if (area.lastTakenNs !== 0) {
      this.#reader.read(nowNs);
      area.intervals.put(nowMs, this.#reader.fields);
    }
    const waits = this.#unfiled();
    const lasting = this.#lastingSince(nowMs);
    const isOver = lasting.every((since) => since === 0);
    if (isOver && isAlive) return true;
    if (waits.flat().length > 0 || !isOver) this.#record(waits, lasting, nowMs, isOver);
    return isOver;
  }

  /** @param lasting since when something waits, by kind; 0: nothing does */
  #record(
    waits: readonly (readonly Wait[])[],
    lasting: readonly number[],
    nowMs: number,
    isOver: boolean,
  ): void {
    const { area } = this.#memory;
    const all = waits.flat();
    const starts = [...all.map((wait) => wait.startMs), ...lasting.filter(Boolean)];
    const startMs = Math.min(...starts);
    const endMs = isOver ? Math.max(...all.map((wait) => wait.endMs)) : nowMs;
    const found = waits.map((ofKind, kind) => waitsOf(ofKind, lasting[kind] ?? 0, nowMs));
    const [append, durable, segment] = found.map(({ longestUs }) => longestUs);
    const [, ofDurable = [], ofSegment = []] = waits;
    area.intervals.keepSince(startMs - BEFORE_MS);
    const intervals = area.intervals.all();
    const around = touching({ startMs, endMs }, intervals);
    const { cause, shares } = judgeStall(
      {
        startMs,
        endMs,
        longestUs: { append: append ?? 0, durable: durable ?? 0, segment: segment ?? 0 },
        segmentUs: totalUs(ofSegment, lasting[SEGMENT] ?? 0, nowMs),
        lateUs: ofDurable.reduce((sum, { lateUs }) => sum + lateUs, 0),
        toldMs: nowMs,
      },
      intervals,
    );
    const causeAt = STALL_CAUSES.indexOf(cause);
    const sum = (amount: (interval: Interval) => number): number =>
      around.reduce((total, interval) => total + amount(interval), 0);
    const number = (area.word('stalls') + 1) >>> 0 || 1;
    area.past.put(number, {
      startMs,
      durationMs: endMs - startMs,
      causeAt,
      isOver,
      events: sum(({ events }) => events),
      writes: sum(({ writes }) => writes),
      syncs: sum(({ syncs }) => syncs),
      waitingBytesMax: Math.max(0, ...around.map(({ waitingBytes }) => waitingBytes)),
      ringBytes: Math.max(0, ...around.map(({ ringBytes }) => ringBytes)),
      waits: found,
      shares: STALL_CAUSES.map((name) => shares[name]),
    });
    area.setWord('stalls', number);
    area.addCount(causeAt);
    waits.forEach((ofKind, kind) => {
      const newest = ofKind.at(-1);
      if (newest !== undefined) area.waits.setFiled(kind, newest.number);
    });
    area.setTime('windowStartMs', 0);
  }
}

/** The place of waits for a segment in WAIT_KINDS. */
const SEGMENT = WAIT_KINDS.indexOf('segment');

/** How long waits of one kind took that do not overlap, with one that lasts. */
function totalUs(waits: readonly Wait[], lastingSinceMs: number, nowMs: number): number {
  const lastingMs = lastingSinceMs === 0 ? 0 : nowMs - lastingSinceMs;
  return waits.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, lastingMs) * 1000;
}

function waitsOf(waits: readonly Wait[], lastingSinceMs: number, nowMs: number) {
  const lastingUs = lastingSinceMs === 0 ? 0 : (nowMs - lastingSinceMs) * 1000;
  return {
    count: waits.reduce((sum, { count }) => sum + count, lastingSinceMs === 0 ? 0 : 1),
    longestUs: Math.max(lastingUs, 0, ...waits.map(({ longestUs }) => longestUs)),
  };
}
