// The loop of a host: a thread that serves any number of logs. It steps each that was woken or is
// due, one step after the other, beats the heart of each, and sleeps until the next is due. Nothing
// else runs in it.
import type { Clock } from '../../clock/clock.js';
import type { WallClockMs } from '../../clock/wall-clock.js';
import { type ThreadName, wrappedMs } from '../../telemetry/heartbeats.js';
import type { ThreadMarks } from '../../telemetry/thread-marks.js';
import { NS_PER_MS } from '../../units.js';
import type { Doorbell } from './doorbell.js';
import type { Signals } from './signals.js';

/**
 * What a log at rest waits for: as long as a word keeps its value, a look at that will do in place
 * of a step. A thread that was asleep finds neither code nor data in its processor's caches: a step
 * costs 20 to 100 µs then, and a hundred logs have 5,000 looks a second.
 */
export class Rest {
  readonly words: Int32Array;
  readonly at: number;
  readonly value: number;
  /** By then there is a step in any case. */
  readonly untilNs: number;
  /** When the last look found that nothing had come. */
  lookedNs: number;

  constructor(words: Int32Array, at: number, value: number, untilNs: number, lookedNs: number) {
    this.words = words;
    this.at = at;
    this.value = value;
    this.untilNs = untilNs;
    this.lookedNs = lookedNs;
  }

  /** Whether nothing has come by `nowNs`, a moment before. */
  lasts(nowNs: number): boolean {
    // A plain load: what it misses the next look finds, and it is five times as cheap.
    if (nowNs >= this.untilNs || this.words[this.at] !== this.value) return false;
    this.lookedNs = nowNs;
    return true;
  }
}

export interface LoopBody {
  /**
   * One bounded piece of work; returns 0 to go on, else how many ms may pass. Never waits.
   * @param isShared other logs of the thread had steps in the last turn
   */
  step(isShared: boolean): number;
  /** Tells other threads and processes that this one is alive. */
  beat(): void;
  /** See Rest; undefined while every look has to be a step. */
  readonly rest?: Rest | undefined;
  /** Where it tells what the thread does, for the recorder of stalls. */
  readonly marks?: ThreadMarks | undefined;
}

/** What a host does for a log. */
export interface ServedBody extends LoopBody {
  /**
   * In place of a step once the log asks for its end: the last work for it, a bounded piece at a
   * time. Returns how many ms may pass until the next; undefined when there is no more.
   */
  end(): number | undefined;
}

/** It has ended: nothing of it is touched any more. An error is why it ended before its time. */
export type OnEnd = (error?: unknown) => void;

/**
 * So much of its pause a log may lose to a turn that others need anyway: of a hundred that pause
 * for as long, each would wake the host by itself.
 */
const SLACK = 1 / 4;
/** More than the millisecond that the wall clock is behind, and what reading both may take. */
const CLOCK_STEP_MS = 10;
/** How often the heart of a log at rest beats: twice in what counts as silence. */
const BEAT_NS = 500 * NS_PER_MS;
/** Each log has its turn: what is shorter is not told. */
const LEAST_WAIT_NS = NS_PER_MS;
/** A sleep that was longer than asked for by less is not told. */
const LEAST_OVERSLEPT_NS = 20 * NS_PER_MS;
const AT_ONCE = 0;
const NEVER = Number.POSITIVE_INFINITY;

/** One log at the host's table. */
class Seat {
  readonly #thread: ThreadName;
  readonly #signals: Signals;
  readonly #body: ServedBody;
  readonly onEnd: OnEnd;
  readonly ticket: number;
  #seenWakes: number;
  #waitNs = 0;
  #rest: Rest | undefined;
  #beatDueNs = 0;
  /** When it is to be stepped at the latest, and from when on it may be. */
  dueNs = AT_ONCE;
  mayNs = AT_ONCE;
  hasEnded = false;
  /** What the host had spent at its logs when it last looked whether this one is due. */
  #seenBusyNs = 0;

