// Goes over what a log holds, and over what comes to it, for whoever asks for one item after the
// other. It waits where nothing is there yet: until a bell rings, with a look at the files now and
// then; where nobody rings one, by looking at the files again and again.
import { monotonicClock } from '../clock/clock.js';
import { WalError } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { isNoLogYet } from '../reading/log-directory.js';
import { NS_PER_MS } from '../units.js';
import { findPlace } from './cursor.js';
import { DurableHorizon } from './durable-horizon.js';
import type { Following } from './following.js';
import { Listening } from './listening.js';
import { type LogPlace, LogWalker } from './log-walker.js';

const POLL_MS_MIN = 1;
const POLL_MS_MAX = 20;
/** The same for a log that is not there yet. */
const LOG_POLL_MS_MAX = 100;
/**
 * How long a bell is relied upon, and then twice as long: its owner may have been killed, and
 * another process have opened the log.
 */
const LOOK_MS_MIN = 1_000;
const LOOK_MS_MAX = 8_000;
/** Events in a row without a turn of the event loop: timers and an abort must get through. */
const EVENTS_PER_TURN = 4096;
/** Quiet time after which the end is judged as `replay` would, and again after twice as long. */
const DOUBT_MS_MIN = 1_000;
const DOUBT_MS_MAX = 60_000;

/** Steps from item to item of what a walker reads. */
export interface Steps<Item> {
  /** The last event of the item to come; 0: none is loaded. */
  readonly upcomingEventId: number;
  /** A step begins: perhaps in vain, then another one begins later. */
  begin(): void;
  /** Loads the next item; false at the end of what is there. */
  load(): boolean;
  /** Hands out the item that is loaded. */
  take(): Item;
  /** See LogWalker. */
  confirmEndAgain(): boolean;
  close(): void;
}

/** Begins before the item where reading begins. */
type BeginSteps<Item> = (walker: LogWalker, place: LogPlace | undefined) => Steps<Item>;

interface Place<Item> {
  readonly walker: LogWalker;
  readonly steps: Steps<Item>;
  /** Undefined: what is written will do. */
  readonly horizon: DurableHorizon | undefined;
}

/**
 * How a wait ended: `told`: what is wanted is there, or the bell rings no more; `quiet`: nothing
 * rang for so long that the files are looked at; `polled`: nobody rings.
 */
type Rest = 'told' | 'quiet' | 'polled';

type Step<Item> = IteratorResult<Item, undefined>;

const DONE: Step<never> = Object.freeze({ done: true, value: undefined });

export class Follower<Item> implements AsyncGenerator<Item, undefined, void> {
  readonly #ports: ReadingPorts;
  readonly #dir: string;
  readonly #following: Following;
  readonly #begin: BeginSteps<Item>;
  /** How many events an item counts for. */
  readonly #weight: number;
  readonly #listening: Listening;
  #place: Place<Item> | undefined;
  #eventsThisTurn = 0;
  #quietMs = 0;
  #doubtMs = DOUBT_MS_MIN;
  #lookMs = LOOK_MS_MIN;
  #running: Promise<Step<Item>> | undefined;
  #wake: (() => void) | undefined;
  #ended = false;
  readonly #onAbort = (): void => this.#end();

  constructor(
    ports: ReadingPorts,
    dir: string,
    following: Following,
    begin: BeginSteps<Item>,
    weight: number,
  ) {
    const kind = following.undurable ? 'written' : 'durable';
    this.#ports = ports;
    this.#dir = dir;
    this.#following = following;
    this.#begin = begin;
    this.#weight = weight;
    this.#listening = new Listening(ports, dir, kind, () => this.#wake?.());
  }

