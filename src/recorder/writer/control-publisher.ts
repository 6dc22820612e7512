// The control words that the writer thread publishes in the ring's region: written id, durable
// point, state and time. They move to another region when the ring is exchanged.
import { publishNumber, publishWords } from '../../memory/sequence-latch.js';
import { type ControlWords, LogState, type LogStateCode } from '../../ring/ring-control.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import { TWO_POW_32 } from '../../units.js';
import { FollowerBell } from './follower-bell.js';

export class ControlPublisher {
  readonly bell: FollowerBell;
  readonly #point = new Int32Array(4);
  #words: Int32Array;
  #doubles: Float64Array;
  #control: ControlWords;
  #state: LogStateCode = LogState.opening;

  constructor(memory: RingMemory) {
    this.bell = new FollowerBell(memory);
    this.#words = memory.words;
    this.#doubles = memory.doubles;
    this.#control = memory.control;
  }

  /** The state goes there at once; what else is published comes from who knows it. */
  moveTo(memory: RingMemory): void {
    this.bell.moveTo(memory);
    this.#words = memory.words;
    this.#doubles = memory.doubles;
    this.#control = memory.control;
  }

  publishWritten(eventId: number): void {
    publishNumber(this.#words, this.#control.writtenEventId, eventId);
  }

  /** The last event before the application begins to append. */
  publishOpenedAt(eventId: number): void {
    publishNumber(this.#words, this.#control.openedAtEventId, eventId);
  }

  publishPoint(segmentIndex: number, offset: number, eventId: number): void {
    const point = this.#point;
    point[0] = segmentIndex | 0;
    point[1] = offset | 0;
    point[2] = eventId | 0;
    point[3] = (eventId / TWO_POW_32) | 0;
    publishWords(this.#words, this.#control.durablePoint, point);
  }

  publishTime(offsetNs: number): void {
    this.#doubles[this.#control.coarseOffsetNs] = offsetNs;
  }

  /** What the thread begins; see WRITER_DOES. */
  publishDoing(what: number, sinceNs: number): void {
    this.#doubles[this.#control.writerDoesSinceNs] = sinceNs;
    this.#words[this.#control.writerDoes] = what;
  }

  /** That is over. */
  publishDone(): void {
    this.#words[this.#control.writerDoes] = 0;
  }

  /** Before the commit is told. */
  publishCommitted(nowNs: number): void {
    this.#doubles[this.#control.committedNs] = nowNs;
  }

  get state(): LogStateCode {
    return this.#state;
  }

  publishState(): void {
    Atomics.store(this.#words, this.#control.state, this.#state);
  }

  setState(state: LogStateCode): void {
    if (state === this.#state) return;
    // Not over what the application thread has put there: a thread died, or the log is closing.
    Atomics.compareExchange(this.#words, this.#control.state, this.#state, state);
    this.#state = state;
  }
}
