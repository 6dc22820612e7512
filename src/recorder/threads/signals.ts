// What the threads of one process tell each other: wake-ups, requests, the queue of prepared
// segments, error texts. A small SharedArrayBuffer, because Atomics.wait accepts nothing else, and
// because none of this may survive the process. What must survive it stands in the shared region.
//
//   application --- durableRequest, producerWaiting -----------------> writer
//   application <-- durableWake, producerWake, syncTimeUs, ... ------- writer
//   writer -------- takerWaiting, segmentsTaken, halfUsed -----------> preparer
//   writer <------- preparedQueue, preparerTrouble, preparerError ---- preparer
//   writer -------- metaRequests ------------------------------------> housekeeping
//   writer <------- metaTrouble, regionNameLost, lockNameLost -------- housekeeping
//   application <-- verificationEnded, verificationProblem ----------- housekeeping
//   `failure`, why the log has ended, is read by all; each thread has its ThreadLines
//
// Every line has one writer, named beside it, and 128 bytes of its own.
import { monotonicClock } from '../../clock/clock.js';
import { LONGEST_STEP_MS, RunningTime } from '../../clock/running-time.js';
import type { WallLatch } from '../../clock/wall-clock.js';
import { block, layout, wordOf } from '../../memory/layout.js';
import { LatchLine, WordLine } from '../../memory/lines.js';
import { publishNumber, readNumber } from '../../memory/sequence-latch.js';
import { SpscQueue } from '../../memory/spsc-queue.js';
import { THREAD_NAMES, type ThreadName } from '../../telemetry/heartbeats.js';
import { SharedMessage } from './shared-message.js';

/**
 * One thread's: wake counter (others), asleep (itself), stop request (application), ended (itself).
 */
const ThreadLines = layout('ThreadLines')
  .field(0, 'wake', WordLine)
  .field(128, 'asleep', WordLine)
  .field(256, 'stop', WordLine)
  .field(384, 'ended', WordLine)
  .end(512, 64);

/** 1 while a thread makes calls during which it must not be terminated. Writer: that thread. */
const UndisturbedLines = layout('UndisturbedLines')
  .field(0, 'writer', WordLine)
  .field(128, 'preparer', WordLine)
  .field(256, 'housekeeping', WordLine)
  .end(384, 64);

export const QUEUE_CAPACITY = 4;
export const QUEUE_ENTRY_WORDS = 5;
const MESSAGE_BYTES = 2048;

export const SignalsLayout = layout('Signals')
  .field(0, 'writer', ThreadLines)
  .field(512, 'preparer', ThreadLines)
  .field(1024, 'housekeeping', ThreadLines)
  /** Counter that the writer thread moves when ring space was released to a waiting producer. */
  .field(1536, 'producerWake', WordLine)
  /** 1 while the producer waits for ring space. Writer: the application thread. */
  .field(1664, 'producerWaiting', WordLine)
  /** Counter that moves with every durable id and on failure. Writer: the writer thread. */
  .field(1792, 'durableWake', WordLine)
  /** Highest id that someone waits for in `durable()`. Writer: the application thread. */
  .field(1920, 'durableRequest', LatchLine)
  /** 1 while the writer thread waits for a segment. Writer: the writer thread. */
  .field(2048, 'takerWaiting', WordLine)
  /** Segments taken so far, for the preparer's pace. Writer: the writer thread. */
  .field(2176, 'segmentsTaken', WordLine)
  /** 1 when more than half of the active segment is used. Writer: the writer thread. */
  .field(2304, 'halfUsed', WordLine)
  /** Counter of requested meta flushes. Writer: the writer thread. */
  .field(2432, 'metaRequests', WordLine)
  /** One of Trouble. Writer: the preparer. */
  .field(2560, 'preparerTrouble', WordLine)
  /** One of Trouble. Writer: housekeeping. */
  .field(2688, 'metaTrouble', WordLine)
  /** 1 when the region's name no longer is our file. Writer: housekeeping. */
  .field(2816, 'regionNameLost', WordLine)
  /** 1 when LOCK no longer is the file that was locked. Writer: housekeeping. */
  .field(2944, 'lockNameLost', WordLine)
  .field(3072, 'failure', block(MESSAGE_BYTES, 64))
  .field(5120, 'preparerError', block(MESSAGE_BYTES, 64))
  .field(7168, 'preparedQueue', block(1024, 64))
  .field(8192, 'undisturbed', UndisturbedLines)
  /**
   * 1 once the process ends: nothing undisturbed begins any more. Writer: the application thread.
   */
  .field(8576, 'processEnds', WordLine)
  /**
   * What the wall clock said at the log's anchor, once it was stepped. Writer: the writer thread.
   */
  .field(8704, 'wallAnchor', LatchLine)
  /** 1 when all finished segments were verified in the background. Writer: housekeeping. */
  .field(8832, 'verificationEnded', WordLine)
  /** The first damage that was found so. */
  .field(8960, 'verificationProblem', block(MESSAGE_BYTES, 64))
  /** Trouble.noSpace while a block or a header finds no space. Writer: the writer thread. */
  .field(11008, 'writerTrouble', WordLine)
  /** How long a sync usually takes, in µs. Writer: the writer thread. */
  .field(11136, 'syncTimeUs', WordLine)
  .end(11264, 64);