  next(): Promise<Step<Item>> {
    // Calls that do not wait for each other are served in order.
    if (this.#running !== undefined) return this.#running.then(() => this.next());
    if (this.#eventsThisTurn < EVENTS_PER_TURN) {
      try {
        const step = this.#step();
        if (step !== undefined) return Promise.resolve(step);
      } catch (error) {
        return Promise.reject(this.#failed(error));
      }
    }
    this.#running = this.#wait().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  return(): Promise<Step<Item>> {
    this.#end();
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<Step<Item>> {
    this.#end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
  }

  /**
   * The next item, or the end; undefined: not yet.
   * @param looksItself whatever the bell's owner tells
   */
  #step(looksItself = false): Step<Item> | undefined {
    if (this.#ended || this.#following.signal?.aborted === true) {
      this.#end();
      return DONE;
    }
    const place = this.#place ?? this.#open();
    if (place === undefined) return undefined;
    const { steps, horizon } = place;
    steps.begin();
    if (steps.upcomingEventId === 0) {
      if (!looksItself && this.#listening.reaches(this.#wantedEventId) === false) return undefined;
      if (!steps.load()) return undefined;
    }
    if (horizon?.covers(steps.upcomingEventId, looksItself) === false) return undefined;
    this.#eventsThisTurn += this.#weight;
    return { done: false, value: steps.take() };
  }

  async #wait(): Promise<Step<Item>> {
    try {
      if (this.#eventsThisTurn >= EVENTS_PER_TURN) await this.#pause(0);
      this.#quietMs = 0;
      this.#doubtMs = DOUBT_MS_MIN;
      this.#lookMs = LOOK_MS_MIN;
      let step = this.#step();
      let rest: Rest | undefined;
      for (let ms = POLL_MS_MIN; step === undefined; ms = Math.min(2 * ms, this.#pollMsMax)) {
        rest = await this.#rest(ms, rest);
        step = this.#step(rest === 'quiet');
      }
      // Nobody rang for it.
      if (rest === 'quiet') this.#listening.close();
      return step;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Ends it. Of a log that was replaced, what looks like damage or removal says nothing. */
  #failed(error: unknown): unknown {
    const { walker } = this.#place ?? {};
    this.#end();
    return (error instanceof WalError ? walker?.otherLog() : undefined) ?? error;
  }

  get #pollMsMax(): number {
    return this.#place === undefined ? LOG_POLL_MS_MAX : POLL_MS_MAX;
  }

  /**
   * Waits until there may be more: until a bell rings, or else for `pollMs`.
   * @param before how the last one ended
   */
  async #rest(pollMs: number, before: Rest | undefined): Promise<Rest> {
    if (this.#place === undefined) {
      await this.#pause(pollMs);
      return 'polled';
    }
    const wanted = this.#wantedEventId;
    this.#listening.search(this.#place.walker.reader?.file.header.logId);
    const isTold = this.#listening.reaches(wanted);
    if (isTold === false) return this.#restUntilRung(wanted);
    if (isTold === true) {
      // Told since the files were looked at.
      if (before !== 'told') return 'told';
      // The files lack it: they were taken away, or are damaged.
      this.#quietMs = this.#doubtMs;
    }
    this.#doubt(pollMs);
    await this.#pause(pollMs);
    return isTold === true ? 'told' : 'polled';
  }

  async #restUntilRung(wanted: number): Promise<Rest> {
    const lookMs = this.#lookMs;
    this.#lookMs = Math.min(2 * lookMs, LOOK_MS_MAX);
    const untilNs = monotonicClock.nowNs() + lookMs * NS_PER_MS;
    for (let leftMs = lookMs; leftMs > 0; ) {
      await this.#pause(leftMs);
      if (this.#ended || this.#listening.reaches(wanted) !== false) return 'told';
      leftMs = Math.ceil((untilNs - monotonicClock.nowNs()) / NS_PER_MS);
    }
    this.#doubt(lookMs);
    return 'quiet';
  }

  /** The last of the events that are needed for the next item. */
  get #wantedEventId(): number {
    if (this.#place === undefined) return 1;
    const { steps, walker } = this.#place;
    return (
      steps.upcomingEventId || Math.max(walker.nextEventId, this.#following.start.eventId ?? 0)
    );
  }

  /** A log that stays quiet may also have been damaged where it seems to end. */
  #doubt(ms: number): void {
    this.#quietMs += ms;
    if (this.#quietMs < this.#doubtMs || this.#ended) return;
    this.#quietMs = 0;
    this.#doubtMs = Math.min(2 * this.#doubtMs, DOUBT_MS_MAX);
    const steps = this.#place?.steps;
    if (steps?.upcomingEventId === 0) steps.confirmEndAgain();
  }

  /** Undefined: there is no log yet. */
  #open(): Place<Item> | undefined {
    const { start, undurable, signal, meter, waitForLog } = this.#following;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (waitForLog && isNoLogYet(this.#ports.storage, this.#dir)) return undefined;
    const walker = new LogWalker(this.#ports, this.#dir, meter);
    // From an id that is yet to come the walk begins at the log's end.
    const place = findPlace(walker, start, { beyondEnd: true });
    const steps = this.#begin(walker, place);
    const horizon = undurable
      ? undefined
      : new DurableHorizon(this.#ports, walker, this.#listening);
    this.#place = { walker, steps, horizon };
    return this.#place;
  }

  /** A pending `follow` holds the process: the timers are left referenced. */
  #pause(ms: number): Promise<void> {
    this.#eventsThisTurn = 0;
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
    this.#following.signal?.removeEventListener('abort', this.#onAbort);
    this.#listening.close();
    this.#place?.steps.close();
    this.#wake?.();
  }
}
