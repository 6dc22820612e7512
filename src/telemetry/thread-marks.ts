// What a thread tells beside its heartbeat, for the recorder of stalls.
import { NS_PER_US } from '../units.js';
import { type HeartName, heartWord } from './heartbeats.js';

export interface ThreadMarks {
  /** Its work goes on from its last beat until `isBusy` is false. */
  setBusy(isBusy: boolean): void;
  /** It was at other logs while this one was due. */
  wasAtOthers(ns: number): void;
  /** It slept so much longer than it had asked for: it was stopped, or had no processor. */
  overslept(ns: number): void;
  /** The collector held it. */
  wasCollected(ns: number): void;
}

/**
 * Marks of `thread`; to be made by that thread.
 * @param region as for `heartbeatOf`
 * @param threadId the system's number of it; 0: not known
 */
export function threadMarksOf(
  { words }: { readonly words: Int32Array },
  thread: HeartName,
  threadId: number,
): ThreadMarks {
  Atomics.store(words, heartWord(thread, 'threadId'), threadId);
  const isInStep = heartWord(thread, 'isInStep');
  const adderOf = (field: 'atOthersUs' | 'oversleptUs' | 'collectorUs') => {
    const at = heartWord(thread, field);
    return (ns: number): void => {
      Atomics.add(words, at, Math.round(ns / NS_PER_US));
    };
  };
  return {
    setBusy: (isBusy) => {
      words[isInStep] = isBusy ? 1 : 0;
    },
    wasAtOthers: adderOf('atOthersUs'),
    overslept: adderOf('oversleptUs'),
    wasCollected: adderOf('collectorUs'),
  };
}

/** Reads what a thread has told; allocates nothing. */
export class MarksReader {
  readonly #words: Int32Array;
  readonly #beats: number;
  readonly #nowMs: number;
  readonly #threadId: number;
  readonly #isInStep: number;
  readonly #atOthersUs: number;
  readonly #oversleptUs: number;
  readonly #collectorUs: number;
  readonly #isElsewhere: number;
  readonly #elsewhereMs: number;

  /** @param words of the region's header page, or of a copy of it */
  constructor(words: Int32Array, thread: HeartName) {
    this.#words = words;
    this.#beats = heartWord(thread, 'beats');
    this.#nowMs = heartWord(thread, 'nowMs');
    this.#threadId = heartWord(thread, 'threadId');
    this.#isInStep = heartWord(thread, 'isInStep');
    this.#atOthersUs = heartWord(thread, 'atOthersUs');
    this.#oversleptUs = heartWord(thread, 'oversleptUs');
    this.#collectorUs = heartWord(thread, 'collectorUs');
    this.#isElsewhere = heartWord(thread, 'isElsewhere');
    this.#elsewhereMs = heartWord(thread, 'elsewhereMs');
  }

  #at(word: number): number {
    return Atomics.load(this.#words, word);
  }

  get beats(): number {
    return this.#at(this.#beats) >>> 0;
  }

  /** The system's number of it; 0: not known. */
  get threadId(): number {
    return this.#at(this.#threadId) >>> 0;
  }

  get atOthersUs(): number {
    return this.#at(this.#atOthersUs) >>> 0;
  }

  get oversleptUs(): number {
    return this.#at(this.#oversleptUs) >>> 0;
  }

  get collectorUs(): number {
    return this.#at(this.#collectorUs) >>> 0;
  }

  /** When the step began that it is in, by `wrappedMs`; undefined: it is in none. */
  get inStepSinceMs(): number | undefined {
    const sinceMs = this.#at(this.#nowMs);
    return this.#at(this.#isInStep) === 1 ? sinceMs : undefined;
  }

  /** Since when it is at another log, by `wrappedMs`; undefined: it is at none. */
  get elsewhereSinceMs(): number | undefined {
    const beatMs = this.#at(this.#nowMs);
    const elsewhereMs = this.#at(this.#elsewhereMs);
    // What was told before the last beat is over.
    const isElsewhere = this.#at(this.#isElsewhere) === 1 && ((elsewhereMs - beatMs) | 0) >= 0;
    return isElsewhere ? elsewhereMs : undefined;
  }
}
