// How long threads of this process have run, and have been ready to run without a processor, as the
// system counts it (Linux, with scheduler statistics).
import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import { isOperational } from '../errors.js';

interface ThreadTimes {
  readonly runNs: number;
  /** Ready to run, and without a processor. */
  readonly readyNs: number;
}

/**
 * Undefined where the system, or a permission, does not let it be known. The next call may change
 * what an earlier one has returned.
 */
export type TimesOfThread = (threadId: number) => ThreadTimes | undefined;

/** The system's number of the thread that calls this; 0: not known. */
export function ownThreadId(): number {
  const link = tryReading(() => readlinkSync('/proc/thread-self'));
  return Number(/^\d+\/task\/(\d+)$/.exec(link ?? '')?.[1] ?? 0);
}

/** Logs of a process share threads, and look at the same moments. */
const FRESH_MS = 5;
/** What cannot be read is not tried again at once: an exception costs ten times a reading. */
const HOPELESS_MS = 10_000;
/** More threads than one process has for its logs; those that have ended go with the others. */
const KNOWN_MAX = 64;

/** `run ready slices`, the first two in nanoseconds; each has 20 digits at the most. */
const text = new Uint8Array(96);
const [ZERO, NINE, BLANK] = [0x30, 0x39, 0x20];

/** Of a thread; read again and again into the same memory. */
class KnownTimes implements ThreadTimes {
  runNs = 0;
  readyNs = 0;
  readonly #path: string;
  #isKnown = false;
  #dueMs = 0;
  #bytes = 0;
  #at = 0;

  constructor(threadId: number) {
    this.#path = `/proc/self/task/${threadId}/schedstat`;
  }

  get(nowMs: number): ThreadTimes | undefined {
    if (nowMs >= this.#dueMs) {
      this.#isKnown = this.#read();
      this.#dueMs = nowMs + (this.#isKnown ? FRESH_MS : HOPELESS_MS);
    }
    return this.#isKnown ? this : undefined;
  }

  #read(): boolean {
    this.#bytes = tryReading(() => readInto(this.#path)) ?? 0;
    this.#at = 0;
    this.runNs = this.#number();
    this.readyNs = this.#number();
    return this.runNs > 0 && this.readyNs >= 0;
  }

  /** The next one of the text, up to a blank; NaN where there is none. */
  #number(): number {
    let value = Number.NaN;
    for (; this.#at < this.#bytes; this.#at++) {
      const digit = text[this.#at] as number;
      if (digit === BLANK) break;
      if (digit < ZERO || digit > NINE) return Number.NaN;
      value = (Number.isNaN(value) ? 0 : value) * 10 + digit - ZERO;
    }
    this.#at++;
    return value;
  }
}

function readInto(path: string): number {
  const file = openSync(path, 'r');
  try {
    return readSync(file, text, 0, text.length, 0);
  } finally {
    closeSync(file);
  }
}

const known = new Map<number, KnownTimes>();

/** Of a thread of this process. */
export const timesOfThread: TimesOfThread = (threadId) => {
  if (threadId === 0) return undefined;
  let times = known.get(threadId);
  if (times === undefined) {
    if (known.size >= KNOWN_MAX) known.clear();
    times = new KnownTimes(threadId);
    known.set(threadId, times);
  }
  return times.get(performance.now());
};

function tryReading<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    // Another system, a thread that has ended, no descriptor left, or a permission of Node's.
    if (!isOperational(error)) throw error;
    return undefined;
  }
}
