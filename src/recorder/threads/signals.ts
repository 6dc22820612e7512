// What the threads of one process tell each other: wake-ups, requests, the queue of prepared
// segments, error texts. A small SharedArrayBuffer, because Atomics.wait accepts nothing else, and
// because none of this may survive the process. What must survive it stands in the shared region.
//
//   application --- durableRequest, producerWaiting, writtenWaiting -> writer
//   application <-- durableWake, producerWake, writtenWake, ... ------ writer
//   writer -------- takerWaiting, segmentsAwaited, segmentsTaken, ... > preparer
//   writer <------- preparedQueue, preparerTrouble, preparerError ---- preparer
//   writer -------- metaRequests ------------------------------------> housekeeping
//   writer <------- metaTrouble, regionNameLost, lockNameLost -------- housekeeping
//   application <-- activeFrom --------------------------------------- writer
//   application <-- verificationEnded, verificationProblem ----------- maintainer
//   application --- deleteBefore, deleteRequests --------------------> maintainer
//   writer <------- removedSegments, lastSegment, ... --------------- maintainer
//   preparer ------ recycledPages ----------------------------------> maintainer
//   preparer <----- recycledQueue ----------------------------------- maintainer
//   maintainer ---- keepFrom ----------------------------------------> housekeeping
//   maintainer <--- keptFrom ----------------------------------------- housekeeping
//   `failure`, why the log has ended, is read by all; each thread has its ThreadLines
//
// Every line has one writer, named beside it, and 128 bytes of its own.
import type { WallLatch } from '../../clock/wall-clock.js';
import { block, layout, wordOf } from '../../memory/layout.js';
import { LatchLine, WordLine } from '../../memory/lines.js';
import { publishNumber, readNumber } from '../../memory/sequence-latch.js';
import { SpscQueue } from '../../memory/spsc-queue.js';
import type { ThreadName } from '../../telemetry/heartbeats.js';
import { NS_PER_MS, TWO_POW_32 } from '../../units.js';
import { Doorbell, waitWhile } from './doorbell.js';
import { SharedMessage } from './shared-message.js';

/** One thread's: wake counter (others), stop request (application), ended (itself). */
const ThreadLines = layout('ThreadLines')
  .field(0, 'wake', WordLine)
  .field(128, 'stop', WordLine)
  .field(256, 'ended', WordLine)
  .end(384, 64);

/** The application asks for a commit at most so long after its first event (CommitDemand). */
export const LONGEST_GATHERING_NS = 20 * NS_PER_MS;
export const QUEUE_CAPACITY = 4;
export const QUEUE_ENTRY_WORDS = 6;
const MESSAGE_BYTES = 2048;