  constructor(
    thread: ThreadName,
    signals: Signals,
    body: ServedBody,
    ticket: number,
    onEnd: OnEnd,
  ) {
    this.#thread = thread;
    this.#signals = signals;
    this.#body = body;
    this.onEnd = onEnd;
    this.ticket = ticket;
    this.#seenWakes = signals.wakeCount(thread);
  }

  /** Read before it is stepped: a wake-up that comes in between is one for the next turn. */
  takeWakes(): boolean {
    const wakes = this.#signals.wakeCount(this.#thread);
    if (wakes === this.#seenWakes) return false;
    this.#seenWakes = wakes;
    return true;
  }

  /** Whether a look in place of a step finds that it may pause for as long again. */
  goesOnResting(nowNs: number): boolean {
    if (this.#rest?.lasts(nowNs) !== true) return false;
    if (nowNs >= this.#beatDueNs) {
      this.#beatDueNs = nowNs + BEAT_NS;
      this.#body.beat();
    }
    this.#pause(nowNs, this.#waitNs);
    return true;
  }

  /** It is not due. @param busyNs what the host has spent at its logs so far */
  passOver(busyNs: number): void {
    this.#seenBusyNs = busyNs;
  }

  /** It is stepped now: what others have had since the last look, it has waited for. */
  arrive(busyNs: number): void {
    const waitedNs = busyNs - this.#seenBusyNs;
    if (waitedNs >= LEAST_WAIT_NS) this.#body.marks?.wasAtOthers(waitedNs);
  }

  overslept(ns: number): void {
    this.#body.marks?.overslept(ns);
  }

  step(clock: Clock, isShared: boolean): void {
    const body = this.#body;
    body.beat();
    body.marks?.setBusy(true);
    try {
      this.#step(clock, isShared);
    } finally {
      if (!this.hasEnded) body.marks?.setBusy(false);
    }
  }

  #step(clock: Clock, isShared: boolean): void {
    const body = this.#body;
    const isEnding = this.#signals.stopRequested(this.#thread);
    const waitMs = isEnding ? body.end() : body.step(isShared);
    this.#rest = isEnding ? undefined : body.rest;
    if (waitMs === undefined) {
      this.hasEnded = true;
    } else if (waitMs === 0) {
      this.#pause(AT_ONCE, 0);
    } else {
      this.#pause(clock.nowNs(), waitMs * NS_PER_MS);
    }
  }

  #pause(nowNs: number, waitNs: number): void {
    this.#waitNs = waitNs;
    this.dueNs = nowNs + waitNs;
    this.mayNs = this.dueNs - waitNs * SLACK;
  }
}

export class HostLoop {
  readonly #thread: ThreadName;
  readonly #bell: Doorbell;
  readonly #clock: Clock;
  readonly #wallClockMs: WallClockMs;
  /** The wall clock at the beginning of the other one. */
  #wallStartMs = 0;
  /** How many logs had a step in this turn; whether several had one in the last. */
  #steps = 0;
  #isShared = false;
  /** What has been spent in steps so far, while there were several logs. */
  #busyNs = 0;
  #seats: readonly Seat[] = [];

  constructor(
    thread: ThreadName,
    bell: Doorbell,
    clock: Clock,
    wallClockMs: WallClockMs = Date.now,
  ) {
    this.#thread = thread;
    this.#bell = bell;
    this.#clock = clock;
    this.#wallClockMs = wallClockMs;
  }

  /**
   * From here on the log is stepped, until it has asked for its end and had that.
   * @param ticket by which it is told from others; see Letter
   */
  serve(signals: Signals, body: ServedBody, ticket: number, onEnd: OnEnd): void {
    this.#seats = [...this.#seats, new Seat(this.#thread, signals, body, ticket, onEnd)];
  }

