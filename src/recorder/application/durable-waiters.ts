// Promises for event ids that are not durable yet. The writer thread announces progress in shared
// memory; Atomics.waitAsync brings that to this thread's event loop without a message.

import { setInterval } from 'node:timers';
import type { Clock } from '../../clock/clock.js';
import { LONGEST_STEP_MS, RunningTime } from '../../clock/running-time.js';
import { LONGEST_TIMER_MS } from '../../units.js';
import type { Signals } from '../threads/signals.js';
import { CommitDemand } from './commit-demand.js';
import { fromLoop } from './from-loop.js';
import { unlessAborted } from './unless-aborted.js';

interface Waiter {
  readonly eventId: number;
  /** When the waiting began. */
  readonly startNs: number;
  readonly resolve: (durableEventId: number) => void;
  readonly reject: (error: unknown) => void;
  isSettled: boolean;
}

/** What the waiters need to know of the log. */
interface DurabilitySource {
  /** Highest durable id now. */
  durableEventId(): number;
  /** Why nothing will become durable any more, if so; made again for each waiter. */
  refusal(eventId: number): Error | undefined;
  /** A wait that began at `startNs` has ended, one way or the other. */
  waited(startNs: number): void;
  /** Of several that have ended together, or of one, the beginning of the longest. */
  waitedLongest?(startNs: number): void;
  /** Since when the oldest of those that wait does so; 0: none waits. */
  waitsSince(sinceNs: number): void;
  /** The thread is blocked in a wait, and looks around: nothing else of it runs. */
  looksAround?(): void;
}

/** As it is at load: one that the application fakes holds no process. */
const interval = setInterval;
/** So many that have settled are kept at the head of a queue before it is cut. */
const SETTLED_MAX = 1024;

/**
 * A call of `durable()` may be cut short by the engine, as `append` may, and the log must continue
 * answering. So such a call only leaves its waiter here; all else is a job of the event loop's,
 * which no time limit cuts and whose stack is empty.
 */
export class DurableWaiters {
  readonly #signals: Signals;
  readonly #clock: Clock;
  readonly #source: DurabilitySource;
  /** Left by calls, in their order. */
  #arriving: Waiter[] = [];
  /** Sorted by id: durable ids only grow, so the head is always the next to resolve. */
  readonly #waiters: Waiter[] = [];
  /** As they came; up to `#oldest` all have settled. */
  readonly #queue: Waiter[] = [];
  #oldest = 0;
  #toldNs = 0;
  /** Of those that settle now, the one that began first. */
  #endedNs = Number.POSITIVE_INFINITY;
  /** Holds the process while someone waits: waitAsync itself does not. */
  readonly #hold: NodeJS.Timeout;
  #armed = false;
  #closed = false;
  #willAdmit = false;
  readonly #demand: CommitDemand;

