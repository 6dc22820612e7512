// What a host, a thread that serves logs, and others tell each other: wake-ups, letters, its end,
// and that it must not be disturbed. `Atomics.wait` waits for one word alone, so all logs that a
// host serves ring the same bell; which of them was meant stands in each log's own signals.
import { monotonicClock } from '../../clock/clock.js';
import { LONGEST_STEP_MS, RunningTime } from '../../clock/running-time.js';
import { layout, pad, u32, wordOf } from '../../memory/layout.js';
import { WordLine } from '../../memory/lines.js';

/** Where a host is: the ticket of a log, 0 for none, and since when, by `wrappedMs`. */
const ServedLine = layout('ServedLine')
  .field(0, 'ticket', u32)
  .field(4, 'sinceMs', u32)
  .field(8, 'spare', pad(120))
  .end(128, 64);

const DoorbellLayout = layout('Doorbell')
  /** Counter of wake-ups. Writers: all. */
  .field(0, 'rings', WordLine)
  /** 1 while the host sleeps. Writer: the host. */
  .field(128, 'asleep', WordLine)
  /** Counter of messages that were posted to it. Writer: the application thread. */
  .field(256, 'letters', WordLine)
  /** 1 when it is to end. Writer: the application thread. */
  .field(384, 'stop', WordLine)
  /** 1 while it makes calls during which it must not be terminated. Writer: the host. */
  .field(512, 'undisturbed', WordLine)
  /**
   * 1 once the process ends: nothing undisturbed begins any more. Writer: the application thread.
   */
  .field(640, 'processEnds', WordLine)
  /** The log at which the host is, of several that it serves. Writer: the host. */
  .field(768, 'served', ServedLine)
  .end(896, 64);

const RINGS = wordOf(DoorbellLayout.offset.rings);
const ASLEEP = wordOf(DoorbellLayout.offset.asleep);
const LETTERS = wordOf(DoorbellLayout.offset.letters);
const STOP = wordOf(DoorbellLayout.offset.stop);
const UNDISTURBED = wordOf(DoorbellLayout.offset.undisturbed);
const PROCESS_ENDS = wordOf(DoorbellLayout.offset.processEnds);
const SERVED_TICKET = wordOf(DoorbellLayout.offset.served + ServedLine.offset.ticket);
const SERVED_SINCE = wordOf(DoorbellLayout.offset.served + ServedLine.offset.sinceMs);

/** The log at which a host is. */
interface Served {
  readonly ticket: number;
  /** Since when, by `wrappedMs`. */
  readonly sinceMs: number;
}

/** Blocks while the word has `value`; false when that takes longer, of the time that it runs. */
export function waitWhile(
  words: Int32Array,
  word: number,
  value: number,
  timeoutMs: number,
): boolean {
  const waited = new RunningTime(monotonicClock);
  let leftMs = timeoutMs;
  do {
    const sliceMs = Math.min(leftMs, LONGEST_STEP_MS);
    if (Atomics.wait(words, word, value, sliceMs) !== 'timed-out') return true;
    leftMs = timeoutMs - waited.lookMs();
  } while (leftMs > 0);
  return false;
}

export class Doorbell {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(buffer = new SharedArrayBuffer(DoorbellLayout.size)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Wakes the host; a system call only when it sleeps. */
  ring(): void {
    Atomics.add(this.#words, RINGS, 1);
    if (Atomics.load(this.#words, ASLEEP) === 1) Atomics.notify(this.#words, RINGS);
  }

  /** To be read before looking for work, and given to `sleep`: a wake-up in between is not lost. */
  get rings(): number {
    return Atomics.load(this.#words, RINGS);
  }

  sleep(seenRings: number, timeoutMs: number): void {
    Atomics.store(this.#words, ASLEEP, 1);
    Atomics.wait(this.#words, RINGS, seenRings, timeoutMs);
    Atomics.store(this.#words, ASLEEP, 0);
  }

  /** A message is on its way: a thread that waits here finds it only when it is told. */
  announceLetter(): void {
    Atomics.add(this.#words, LETTERS, 1);
    this.ring();
  }

  get letters(): number {
    return Atomics.load(this.#words, LETTERS);
  }

  /** The host goes to a log that it serves, of several. */
  arriveAt(ticket: number, sinceMs: number): void {
    Atomics.store(this.#words, SERVED_SINCE, sinceMs);
    Atomics.store(this.#words, SERVED_TICKET, ticket);
  }

  leave(): void {
    Atomics.store(this.#words, SERVED_TICKET, 0);
  }

  /** Undefined: at none, or it serves but one, or goes from one to another at this moment. */
  get served(): Served | undefined {
    const ticket = Atomics.load(this.#words, SERVED_TICKET);
    const sinceMs = Atomics.load(this.#words, SERVED_SINCE);
    if (ticket === 0 || Atomics.load(this.#words, SERVED_TICKET) !== ticket) return undefined;
    return { ticket, sinceMs };
  }

  requestStop(): void {
    Atomics.store(this.#words, STOP, 1);
    this.ring();
  }

  get stopRequested(): boolean {
    return Atomics.load(this.#words, STOP) === 1;
  }

  /**
   * Runs `body`, native calls of which the process dies when their thread is terminated meanwhile.
   * The end of the process, which terminates all threads, waits for it; when that has begun, `body`
   * does not run, and the thread waits here for its own end.
   */
  undisturbed<Result>(body: () => Result): Result {
    Atomics.store(this.#words, UNDISTURBED, 1);
    try {
      // Behind the store, as the other side stores first and looks then: one of the two sees it.
      if (Atomics.load(this.#words, PROCESS_ENDS) === 0) return body();
    } finally {
      Atomics.store(this.#words, UNDISTURBED, 0);
      Atomics.notify(this.#words, UNDISTURBED);
    }
    for (;;) Atomics.wait(this.#words, PROCESS_ENDS, 1);
  }

  /** Blocks until the host is not undisturbed, and never will be; false when that takes longer. */
  endUndisturbed(timeoutMs: number): boolean {
    Atomics.store(this.#words, PROCESS_ENDS, 1);
    return waitWhile(this.#words, UNDISTURBED, 1, timeoutMs);
  }
}