export const Trouble = Object.freeze({ none: 0, noSpace: 1, error: 2 });

/** Blocks while the word has `value`; false when that takes longer, of the time that it runs. */
function waitWhile(words: Int32Array, word: number, value: number, timeoutMs: number): boolean {
  const waited = new RunningTime(monotonicClock);
  let leftMs = timeoutMs;
  do {
    const sliceMs = Math.min(leftMs, LONGEST_STEP_MS);
    if (Atomics.wait(words, word, value, sliceMs) !== 'timed-out') return true;
    leftMs = timeoutMs - waited.lookMs();
  } while (leftMs > 0);
  return false;
}

const at = SignalsLayout.offset;

type Flag =
  | 'producerWaiting'
  | 'takerWaiting'
  | 'segmentsTaken'
  | 'halfUsed'
  | 'metaRequests'
  | 'processEnds'
  | 'preparerTrouble'
  | 'metaTrouble'
  | 'writerTrouble'
  | 'syncTimeUs'
  | 'regionNameLost'
  | 'lockNameLost'
  | 'verificationEnded';

export class Signals {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly failure: SharedMessage;
  readonly preparerError: SharedMessage;
  readonly verificationProblem: SharedMessage;
  readonly preparedQueue: SpscQueue;
  /** Index of the word that `Atomics.waitAsync` waits on for durable ids. */
  readonly durableWakeWord = wordOf(at.durableWake);
  readonly wallLatch: WallLatch;

