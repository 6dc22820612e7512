// Reads a log as it grows, in this or any other process, without its lock. What it returns is a
// prefix of the log, by default only what a power failure cannot take back.

import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { checkDirectory } from '../reading/event-range.js';
import type { FollowOptions, LoggedEvent, ReusedEvent, Reusing } from '../reading/events.js';
import type { ReadingMeter } from '../reading/reading-meter.js';
import { CurrentEvent } from './current-event.js';
import { cursorAt, cursorInside, LogCursor } from './cursor.js';
import { Follower, type Steps } from './follower.js';
import { checkFollowing } from './following.js';
import type { LogPlace, LogWalker } from './log-walker.js';
import type { Start } from './start.js';
import { StepSampler } from './step-sampler.js';

/** Event by event. */
class EventSteps implements Steps<LoggedEvent> {
  readonly #cursor: LogCursor;
  readonly #meter: ReadingMeter;
  readonly #sampler: StepSampler | undefined;
  /** Whether the step to come is timed. */
  #isTimed = false;
  #startNs = 0;
  /** The one object that is handed out; undefined: each event is one of its own. */
  readonly #event: CurrentEvent | undefined;

  constructor(walker: LogWalker, place: LogPlace | undefined, start: Start, reuse: boolean) {
    const cursor = cursorAt(LogCursor, walker, place, start);
    this.#cursor = cursor;
    this.#meter = walker.meter;
    this.#sampler = walker.meter.isSilent ? undefined : new StepSampler();
    this.#event = reuse ? new CurrentEvent(cursor) : undefined;
  }

  get upcomingEventId(): number {
    return cursorInside.upcomingEventId(this.#cursor);
  }

  begin(): void {
    if (this.#sampler === undefined) return;
    this.#isTimed ||= this.#sampler.isDue();
    if (this.#isTimed) this.#startNs = this.#meter.nowNs();
  }

  load(): boolean {
    return cursorInside.load(this.#cursor);
  }

  take(): LoggedEvent {
    cursorInside.step(this.#cursor);
    if (this.#isTimed) this.#meter.manager.onNextEvent(this.#startNs);
    this.#isTimed = false;
    return this.#event?.show() ?? cursorInside.copyEvent(this.#cursor);
  }

  confirmEndAgain(): boolean {
    return cursorInside.confirmEndAgain(this.#cursor);
  }

  close(): void {
    this.#cursor.close();
  }
}

/**
 * Iterates over all events from `from` on, in order and verified, then over each new one as the log
 * grows, until the signal aborts, the loop is left, or reading fails. By default an event is
 * returned once it is durable; with `undurable: true` once it is written, and a power failure may
 * then still lose it. Each event is a separate object, as in a replay; `reuse: true` is faster.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT at once; the iteration rejects with
 * _NOT_A_LOG, _OUT_OF_RANGE or _EXPIRED for a `from` before the first event, _CORRUPT …, and
 * _WRONG_LOG for another log than `logId`, or where the log was replaced meanwhile
 * @example
 * import { follow } from 'flashstrike';
 *
 * for await (const event of follow('./orders', { signal: AbortSignal.timeout(60_000) })) {
 *   console.log(event.eventId);
 * }
 */
export function follow(
  dir: string | URL,
  options: FollowOptions & Reusing,
): AsyncGenerator<ReusedEvent, undefined, void>;
export function follow(
  dir: string | URL,
  options?: FollowOptions,
): AsyncGenerator<LoggedEvent, undefined, void>;
export function follow(
  dir: string | URL,
  options: FollowOptions = {},
): AsyncGenerator<LoggedEvent, undefined, void> {
  return followThrough(REGION_PORTS, checkDirectory(dir), options);
}

/** {@link follow} with other ports than those of this machine. */
export function followThrough(
  ports: ReadingPorts,
  dir: string,
  options: FollowOptions = {},
): AsyncGenerator<LoggedEvent, undefined, void> {
  const following = checkFollowing(options);
  const { start, reuse } = following;
  return new Follower(
    ports,
    dir,
    following,
    (walker, place) => new EventSteps(walker, place, start, reuse),
    1,
  );
}