export const SignalsLayout = layout('Signals')
  .field(0, 'writer', ThreadLines)
  .field(384, 'preparer', ThreadLines)
  .field(768, 'housekeeping', ThreadLines)
  /** Counter that the writer thread moves when ring space was released to a waiting producer. */
  .field(1152, 'producerWake', WordLine)
  /** 1 while the producer waits for ring space. Writer: the application thread. */
  .field(1280, 'producerWaiting', WordLine)
  /** Counter that moves with every durable id and on failure. Writer: the writer thread. */
  .field(1408, 'durableWake', WordLine)
  /** Highest id that someone waits for in `durable()`. Writer: the application thread. */
  .field(1536, 'durableRequest', LatchLine)
  /** 1 while the writer thread waits for a segment. Writer: the writer thread. */
  .field(1664, 'takerWaiting', WordLine)
  /** Segments taken so far, for the preparer's pace. Writer: the writer thread. */
  .field(1792, 'segmentsTaken', WordLine)
  /** How many SEGMENT_PARTS of the active segment are used. Writer: the writer thread. */
  .field(1920, 'usedParts', WordLine)
  /** Counter of requested meta flushes. Writer: the writer thread. */
  .field(2048, 'metaRequests', WordLine)
  /** One of Trouble. Writer: the preparer. */
  .field(2176, 'preparerTrouble', WordLine)
  /** One of Trouble. Writer: housekeeping. */
  .field(2304, 'metaTrouble', WordLine)
  /** 1 when the region's name no longer is our file. Writer: housekeeping. */
  .field(2432, 'regionNameLost', WordLine)
  /** 1 when LOCK no longer is the file that was locked. Writer: housekeeping. */
  .field(2560, 'lockNameLost', WordLine)
  .field(2688, 'failure', block(MESSAGE_BYTES, 64))
  .field(4736, 'preparerError', block(MESSAGE_BYTES, 64))
  .field(6784, 'preparedQueue', block(1024, 64))
  /**
   * What the wall clock said at the log's anchor, once it was stepped. Writer: the writer thread.
   */
  .field(7808, 'wallAnchor', LatchLine)
  /** 1 when all finished segments were verified in the background. Writer: the maintainer. */
  .field(7936, 'verificationEnded', WordLine)
  /** The first damage that was found so. */
  .field(8064, 'verificationProblem', block(MESSAGE_BYTES, 64))
  /** Trouble.noSpace while a block or a header finds no space. Writer: the writer thread. */
  .field(10112, 'writerTrouble', WordLine)
  /** How long a sync usually takes, in µs. Writer: the writer thread. */
  .field(10240, 'syncTimeUs', WordLine)
  /** Size of the active segment, in pages; 0 in a log without one. Writer: the writer thread. */
  .field(10368, 'activePages', WordLine)
  /** First event that is to be kept: wal.meta is to say so. Writer: the maintainer. */
  .field(10496, 'keepFrom', LatchLine)
  /** The same, as wal.meta says durably; 0: nothing was removed. Writer: housekeeping. */
  .field(10624, 'keptFrom', LatchLine)
  /** Pages of the ring that are memory, as far as it was made ready. Writer: the writer thread. */
  .field(10752, 'ringPages', WordLine)
  /** Segments with nothing but events before it are to go. Writer: the application thread. */
  .field(10880, 'deleteBefore', LatchLine)
  /** Counter of such requests, each of which is answered. Writer: the application thread. */
  .field(11008, 'deleteRequests', WordLine)
  .field(11136, 'maintainer', ThreadLines)
  /** Counter of segments that this opening has removed. Writer: the maintainer. */
  .field(11520, 'removedSegments', WordLine)
  /** Compressed segments. Writer: the opening, and from then on the maintainer. */
  .field(11648, 'coldSegments', WordLine)
  /** Counter of calls that found no segment ready. Writer: the writer thread. */
  .field(11776, 'segmentsAwaited', WordLine)
  /** How many wait for events that are written. Writer: the application thread. */
  .field(11904, 'writtenWaiting', WordLine)
  /** Counter that moves with written ids while somebody waits. Writer: the writer thread. */
  .field(12032, 'writtenWake', WordLine)
  /** Size of a segment that would be used again, in pages; 0: none. Writer: the preparer. */
  .field(12160, 'recycledPages', WordLine)
  .field(12288, 'recycledQueue', block(1024, 64))
  /** First event of the segment that this opening has begun last. Writer: the writer thread. */
  .field(13312, 'activeFrom', LatchLine)
  /** See `limitSegments`. Writer: the opening, and from then on the maintainer. */
  .field(13440, 'lastSegment', WordLine)
  /** Counter of what the maintainer does for this log. Writer: the maintainer. */
  .field(13568, 'maintainerSteps', WordLine)
  .end(13696, 64);

export const Trouble = Object.freeze({ none: 0, noSpace: 1, error: 2 });

const at = SignalsLayout.offset;

type Flag =
  | 'producerWaiting'
  | 'takerWaiting'
  | 'segmentsAwaited'
  | 'recycledPages'
  | 'segmentsTaken'
  | 'usedParts'
  | 'activePages'
  | 'ringPages'
  | 'metaRequests'
  | 'deleteRequests'
  | 'removedSegments'
  | 'coldSegments'
  | 'lastSegment'
  | 'maintainerSteps'
  | 'writtenWaiting'
  | 'preparerTrouble'
  | 'metaTrouble'
  | 'writerTrouble'
  | 'syncTimeUs'
  | 'regionNameLost'
  | 'lockNameLost'
  | 'verificationEnded';

/** What another thread needs to share a log's signals. */
export interface SignalsHandle {
  readonly buffer: SharedArrayBuffer;
  readonly bells: Readonly<Record<ThreadName, SharedArrayBuffer>>;
}

/** Of a log that nobody serves yet: its bells wake nobody. */
function newHandle(): SignalsHandle {
  const bell = (): SharedArrayBuffer => new Doorbell().buffer;
  const bells = {
    writer: bell(),
    preparer: bell(),
    housekeeping: bell(),
    maintainer: bell(),
  };
  return { buffer: new SharedArrayBuffer(SignalsLayout.size), bells };
}

export class Signals {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly failure: SharedMessage;
  readonly preparerError: SharedMessage;
  readonly verificationProblem: SharedMessage;
  readonly preparedQueue: SpscQueue;
  /** Files of segments that were removed, for the preparer to make prepared ones of. */
  readonly recycledQueue: SpscQueue;
  /** Index of the word that `Atomics.waitAsync` waits on for durable ids. */
  readonly durableWakeWord = wordOf(at.durableWake);
  /** The same for written ones. */
  readonly writtenWakeWord = wordOf(at.writtenWake);
  /** Index of a word that moves with `activeFrom`. */
  readonly activeFromWord = wordOf(at.activeFrom);
  readonly wallLatch: WallLatch;
  /** Of the threads that serve this log; others may have the same. */
  readonly #bells: Record<ThreadName, Doorbell>;

