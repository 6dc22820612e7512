// A replicator at work, as its user sees it.
import { assert, WalError } from '../errors.js';
import {
  signalOf,
  unlessAborted,
  type WaitOptions,
} from '../recorder/application/unless-aborted.js';
import type { StreamFailureReason } from './block-stream.js';
import type { OutgoingRun } from './outgoing-runs.js';
import type { Activity, ReplicatorObserver } from './replicator-ports.js';
import type { RetentionHold } from './retention-hold.js';

/**
 * - `claiming`: looks for the end of the stream, to claim it
 * - `catching-up`: sends full blocks
 * - `following`: sends what becomes durable, as it does
 * - `waiting`: the engine does not answer, has no quorum, or is full; goes on by itself
 * - `fenced`: another log has taken over the stream; final
 * - `failed`: ended by an error; `replica.failure` says which
 * - `stopped`: `close` was called, or the signal was aborted
 */
export type ReplicaState =
  | 'claiming'
  | 'catching-up'
  | 'following'
  | 'waiting'
  | 'fenced'
  | 'failed'
  | 'stopped';

/** What a replica has done so far, and what has happened to it. */
export interface ReplicaCounts {
  /** Runs of events that the stream has taken. */
  readonly runs: number;
  /** Events in them, those included that were sent again. */
  readonly events: number;
  /** Bytes of their frames. */
  readonly bytes: number;
  /** Claims that were accepted. */
  readonly claims: number;
  /** Failed calls of the stream, by reason. */
  readonly failures: Readonly<Record<StreamFailureReason, number>>;
  /** Blocks that were in the stream although nobody had said so. */
  readonly foundStored: number;
  /** How often the stream had lost events that it had confirmed. */
  readonly regressions: number;
  /** How many events that were in all; they were sent again. */
  readonly regressedEvents: number;
  /** The longest time from sending a run to its confirmation, in milliseconds. */
  readonly ackMsMax: number;
}

type MutableCounts = { -readonly [Name in keyof ReplicaCounts]: ReplicaCounts[Name] };

interface Waiter {
  readonly eventId: number;
  readonly resolve: (confirmedEventId: number) => void;
  readonly reject: (error: unknown) => void;
}

interface ReplicaOfLog {
  readonly dir: string;
  readonly stream: string;
  readonly notes: () => readonly string[];
  /** Sees to it that the event becomes durable, and rejects where it never will. */
  readonly makeDurable: (eventId: number | undefined, options?: WaitOptions) => Promise<number>;
  /** The log has the stream. */
  readonly claimed: () => void;
}

export const isFenced = (error: unknown): error is WalError =>
  error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_FENCED';

/** Replicates a log to a stream until it is closed; see `replicate`. */
export class Replica {
  readonly #log: ReplicaOfLog;
  readonly #stop: AbortController;
  readonly #waiters = new Set<Waiter>();
  readonly #failures = { conflict: 0, full: 0, timeout: 0, unavailable: 0 };
  readonly #counts: MutableCounts;
  #state: ReplicaState = 'claiming';
  #epoch = 0;
  #confirmedEventId = 0;
  #failure: unknown;
  #lastTrouble: string | undefined;
  #claimed: Waiter | undefined;
  readonly #claiming: Promise<number>;
  readonly #ended: Promise<void>;