  /** Others that are served can see meanwhile at which log the host is. */
  attend<Result>(ticket: number, body: () => Result): Result {
    this.#bell.arriveAt(ticket, wrappedMs(this.#clock.nowNs()));
    try {
      return body();
    } finally {
      this.#bell.leave();
    }
  }

  /**
   * Runs until the thread is asked to stop.
   * @param takeLetters called when some have come: may begin to serve
   */
  run(takeLetters: () => void): void {
    const bell = this.#bell;
    let seenLetters = 0;
    let seen = 0;
    while (!bell.stopRequested) {
      const before = seen;
      // Read before looking for work: a wake-up that comes in between ends the sleep at once.
      seen = bell.rings;
      const { letters } = bell;
      if (letters !== seenLetters) {
        seenLetters = letters;
        takeLetters();
      }
      const dueNs = this.#turn(seen !== before);
      if (dueNs === AT_ONCE) continue;
      const waitMs = (dueNs - this.#clock.nowNs()) / NS_PER_MS;
      if (waitMs <= 0) continue;
      bell.sleep(seen, waitMs);
      this.#tellOverslept(this.#clock.nowNs() - dueNs);
    }
  }

  /** Those that were to be woken by then learn that the thread could not run. */
  #tellOverslept(ns: number): void {
    if (ns < LEAST_OVERSLEPT_NS) return;
    for (const seat of this.#seats) seat.overslept(ns);
  }

  /**
   * Each that was woken or is due has one step; returns when the next is due.
   * @param rang whether any of them can have been woken since the last turn
   */
  #turn(rang: boolean): number {
    let nextNs = NEVER;
    let nowNs: number | undefined;
    let mayRest = true;
    this.#isShared = this.#steps > 1;
    this.#steps = 0;
    for (const seat of this.#seats) {
      if (!(rang && seat.takeWakes()) && seat.mayNs !== AT_ONCE) {
        // Once in a turn: who becomes due while others are stepped is so in the next.
        if (nowNs === undefined) {
          nowNs = this.#clock.nowNs();
          mayRest = !this.#wasStepped(nowNs);
        }
        if (seat.mayNs > nowNs || (mayRest && seat.goesOnResting(nowNs))) {
          seat.passOver(this.#busyNs);
          nextNs = Math.min(nextNs, seat.dueNs);
          continue;
        }
      }
      this.#step(seat);
      nextNs = Math.min(nextNs, seat.dueNs);
    }
    return nextNs;
  }

  /**
   * Whether the wall clock was stepped since the last turn, or the machine has slept: then logs at
   * rest have to learn it as well, before they take the next event.
   */
  #wasStepped(nowNs: number): boolean {
    const wallStartMs = this.#wallClockMs() - nowNs / NS_PER_MS;
    const stepMs = Math.abs(wallStartMs - this.#wallStartMs);
    if (stepMs < CLOCK_STEP_MS) return false;
    this.#wallStartMs = wallStartMs;
    return true;
  }

  /** What goes wrong in one log's step ends that log, and no other. */
  #step(seat: Seat): void {
    // Of one alone nobody asks where the host is.
    const hasOthers = this.#seats.length > 1;
    const startNs = hasOthers ? this.#clock.nowNs() : 0;
    if (hasOthers) {
      this.#bell.arriveAt(seat.ticket, wrappedMs(startNs));
      seat.arrive(this.#busyNs);
    }
    try {
      this.#steps++;
      seat.step(this.#clock, this.#isShared);
      if (seat.hasEnded) this.#leave(seat);
    } catch (error) {
      this.#leave(seat, error);
    }
    if (!hasOthers) return;
    this.#bell.leave();
    this.#busyNs += this.#clock.nowNs() - startNs;
    seat.passOver(this.#busyNs);
  }

  #leave(seat: Seat, error?: unknown): void {
    seat.dueNs = NEVER;
    this.#seats = this.#seats.filter((other) => other !== seat);
    seat.onEnd(error);
  }
}
