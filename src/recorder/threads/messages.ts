// What passes between the application thread and the workers: at the start and at the end only.
import type { WallAnchor } from '../../clock/wall-clock.js';
import type { SerializedError } from '../../errors.js';
import type { RecoveryReport } from '../../recovery/recover-log.js';
import type { RegionHandle } from '../../region/shared-region.js';
import type { CustodyLine, HeldLog } from './custody.js';
import type { ResolvedOptions } from './wal-options.js';

export interface WriterData {
  readonly directory: string;
  readonly options: ResolvedOptions;
  readonly signals: SharedArrayBuffer;
  /** By which it asks the application's thread for the descriptors that hold the log. */
  readonly custody: CustodyLine;
  /** When Wal.open was called, in whole nanoseconds of the monotonic clock. */
  readonly calledNs: number;
}

/** The log is locked, recovered, and its region is there. */
export interface WriterReady {
  readonly kind: 'opened';
  readonly logId: bigint;
  readonly nextEventId: number;
  readonly firstTicket: number;
  readonly anchor: WallAnchor;
  /** The latest time that the log tells of: no timestamp lies before it. */
  readonly lastTimestampNs: bigint;
  /** When the writer thread was done with it, in whole nanoseconds of the monotonic clock. */
  readonly handedNs: number;
  readonly region: RegionHandle;
  readonly sharedMemoryReason: string | undefined;
  /** What holds the log. */
  readonly held: HeldLog;
  readonly recovery: RecoveryReport;
  /** Calls that the thread's storage was refused while it opened the log, and did without. */
  readonly doneWithout: readonly string[];
}

/** A helper has loaded what it needs and waits for its start. */
export interface Ready {
  readonly kind: 'ready';
}

/** A helper has got its start: from here on it may die at any time without harm to others. */
export interface Running {
  readonly kind: 'running';
}

/** The worker could not do its work, at the start or at the end. */
export interface Refused {
  readonly kind: 'refused';
  readonly error: SerializedError;
}

/** The first damage that the verification in the background has found; the log goes on. */
export interface Damage {
  readonly kind: 'damage';
  readonly error: SerializedError;
}

/** All that the worker had to do before it ends is done. */
export interface Ended {
  readonly kind: 'ended';
}

export interface HelperStart {
  readonly directory: string;
  readonly options: ResolvedOptions;
  readonly logId: bigint;
  readonly firstTicket: number;
  readonly held: HeldLog;
  readonly region: RegionHandle;
}