  constructor(signals: Signals, clock: Clock, source: DurabilitySource) {
    this.#signals = signals;
    this.#clock = clock;
    this.#source = source;
    this.#demand = new CommitDemand(
      signals,
      clock,
      () => this.#waiters.length + this.#arriving.length,
    );
    this.#hold = interval(() => {}, LONGEST_TIMER_MS);
    this.#hold.unref();
  }

  /** @param startNs when the waiting began, told again when it has ended */
  wait(eventId: number, startNs: number): Promise<number> {
    return new Promise((resolve, reject) => this.#begin(eventId, startNs, resolve, reject));
  }

  /** The same, and resolves with `value`: one promise where `then` would make a second one. */
  waitFor<Value>(value: Value, eventId: number, startNs: number): Promise<Value> {
    return new Promise((resolve, reject) =>
      this.#begin(eventId, startNs, () => resolve(value), reject),
    );
  }

  #begin(
    eventId: number,
    startNs: number,
    resolve: Waiter['resolve'],
    reject: Waiter['reject'],
  ): void {
    // First: who is in the list will be admitted, and asked for, wherever this is cut short.
    this.#admitLater();
    this.#demand.onWait(eventId, startNs);
    // At once: the event loop may be blocked behind this call.
    if (this.#toldNs === 0) this.#tellSince(startNs);
    this.#arriving.push({ eventId, startNs, resolve, reject, isSettled: false });
  }

  /** The same, until `signal` is aborted: then nobody waits any more. */
  waitUnless(signal: AbortSignal, eventId: number, startNs: number): Promise<number> {
    const waiting = this.wait(eventId, startNs);
    const waiter = this.#arriving.at(-1);
    return unlessAborted(signal, waiting, () => void fromLoop(() => this.#withdraw(waiter)));
  }

  #withdraw(waiter: Waiter | undefined): void {
    if (waiter === undefined || waiter.isSettled) return;
    this.#end(waiter);
    for (const list of [this.#arriving, this.#waiters]) {
      const at = list.indexOf(waiter);
      if (at !== -1) list.splice(at, 1);
    }
    if (this.#waiters.length === 0) this.#hold.unref();
    this.#forgetSettled();
    this.#tellOldest();
  }

  /**
   * Blocks until `eventId` is durable; `startNs` as in `wait`. What others wait for settles later,
   * when the event loop turns.
   * @returns the durable id, which is less than `eventId` where that took longer than `timeoutMs`
   */
  block(eventId: number, startNs: number, timeoutMs: number): number {
    // Also tells what is to be told where the engine cuts this call short.
    this.#admitLater();
    if (this.#toldNs === 0) this.#tellSince(startNs);
    this.#demand.askFor(eventId);
    try {
      return this.#sleepUntil(eventId, timeoutMs);
    } finally {
      this.#source.waited(startNs);
      this.#source.waitedLongest?.(startNs);
      // The event loop may not turn for long.
      this.#tellOldest();
    }
  }

  #sleepUntil(eventId: number, timeoutMs: number): number {
    const waited = new RunningTime(this.#clock);
    for (;;) {
      const seen = this.#signals.durableWakeCount;
      const durable = this.#source.durableEventId();
      if (durable >= eventId) return durable;
      const refusal = this.#source.refusal(eventId);
      if (refusal !== undefined) throw refusal;
      this.#source.looksAround?.();
      const leftMs = timeoutMs - waited.lookMs();
      if (leftMs <= 0) return durable;
      this.#signals.waitForDurable(seen, Math.min(leftMs, LONGEST_STEP_MS));
    }
  }

  #admitLater(): void {
    if (this.#willAdmit) return;
    void fromLoop(this.#admit);
    // Behind it: where the engine cuts the call short in between, it is done once more.
    this.#willAdmit = true;
  }

  readonly #admit = (): void => {
    this.#willAdmit = false;
    const arriving = this.#arriving;
    if (arriving.length === 0) {
      this.#tellOldest();
      return;
    }
    this.#arriving = [];
    for (const waiter of arriving) {
      this.#insert(waiter);
      this.#queue.push(waiter);
    }
    if (this.#closed) {
      this.settle();
      return;
    }
    this.#hold.ref();
    this.#demand.lookLater();
    // The announcement that is waited for may never come, when its thread has died since.
    if (this.#armed) this.settle();
    else this.#arm();
  };

  #insert(waiter: Waiter): void {
    const waiters = this.#waiters;
    let at = waiters.length;
    while (at > 0 && (waiters[at - 1] as Waiter).eventId > waiter.eventId) at--;
    if (at === waiters.length) waiters.push(waiter);
    else waiters.splice(at, 0, waiter);
  }

  #arm(): void {
    if (this.#armed) return;
    const { words, durableWakeWord } = this.#signals;
    const seen = this.#signals.durableWakeCount;
    this.settle();
    if (this.#waiters.length === 0) return;
    const waiting = Atomics.waitAsync(words, durableWakeWord, seen);
    if (!waiting.async) {
      // It moved between the two reads: look again, but not from inside this call.
      this.#armed = true;
      queueMicrotask(() => this.#rearm());
      return;
    }
    this.#armed = true;
    void waiting.value.then(() => this.#rearm());
  }

  #rearm(): void {
    this.#armed = false;
    this.#arm();
  }

  /** Resolves whoever waits for what is durable now, and rejects the rest when nothing will be. */
  settle(): void {
    const waiters = this.#waiters;
    const durable = this.#source.durableEventId();
    let done = 0;
    this.#endedNs = Number.POSITIVE_INFINITY;
    for (const waiter of waiters) {
      if (waiter.eventId > durable) break;
      this.#end(waiter);
      waiter.resolve(durable);
      done++;
    }
    waiters.splice(0, done);
    if (waiters.length > 0) this.#refuse();
    if (this.#endedNs !== Number.POSITIVE_INFINITY) this.#source.waitedLongest?.(this.#endedNs);
    if (waiters.length === 0) this.#hold.unref();
    this.#forgetSettled();
    this.#tellOldest();
  }

  #end(waiter: Waiter): void {
    waiter.isSettled = true;
    this.#endedNs = Math.min(this.#endedNs, waiter.startNs);
    this.#source.waited(waiter.startNs);
  }

  /** Ids decide who settles first, so the oldest may be anywhere among those that wait. */
  #forgetSettled(): void {
    const queue = this.#queue;
    while (queue[this.#oldest]?.isSettled === true) this.#oldest++;
    if (this.#oldest < queue.length && this.#oldest <= SETTLED_MAX) return;
    queue.splice(0, this.#oldest);
    this.#oldest = 0;
  }

  #tellOldest(): void {
    const oldest = this.#queue[this.#oldest] ?? this.#arriving[0];
    this.#tellSince(oldest?.startNs ?? 0);
  }

  #tellSince(sinceNs: number): void {
    if (sinceNs === this.#toldNs) return;
    this.#source.waitsSince(sinceNs);
    this.#toldNs = sinceNs;
  }

  #refuse(): void {
    const first = this.#waiters[0];
    if (first === undefined || this.#source.refusal(first.eventId) === undefined) return;
    for (const waiter of this.#waiters.splice(0)) {
      this.#end(waiter);
      waiter.reject(this.#source.refusal(waiter.eventId));
    }
  }

  /** Ends the waiting: everything is settled by now. */
  close(): void {
    this.#closed = true;
    this.#admit();
    this.settle();
    this.#hold.unref();
    clearInterval(this.#hold);
    // Lets a pending waitAsync go, so that the promise does not outlive the log.
    this.#signals.announceDurable();
  }
}
