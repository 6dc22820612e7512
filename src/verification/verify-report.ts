// What a verification reports.
import type { ErrorCode } from '../errors.js';
import type { MissingTail, Verdict } from '../segment/verdict.js';

/** Damage that {@link VerifyReport} lists. */
export interface VerifyProblem {
  /**
   * Name of the file in the folder, or the full path elsewhere; undefined for the folder itself.
   */
  readonly file: string | undefined;
  /** Byte offset in the file. */
  readonly offset: number | undefined;
  /** What kind of damage it is. */
  readonly code: ErrorCode;
  /** What is wrong, which ids are lost, and what to do. */
  readonly message: string;
  /** Number of lost events; undefined if it is not known. */
  readonly lost: number | undefined;
  /** First lost id; undefined if none is lost or known. */
  readonly firstEventId: number | undefined;
  /** Last lost id; undefined if none is lost or known. */
  readonly lastEventId: number | undefined;
}

/** The end of a log whose last write was torn by a crash; nothing durable is missing. */
export interface TornTail {
  /** Name of the segment file. */
  readonly file: string;
  /** Where its valid part ends. */
  readonly offset: number;
  /** The last valid event. */
  readonly lastEventId: number;
  /** Number of events in the torn write, as far as known. */
  readonly droppedEvents: number;
  /** Number of bytes of the torn write. */
  readonly droppedBytes: number;
}

/** A snapshot of a machine's state that lies beside the log. */
export interface SnapshotCheck {
  /** Name of the file. */
  readonly file: string;
  /** The last event that its state has. */
  readonly eventId: number;
  /** Number of bytes of the state; undefined where it cannot be used. */
  readonly contentBytes: number | undefined;
  /** The machine's option `version`; undefined where it cannot be used. */
  readonly version: number | undefined;
  /** Why it cannot be used, a sentence; undefined for one that is sound and of this log. */
  readonly problem: string | undefined;
}

/** What `verify` found. */
export interface VerifyReport {
  /** True for the verdicts `clean`, `torn-tail` and `live-copy`. */
  readonly ok: boolean;
  /** What the whole log is. */
  readonly verdict: Verdict;
  /** Number of valid events, including those after damage. */
  readonly events: number;
  /** First id according to the files. */
  readonly firstEventId: number;
  /** Last id according to the files; firstEventId - 1 if there is none. */
  readonly lastEventId: number;
  /** The highest id that was reported durable; 0 for none. */
  readonly durableEventId: number;
  /** Number of segment files. */
  readonly segments: number;
  /** All damage, in the order of the files. */
  readonly problems: readonly VerifyProblem[];
  /** Set for the verdict `torn-tail`. */
  readonly tornTail: TornTail | undefined;
  /** The ids that a live copy lacks, as far as known; undefined for any other verdict. */
  readonly missingTail: MissingTail | undefined;
  /** Number of events in the shared region of a dead process, which the next open will add. */
  readonly waitingEvents: number;
  /**
   * Snapshots of a machine's state, by event. One that cannot be used is no problem of the log.
   */
  readonly snapshots: readonly SnapshotCheck[];
  /** What to do next. */
  readonly advice: string;
  /** Anything odd that does no harm, a sentence each. */
  readonly notes: readonly string[];
}
