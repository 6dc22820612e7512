// What an inspection tells, as plain data.
import type { ConsumerStatus } from '../consumers/consumers.js';
import type { MissingTail, Verdict } from '../segment/verdict.js';

export interface SegmentInspection {
  /** File name without its folder. */
  readonly file: string;
  /** From the file's name. */
  readonly segmentIndex: number | undefined;
  /** Size of the file. */
  readonly bytes: number;
  /**
   * Of a compressed segment: bytes of the segment in the file, up to its end. Undefined for one
   * that is not compressed, and where it cannot be read.
   */
  readonly contentBytes: number | undefined;
  /** Up to the end of the last event or watermark block; undefined where that would need a walk. */
  readonly usedBytes: number | undefined;
  readonly events: number | undefined;
  readonly firstEventId: number | undefined;
  /** firstEventId - 1 while it is empty. */
  readonly lastEventId: number | undefined;
  readonly createdTsNs: bigint | undefined;
  readonly state: 'sealed' | 'finished' | 'active' | 'damaged';
  /** What is wrong with it, in words. */
  readonly defect: string | undefined;
}

export type MetaInspection =
  | {
      readonly status: 'present';
      readonly cleanlyClosed: boolean;
      readonly segmentIndex: number;
      readonly offset: number;
      readonly lastEventId: number;
      readonly durableEventId: number;
      /** Events before it were removed on purpose; 0: nothing was ever removed. */
      readonly firstKeptEventId: number;
    }
  | { readonly status: 'missing' }
  | { readonly status: 'damaged'; readonly reason: string };

/** How far a verification in the background (the option `verify` of `open`) has come. */
export interface VerificationInspection {
  readonly state: 'running' | 'sound' | 'damaged';
  readonly segments: number;
  readonly checkedSegments: number;
  readonly damagedSegments: number;
}

/** What keeps the oldest segment, which should be removed, at the last look of the maintainer. */
export interface HeldInspection {
  /** `needed`: by somebody, from `eventId` on. `damaged`: damage is evidence, and stays. */
  readonly reason: 'needed' | 'damaged';
  /** First event that is needed; undefined where it is damage. */
  readonly eventId: number | undefined;
  /** Consumers that need it: by their files as they are now, so none where they went on since. */
  readonly consumers: readonly string[];
}

export interface RegionInspection {
  /**
   * `in-use`: its owner lives. `waiting`: it is dead, and the next opening reads the region.
   * `uncertain`: it may be this log's and hold what the files lack, and the next opening refuses to
   * choose. `gone`: events may be missing with it.
   */
  readonly status:
    | 'none'
    | 'in-use'
    | 'waiting'
    | 'uncertain'
    | 'gone'
    | 'foreign'
    | 'other-boot'
    | 'damaged'
    | 'unsupported';
  readonly path: string | undefined;
  /** Events in it that are not in the files; only for `waiting`. */
  readonly unreadEvents: number | undefined;
  readonly pid: number | undefined;
  readonly reason: string | undefined;
}

export interface TailInspection {
  readonly verdict: Verdict;
  /** E of the last segment. */
  readonly offset: number;
  readonly durableEventId: number;
  readonly droppedEvents: number;
  readonly droppedBytes: number;
  /** The ids that a live copy lacks; undefined for any other verdict. */
  readonly missingTail: MissingTail | undefined;
}

/** A snapshot of a machine's state, as its header tells: its content is not read. */
export interface SnapshotInspection {
  /** File name without its folder. */
  readonly file: string;
  /** The last event that its state has. */
  readonly eventId: number;
  /** Undefined for one whose header cannot be read, as what follows. */
  readonly contentBytes: number | undefined;
  /** The machine's option `version`. */
  readonly version: number | undefined;
  readonly createdTsNs: bigint | undefined;
  /** What is wrong with it, in words. */
  readonly defect: string | undefined;
}

/**
 * What the replicator of a stream knew of it when it last said so. A hint: by now the stream may
 * have more, or another owner; the stream alone tells, to an append that it accepts.
 */
export interface StreamInspection {
  /** Name of the stream. */
  readonly stream: string;
  /** Whether a replicator is known to be at work. */
  readonly isFed: boolean;
  /** Whether the stream was this log's; undefined where nobody was known to have it. */
  readonly isOwner: boolean | undefined;
  /** The log that had the stream. */
  readonly ownerLogId: bigint | undefined;
  /** Of the owner's claim. */
  readonly epoch: number | undefined;
  /** The stream had the events of this log up to this one; 0: none. */
  readonly confirmedEventId: number | undefined;
  /** When that was so. */
  readonly reportedTsNs: bigint | undefined;
  /** Why the report tells nothing, in words. */
  readonly damage: string | undefined;
}

export interface LogInspection {
  readonly path: string;
  readonly logId: bigint | undefined;
  /** Of what is in the files; lastEventId = firstEventId - 1 while there is none. */
  readonly firstEventId: number;
  readonly lastEventId: number;
  /** Whether a process is known to have the log open; never asked by taking the lock. */
  readonly locked: boolean;
  readonly meta: MetaInspection;
  readonly region: RegionInspection;
  /** Of the process that has the log open, or had it when it was killed; undefined without one. */
  readonly verification: VerificationInspection | undefined;
  /** The same; undefined where everything that should be removed is. */
  readonly held: HeldInspection | undefined;
  /** By name. */
  readonly consumers: readonly ConsumerStatus[];
  /** Streams that the log was fed to, by name. */
  readonly streams: readonly StreamInspection[];
  /** By event. */
  readonly snapshots: readonly SnapshotInspection[];
  /** Oldest first. */
  readonly segments: readonly SegmentInspection[];
  /** Undefined without a readable last segment, and while the log is being written. */
  readonly tail: TailInspection | undefined;
  /** Whatever else lies in the folder: prepared files, names that are not ours. */
  readonly otherNames: readonly { readonly name: string; readonly kind: string }[];
}