  constructor(buffer = new SharedArrayBuffer(SignalsLayout.size)) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.wallLatch = { words: this.words, index: wordOf(at.wallAnchor) };
    this.failure = new SharedMessage(buffer, at.failure, MESSAGE_BYTES);
    this.preparerError = new SharedMessage(buffer, at.preparerError, MESSAGE_BYTES);
    this.verificationProblem = new SharedMessage(buffer, at.verificationProblem, MESSAGE_BYTES);
    const queue = new Int32Array(buffer, at.preparedQueue, wordOf(1024));
    this.preparedQueue = new SpscQueue(queue, QUEUE_CAPACITY, QUEUE_ENTRY_WORDS);
  }

  get(flag: Flag): number {
    return Atomics.load(this.words, wordOf(at[flag]));
  }

  set(flag: Flag, value: number): void {
    Atomics.store(this.words, wordOf(at[flag]), value);
  }

  /** Adds to a counter; its one writer only. */
  count(flag: Flag, by: number): void {
    this.set(flag, (this.get(flag) + by) | 0);
  }

  #threadWord(thread: ThreadName, line: keyof typeof ThreadLines.offset): number {
    return wordOf(at[thread] + ThreadLines.offset[line]);
  }

  /** Wakes a thread; a system call only when that thread sleeps. */
  wake(thread: ThreadName): void {
    const word = this.#threadWord(thread, 'wake');
    Atomics.add(this.words, word, 1);
    if (Atomics.load(this.words, this.#threadWord(thread, 'asleep')) === 1) {
      Atomics.notify(this.words, word);
    }
  }

  /** To be read before looking for work, and given to `sleep`: a wake-up in between is not lost. */
  wakeCount(thread: ThreadName): number {
    return Atomics.load(this.words, this.#threadWord(thread, 'wake'));
  }

  sleep(thread: ThreadName, seenWakeCount: number, timeoutMs: number): void {
    const asleep = this.#threadWord(thread, 'asleep');
    Atomics.store(this.words, asleep, 1);
    Atomics.wait(this.words, this.#threadWord(thread, 'wake'), seenWakeCount, timeoutMs);
    Atomics.store(this.words, asleep, 0);
  }

  requestStop(thread: ThreadName): void {
    Atomics.store(this.words, this.#threadWord(thread, 'stop'), 1);
    this.wake(thread);
  }

  stopRequested(thread: ThreadName): boolean {
    return Atomics.load(this.words, this.#threadWord(thread, 'stop')) === 1;
  }

  announceEnd(thread: ThreadName): void {
    const word = this.#threadWord(thread, 'ended');
    Atomics.store(this.words, word, 1);
    Atomics.notify(this.words, word);
  }

  hasEnded(thread: ThreadName): boolean {
    return Atomics.load(this.words, this.#threadWord(thread, 'ended')) === 1;
  }

  /** Blocks until `thread` has announced its end, at most `timeoutMs`; true when it has. */
  waitForEnd(thread: ThreadName, timeoutMs: number): boolean {
    return waitWhile(this.words, this.#threadWord(thread, 'ended'), 0, timeoutMs);
  }

  /**
   * Runs `body`, native calls of which the process dies when their thread is terminated meanwhile.
   * The end of the process, which terminates all threads, waits for it; when that has begun, `body`
   * does not run, and the thread waits here for its own end.
   */
  undisturbed<Result>(thread: ThreadName, body: () => Result): Result {
    const word = wordOf(at.undisturbed + UndisturbedLines.offset[thread]);
    Atomics.store(this.words, word, 1);
    try {
      // Behind the store, as the other side stores first and looks then: one of the two sees it.
      if (this.get('processEnds') === 0) return body();
    } finally {
      Atomics.store(this.words, word, 0);
      Atomics.notify(this.words, word);
    }
    for (;;) Atomics.wait(this.words, wordOf(at.processEnds), 1);
  }

  /** Blocks until no thread is undisturbed, and none will be; false when that takes longer. */
  endUndisturbed(timeoutMs: number): boolean {
    this.set('processEnds', 1);
    return THREAD_NAMES.every((thread) => {
      const word = wordOf(at.undisturbed + UndisturbedLines.offset[thread]);
      return waitWhile(this.words, word, 1, timeoutMs);
    });
  }

  requestDurable(eventId: number): void {
    publishNumber(this.words, wordOf(at.durableRequest), eventId);
  }

  get durableRequest(): number {
    return readNumber(this.words, wordOf(at.durableRequest));
  }

  /** Tells whoever waits in `durable()` or `open` for a change that there was one. */
  announceDurable(): void {
    Atomics.add(this.words, this.durableWakeWord, 1);
    Atomics.notify(this.words, this.durableWakeWord);
  }

  /** To be read before looking what is durable, and given to `waitForDurable`. */
  get durableWakeCount(): number {
    return Atomics.load(this.words, this.durableWakeWord);
  }

  /** The application thread waits in `durableSync`: in slices, so that it can look around. */
  waitForDurable(seenWakeCount: number, timeoutMs: number): void {
    Atomics.wait(this.words, this.durableWakeWord, seenWakeCount, timeoutMs);
  }

  /** Wakes a producer that waits for ring space; a system call only when it does. */
  announceRoom(): void {
    if (this.get('producerWaiting') === 0) return;
    Atomics.add(this.words, wordOf(at.producerWake), 1);
    Atomics.notify(this.words, wordOf(at.producerWake));
  }

  get producerWakeCount(): number {
    return Atomics.load(this.words, wordOf(at.producerWake));
  }

  /** The application thread waits for ring space: in its own slices, so that it can look around. */
  waitForRoom(seenWakeCount: number, timeoutMs: number): void {
    Atomics.wait(this.words, wordOf(at.producerWake), seenWakeCount, timeoutMs);
  }
}
