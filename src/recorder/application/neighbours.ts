// A thread that serves several logs is at one of them at a time: while it is at another one for
// long, as where the disk hangs under that, this one waits without any fault of its own. Who waits
// here says so in its error, and whoever looks at the log from outside reads it beside the
// thread's heartbeat. The application's thread tells it: the one that would is stuck.
import type { Clock } from '../../clock/clock.js';
import {
  elapsedMs,
  elsewhereOf,
  SERVING_THREADS,
  type ServingThread,
  type Elsewhere as Told,
} from '../../telemetry/heartbeats.js';
import type { Signals } from '../threads/signals.js';

/** The log at which a thread is, that serves this one as well. */
export interface Elsewhere extends Told {
  readonly directory: string;
}

/** Undefined: the thread is at this log, or at none, or it serves no other. */
type Whereabouts = (thread: ServingThread) => Elsewhere | undefined;

/** Each log has its turn: what is shorter is nobody's trouble. */
const LONG_MS = 100;
/** So much of a wait, in percent, is its reason. */
const MOST = 50;

export class Neighbours {
  readonly #clock: Clock;
  readonly #whereabouts: Whereabouts;
  readonly #tellers: readonly (readonly [ServingThread, ReturnType<typeof elsewhereOf>])[];

  /** @param region its words, the first of them in its header page; see `heartbeatOf` */
  constructor(region: { readonly words: Int32Array }, clock: Clock, whereabouts: Whereabouts) {
    this.#clock = clock;
    this.#whereabouts = whereabouts;
    this.#tellers = SERVING_THREADS.map((thread) => [thread, elsewhereOf(region, thread)]);
  }

  /** Tells in the region which threads have been at another log for long. */
  tell(): void {
    for (const [thread, tell] of this.#tellers) tell(this.longAt(thread));
  }

  /** The log at which the thread has been for long, by now. */
  longAt(thread: ServingThread): Elsewhere | undefined {
    const elsewhere = this.#whereabouts(thread);
    if (elsewhere === undefined) return undefined;
    return elapsedMs(elsewhere.sinceMs, this.#clock.nowNs()) < LONG_MS ? undefined : elsewhere;
  }

  /** Where the thread is at this moment. */
  at(thread: ServingThread): Elsewhere | undefined {
    return this.#whereabouts(thread);
  }
}

/** A log whose threads serve no other. */
export const NO_NEIGHBOURS: Pick<Neighbours, 'at' | 'longAt' | 'tell'> = {
  at: () => undefined,
  longAt: () => undefined,
  tell: () => {},
};

/** What the threads of a log did during one wait of its application. */
export class WaitLooks {
  readonly #signals: Signals;
  readonly #neighbours: Pick<Neighbours, 'at' | 'tell'>;
  #looks = 0;
  #elsewhere = 0;
  #last: { readonly thread: ServingThread; readonly directory: string } | undefined;

  constructor(signals: Signals, neighbours: Pick<Neighbours, 'at' | 'tell'>) {
    this.#signals = signals;
    this.#neighbours = neighbours;
  }

  /** To be called every few milliseconds of it. */
  look(): void {
    this.#neighbours.tell();
    this.#looks++;
    const thread = awaited(this.#signals);
    const at = this.#neighbours.at(thread);
    if (at === undefined) return;
    this.#elsewhere++;
    this.#last = { thread, directory: at.directory };
  }

  /** Why it was waited, as a sentence goes on; undefined: not for a neighbour. */
  get reason(): string | undefined {
    const percent = Math.round((100 * this.#elsewhere) / this.#looks);
    if (this.#last === undefined || percent < MOST) return undefined;
    const { thread, directory } = this.#last;
    return (
      `the ${thread} thread serves other logs as well, and was at them for ${percent} % of that ` +
      `time, at last at ${directory}. See what their disk does; threads: 'own' gives a log ` +
      'threads of its own'
    );
  }
}

/** The thread for which whoever waits for the log waits in the end. */
export const awaited = (signals: Signals): 'writer' | 'preparer' =>
  signals.get('takerWaiting') === 1 ? 'preparer' : 'writer';
