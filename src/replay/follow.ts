// Reads a log as it grows, in this or any other process, without its lock. What it returns is a
// prefix of the log, by default only what a power failure cannot take back.

import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { checkDirectory, checkFlag, checkOptions, checkSignal } from '../reading/event-range.js';
import type { FollowOptions, LoggedEvent, ReusedEvent, Reusing } from '../reading/events.js';
import { checkTelemetry, type ReadingMeter } from '../reading/reading-meter.js';
import { CurrentEvent } from './current-event.js';
import { cursorAt, cursorInside, findPlace, LogCursor } from './cursor.js';
import { DurableHorizon } from './durable-horizon.js';
import { LogWalker } from './log-walker.js';
import { checkStart, type Start } from './start.js';
import { StepSampler } from './step-sampler.js';

const POLL_MS_MIN = 1;
const POLL_MS_MAX = 20;
/** Events in a row without a turn of the event loop: timers and an abort must get through. */
const EVENTS_PER_TURN = 4096;
/** Quiet time after which the end is judged as `replay` would, and again after twice as long. */
const DOUBT_MS_MIN = 1_000;
const DOUBT_MS_MAX = 60_000;

type Step = IteratorResult<LoggedEvent, undefined>;

const DONE: Step = Object.freeze({ done: true, value: undefined });

class Follower implements AsyncGenerator<LoggedEvent, undefined, void> {
  readonly #ports: ReadingPorts;
  readonly #dir: string;
  readonly #meter: ReadingMeter;
  readonly #sampler = new StepSampler();
  /** Whether the step to come is timed. */
  #isTimed = false;
  readonly #start: Start;
  readonly #undurable: boolean;
  readonly #reuse: boolean;
  readonly #signal: AbortSignal | undefined;
  #cursor: LogCursor | undefined;
  /** The one object that is handed out; undefined: each event is one of its own. */
  #event: CurrentEvent | undefined;
  #horizon: DurableHorizon | undefined;
  #eventsThisTurn = 0;
  #quietMs = 0;
  #doubtMs = DOUBT_MS_MIN;
  #running: Promise<Step> | undefined;
  #wake: (() => void) | undefined;
  #ended = false;
  readonly #onAbort = (): void => this.#end();

  constructor(ports: ReadingPorts, dir: string, start: Start, options: FollowOptions) {
    this.#ports = ports;
    this.#dir = dir;
    this.#meter = checkTelemetry(options.telemetry);
    this.#start = start;
    this.#undurable = options.undurable ?? false;
    this.#reuse = options.reuse ?? false;
    this.#signal = options.signal;
  }

  next(): Promise<Step> {
    // Calls that do not wait for each other are served in order.
    if (this.#running !== undefined) return this.#running.then(() => this.next());
    if (this.#eventsThisTurn < EVENTS_PER_TURN) {
      try {
        const step = this.#step();
        if (step !== undefined) return Promise.resolve(step);
      } catch (error) {
        this.#end();
        return Promise.reject(error);
      }
    }
    this.#running = this.#wait().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  return(): Promise<Step> {
    this.#end();
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<Step> {
    this.#end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
  }

  /** The next event, or the end; undefined: not yet. */
  #step(): Step | undefined {
    if (this.#ended || this.#signal?.aborted === true) {
      this.#end();
      return DONE;
    }
    const cursor = this.#cursor ?? this.#open();
    this.#isTimed ||= !this.#meter.isSilent && this.#sampler.isDue();
    const startNs = this.#isTimed ? this.#meter.nowNs() : 0;
    if (cursorInside.upcomingEventId(cursor) === 0 && !cursorInside.load(cursor)) return undefined;
    if (this.#horizon?.covers(cursorInside.upcomingEventId(cursor)) === false) return undefined;
    cursorInside.step(cursor);
    if (this.#isTimed) this.#meter.manager.onNextEvent(startNs);
    this.#isTimed = false;
    this.#eventsThisTurn++;
    return { done: false, value: this.#event?.show() ?? cursorInside.copyEvent(cursor) };
  }

  async #wait(): Promise<Step> {
    try {
      this.#eventsThisTurn = 0;
      this.#quietMs = 0;
      this.#doubtMs = DOUBT_MS_MIN;
      await this.#pause(0);
      let step = this.#step();
      for (let ms = POLL_MS_MIN; step === undefined; ms = Math.min(2 * ms, POLL_MS_MAX)) {
        this.#doubt(ms);
        await this.#pause(ms);
        step = this.#step();
      }
      return step;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** A log that stays quiet may also have been damaged where it seems to end. */
  #doubt(ms: number): void {
    this.#quietMs += ms;
    if (this.#quietMs < this.#doubtMs) return;
    this.#quietMs = 0;
    this.#doubtMs = Math.min(2 * this.#doubtMs, DOUBT_MS_MAX);
    const cursor = this.#cursor;
    if (cursor === undefined || cursorInside.upcomingEventId(cursor) !== 0) return;
    cursorInside.confirmEndAgain(cursor);
  }

  #open(): LogCursor {
    const ports = this.#ports;
    // From an id that is yet to come the walk begins at the log's end.
    const walker = new LogWalker(ports, this.#dir, this.#meter);
    const place = findPlace(walker, this.#start, { beyondEnd: true });
    const cursor = cursorAt(LogCursor, walker, place, this.#start);
    this.#cursor = cursor;
    if (this.#reuse) this.#event = new CurrentEvent(cursor);
    if (!this.#undurable) this.#horizon = new DurableHorizon(ports, walker);
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    return cursor;
  }

  /** A pending `follow` holds the process: the timers are left referenced. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === 0 ? undefined : setTimeout(resolve, ms);
      const immediate = ms === 0 ? setImmediate(resolve) : undefined;
      this.#wake = () => {
        clearTimeout(timer);
        clearImmediate(immediate);
        resolve();
      };
    });
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#cursor?.close();
    this.#wake?.();
  }
}

/**
 * Iterates over all events from `from` on, in order and verified, then over each new one as the log
 * grows, until the signal aborts, the loop is left, or reading fails. By default an event is
 * returned once it is durable; with `undurable: true` once it is written, and a power failure may
 * then still lose it. Each event is a separate object, as in a replay; `reuse: true` is faster.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT at once; the iteration rejects with
 * _NOT_A_LOG, _OUT_OF_RANGE or _EXPIRED for a `from` before the first event, _CORRUPT …
 * @example
 * import { follow } from 'flashstrike';
 *
 * for await (const event of follow('./orders', { signal: AbortSignal.timeout(60_000) })) {
 *   console.log(event.eventId);
 * }
 */
export function follow(
  dir: string,
  options: FollowOptions & Reusing,
): AsyncGenerator<ReusedEvent, undefined, void>;
export function follow(
  dir: string,
  options?: FollowOptions,
): AsyncGenerator<LoggedEvent, undefined, void>;
export function follow(
  dir: string,
  options: FollowOptions = {},
): AsyncGenerator<LoggedEvent, undefined, void> {
  return followThrough(REGION_PORTS, dir, options);
}

/** {@link follow} with other ports than those of this machine. */
export function followThrough(
  ports: ReadingPorts,
  dir: string,
  options: FollowOptions = {},
): AsyncGenerator<LoggedEvent, undefined, void> {
  checkDirectory(dir);
  checkOptions(options);
  const start = checkStart(options);
  checkFlag('undurable', options.undurable);
  checkFlag('reuse', options.reuse);
  checkSignal(options.signal);
  return new Follower(ports, dir, start, options);
}