  /** @internal */
  constructor(
    log: ReplicaOfLog,
    stop: AbortController,
    begin: (observer: ReplicatorObserver) => { readonly run: Promise<void>; hold: RetentionHold },
  ) {
    this.#log = log;
    this.#stop = stop;
    this.#counts = {
      runs: 0,
      events: 0,
      bytes: 0,
      claims: 0,
      failures: this.#failures,
      foundStored: 0,
      regressions: 0,
      regressedEvents: 0,
      ackMsMax: 0,
    };
    this.#claiming = new Promise((resolve, reject) => {
      this.#claimed = { eventId: 0, resolve, reject };
    });
    const { run, hold } = begin(this.#observer(() => hold));
    this.#ended = this.#end(run, hold);
    // Whoever asks is told; nobody has to ask.
    this.#claiming.catch(() => undefined);
    this.#ended.catch(() => undefined);
  }

  /** See {@link ReplicaState}. */
  get state(): ReplicaState {
    return this.#state;
  }

  /** The epoch of its claim; 0 before that. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The stream has all events up to this one; 0 before the first claim. */
  get confirmedEventId(): number {
    return this.#confirmedEventId;
  }

  /** What has ended it: a WalError, or what the stream has thrown. Undefined while it works. */
  get failure(): unknown {
    return this.#failure;
  }

  /** What the engine said last when it failed; undefined where it never did. */
  get lastTrouble(): string | undefined {
    return this.#lastTrouble;
  }

  /** What the stream cannot promise as it is set up, once it is claimed; one sentence each. */
  get notes(): readonly string[] {
    return this.#log.notes();
  }

  /** What it has done so far. */
  get counts(): ReplicaCounts {
    return { ...this.#counts, failures: { ...this.#failures } };
  }

  /**
   * Resolves with the epoch once the stream is claimed; waits for the engine as long as it takes.
   * @throws WalError ERR_FLASHSTRIKE_FENCED, _DIVERGED …; _REPLICATION_STOPPED
   */
  claimed(): Promise<number> {
    return this.#claiming;
  }

  /**
   * Resolves once it has ended because it was to; rejects with what has ended it.
   * @throws WalError ERR_FLASHSTRIKE_FENCED, _DIVERGED, _REPLICA_GAP, _CORRUPT …
   */
  ended(): Promise<void> {
    return this.#ended;
  }

  /**
   * Resolves with the confirmed id once a quorum has event `eventId` (default: the last appended
   * to the open log; of a folder it must be given). Asks for the sync as `wal.durable` does; then
   * it is told, not polled. An engine that does not answer is waited for.
   * @param options `signal` ends the waiting, and nothing else
   * @throws WalError ERR_FLASHSTRIKE_REPLICATION_STOPPED with the cause, as `durable` does,
   * ERR_FLASHSTRIKE_FENCED, and _INVALID_ARGUMENT; the reason of `signal`
   */
  async replicated(eventId?: number, options: WaitOptions = {}): Promise<number> {
    const signal = signalOf(options);
    signal?.throwIfAborted();
    const id = await this.#log.makeDurable(eventId, signal && { signal });
    if (this.#confirmedEventId >= id) return this.#confirmedEventId;
    if (this.#isOver) throw this.#stoppedError(id);
    let letGo = (): void => {};
    const confirmed = new Promise<number>((resolve, reject) => {
      const waiter = { eventId: id, resolve, reject };
      this.#waiters.add(waiter);
      letGo = () => void this.#waiters.delete(waiter);
    });
    return signal === undefined ? confirmed : unlessAborted(signal, confirmed, letGo);
  }

  /** Waits for the answer to what is in flight, and lets go of log and stream. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ended.catch(() => undefined);
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #isOver(): boolean {
    return this.#state === 'fenced' || this.#state === 'failed' || this.#state === 'stopped';
  }

  async #end(run: Promise<void>, hold: RetentionHold): Promise<void> {
    let state: ReplicaState = 'stopped';
    try {
      await run;
    } catch (error) {
      state = isFenced(error) ? 'fenced' : 'failed';
      this.#failure = error;
      throw error;
    } finally {
      // Before anybody is told: whoever then begins another one finds nothing in use.
      await hold.close();
      this.#state = state;
      for (const { eventId, reject } of this.#waiters) reject(this.#stoppedError(eventId));
      this.#waiters.clear();
      this.#claimed?.reject(this.#failure ?? this.#stoppedError(0));
    }
  }

  #stoppedError(eventId: number): unknown {
    const cause = this.#failure;
    if (this.#state === 'fenced') return cause;
    const { dir, stream } = this.#log;
    const message =
      `${dir}: replication to ${stream} ended before the stream was known to have event ` +
      `${eventId} (confirmed up to ${this.#confirmedEventId}). The log has it.`;
    return new WalError('ERR_FLASHSTRIKE_REPLICATION_STOPPED', message, { path: dir, cause });
  }

  #confirm(eventId: number): void {
    this.#confirmedEventId = eventId;
    for (const waiter of this.#waiters) {
      if (waiter.eventId > eventId) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(eventId);
    }
  }

  #observer(hold: () => RetentionHold): ReplicatorObserver {
    const counts = this.#counts;
    return {
      onActivity: (activity: Activity) => {
        this.#state = activity;
      },
      onClaimed: (epoch, confirmedEventId) => {
        counts.claims++;
        this.#epoch = epoch;
        this.#log.claimed();
        this.#confirm(confirmedEventId);
        this.#claimed?.resolve(epoch);
      },
      // What it then throws says so.
      onFenced: () => undefined,
      onSending: () => undefined,
      onConfirmed: ({ firstEventId, eventCount, frames }: OutgoingRun, ackMs) => {
        counts.runs++;
        counts.events += eventCount;
        counts.bytes += frames.length;
        counts.ackMsMax = Math.max(counts.ackMsMax, ackMs);
        hold().confirmed(firstEventId);
        this.#confirm(firstEventId + eventCount - 1);
      },
      onProven: (sentMs) => hold().proven(sentMs),
      onFoundStored: () => {
        counts.foundStored++;
      },
      onFailure: (reason, message) => {
        this.#failures[reason]++;
        this.#lastTrouble = message;
      },
      onRegression: (fromEventId, toEventId) => {
        assert(toEventId < fromEventId, 'a stream that went back has less');
        counts.regressions++;
        counts.regressedEvents += fromEventId - toEventId;
        hold().regressed();
      },
    };
  }
}