  constructor({ buffer, bells }: SignalsHandle = newHandle()) {
    this.buffer = buffer;
    this.#bells = {
      writer: new Doorbell(bells.writer),
      preparer: new Doorbell(bells.preparer),
      housekeeping: new Doorbell(bells.housekeeping),
      maintainer: new Doorbell(bells.maintainer),
    };
    this.words = new Int32Array(buffer);
    this.wallLatch = { words: this.words, index: wordOf(at.wallAnchor) };
    this.failure = new SharedMessage(buffer, at.failure, MESSAGE_BYTES);
    this.preparerError = new SharedMessage(buffer, at.preparerError, MESSAGE_BYTES);
    this.verificationProblem = new SharedMessage(buffer, at.verificationProblem, MESSAGE_BYTES);
    const queueAt = (offset: number): SpscQueue =>
      new SpscQueue(
        new Int32Array(buffer, offset, wordOf(1024)),
        QUEUE_CAPACITY,
        QUEUE_ENTRY_WORDS,
      );
    this.preparedQueue = queueAt(at.preparedQueue);
    this.recycledQueue = queueAt(at.recycledQueue);
  }

  get(flag: Flag): number {
    return Atomics.load(this.words, wordOf(at[flag]));
  }

  set(flag: Flag, value: number): void {
    Atomics.store(this.words, wordOf(at[flag]), value);
  }

  /** Tells a trouble, or that it is over, to the writer as well, which may be at rest. */
  tellTrouble(flag: 'preparerTrouble' | 'metaTrouble', trouble: number): void {
    if (this.get(flag) === trouble) return;
    this.set(flag, trouble);
    this.wake('writer');
  }

  /**
   * No segment behind `index` is to be begun for now; any may be, where no segment has that index.
   * The writer is woken where it may go on.
   */
  limitSegments(index: number): void {
    const word = index < TWO_POW_32 ? index : 0;
    const before = this.lastSegment;
    if (word === before) return;
    this.set('lastSegment', word | 0);
    if (word === 0 || word > before) this.wake('writer');
  }

  /** Index of the last segment that may be begun; 0: any may. */
  get lastSegment(): number {
    return this.get('lastSegment') >>> 0;
  }

  /** Adds to a counter; its one writer only. */
  count(flag: Flag, by: number): void {
    this.set(flag, (this.get(flag) + by) | 0);
  }

  #threadWord(thread: ThreadName, line: keyof typeof ThreadLines.offset): number {
    return wordOf(at[thread] + ThreadLines.offset[line]);
  }

  get handle(): SignalsHandle {
    const { writer, preparer, housekeeping, maintainer } = this.#bells;
    const bells = {
      writer: writer.buffer,
      preparer: preparer.buffer,
      housekeeping: housekeeping.buffer,
      maintainer: maintainer.buffer,
    };
    return { buffer: this.buffer, bells };
  }

  /** From here on the one who serves the log as `thread` has this bell. */
  connect(thread: ThreadName, bell: Doorbell): void {
    this.#bells[thread] = bell;
  }

  /** Wakes a thread; a system call only when that thread sleeps. */
  wake(thread: ThreadName): void {
    Atomics.add(this.words, this.#threadWord(thread, 'wake'), 1);
    this.#bells[thread].ring();
  }

  /** How often the thread was woken for this log. */
  wakeCount(thread: ThreadName): number {
    return Atomics.load(this.words, this.#threadWord(thread, 'wake'));
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

  requestDurable(eventId: number): void {
    publishNumber(this.words, wordOf(at.durableRequest), eventId);
  }

  get durableRequest(): number {
    return readNumber(this.words, wordOf(at.durableRequest));
  }

  /** Segments with nothing but events before `eventId` are to go; an answer follows. */
  requestDeletion(eventId: number): number {
    if (eventId > this.deleteBefore) publishNumber(this.words, wordOf(at.deleteBefore), eventId);
    this.count('deleteRequests', 1);
    this.wake('maintainer');
    return this.get('deleteRequests');
  }

  /** 0 until somebody asks for it. */
  get deleteBefore(): number {
    return readNumber(this.words, wordOf(at.deleteBefore));
  }

  /** @param eventId first event of the segment that is written to from now on */
  publishActiveFrom(eventId: number): void {
    publishNumber(this.words, this.activeFromWord, eventId);
  }

  /** 0 while this opening has begun no segment. */
  get activeFrom(): number {
    return readNumber(this.words, this.activeFromWord);
  }

  /** @param eventId first event that is to be kept: wal.meta is to say so */
  publishKeepFrom(eventId: number): void {
    publishNumber(this.words, wordOf(at.keepFrom), eventId);
    this.wake('housekeeping');
  }

  /** 0 until anything is to be removed. */
  get keepFrom(): number {
    return readNumber(this.words, wordOf(at.keepFrom));
  }

  /** @param eventId first event that is to be kept, as wal.meta says durably */
  publishKeptFrom(eventId: number): void {
    publishNumber(this.words, wordOf(at.keptFrom), eventId);
  }

  /** 0 while nothing was ever removed. */
  get keptFrom(): number {
    return readNumber(this.words, wordOf(at.keptFrom));
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

  /** Tells those who follow what is written; a system call only when somebody waits for it. */
  announceWritten(): void {
    if (this.get('writtenWaiting') === 0) return;
    Atomics.add(this.words, this.writtenWakeWord, 1);
    Atomics.notify(this.words, this.writtenWakeWord);
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
