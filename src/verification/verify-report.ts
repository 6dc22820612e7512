// What a verification tells.
import type { ErrorCode } from '../errors.js';
import type { MissingTail, Verdict } from '../segment/verdict.js';

export interface VerifyProblem {
  /**
   * Name of the file in the folder, or the full path elsewhere; undefined for the folder itself.
   */
  readonly file: string | undefined;
  /** Byte offset in the file. */
  readonly offset: number | undefined;
  readonly code: ErrorCode;
  readonly message: string;
  /** Events that are lost by it; undefined where that cannot be told. */
  readonly lost: number | undefined;
  /** Their ids, both ends included; undefined where none is lost or none is known. */
  readonly firstEventId: number | undefined;
  readonly lastEventId: number | undefined;
}

/** The end of a log whose last write was torn by a crash; nothing durable is missing. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  /** The last event before it. */
  readonly lastEventId: number;
  /** Of the ids right behind, as far as they are known. */
  readonly droppedEvents: number;
  readonly droppedBytes: number;
}

export interface VerifyReport {
  /** True for the verdicts `clean`, `torn-tail` and `live-copy`. */
  readonly ok: boolean;
  readonly verdict: Verdict;
  /** Events that validate, those behind damage included. */
  readonly events: number;
  /** Of the log as its files tell; lastEventId = firstEventId - 1 while there is none. */
  readonly firstEventId: number;
  readonly lastEventId: number;
  /** The highest id that anyone calls durable; 0 for none. */
  readonly durableEventId: number;
  /** Segment files. */
  readonly segments: number;
  readonly problems: readonly VerifyProblem[];
  readonly tornTail: TornTail | undefined;
  /** The ids that a live copy lacks, as far as it tells; undefined for any other verdict. */
  readonly missingTail: MissingTail | undefined;
  /** Events in the shared region of a process that is gone, which the next opening will add. */
  readonly waitingEvents: number;
  /** What to do next. */
  readonly advice: string;
  /** Anything odd that does no harm, a sentence each. */
  readonly notes: readonly string[];
}
