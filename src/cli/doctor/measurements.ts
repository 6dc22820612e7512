// What the trials have measured, as data: findings are made of it, and tests make it up.

/** Each way brings events to disk, so that a power cut spares them. */
export type WayName = 'overwrite' | 'grow' | 'dsync' | 'batch' | 'durable';

export interface WayResult {
  readonly way: WayName;
  readonly commits: number;
  readonly eventsPerCommit: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly worstNs: number;
  /** Why it could not be done, or not to its end. */
  readonly refused: string | undefined;
}

/** What a log that was opened there found. */
export interface LogTrial {
  readonly sharedMemory: 'mapped' | 'portable';
  readonly sharedMemoryReason: string | undefined;
  readonly lock: 'flock' | 'none';
  readonly renameNoReplace: boolean;
  readonly allocate: boolean;
  readonly syncDirectory: boolean;
}

export interface Measurements {
  readonly ways: readonly WayResult[];
  /** What a log there is like; undefined where none could be opened. */
  readonly log: LogTrial | undefined;
  /** Why none could be opened: the error's code and message. */
  readonly logRefused: string | undefined;
  /** The longest commit of all: in which way, and how long after the start. */
  readonly longest:
    | { readonly way: WayName; readonly ns: number; readonly atMs: number }
    | undefined;
  /** Flushes that the kernel sent to the disks meanwhile; undefined where it does not count. */
  readonly flushes: number | undefined;
  /** The longest that a loop that does nothing but read the clock stood still. */
  readonly pauseNs: number;
  /** How long the control group was made to stand still meanwhile. */
  readonly throttledMs: number | undefined;
  readonly clockReadingNs: number;
  /** The largest step of the wall clock against the monotonic one. */
  readonly clockStepMs: number;
}

/** Facts are told without measurements where nothing can be written. */
export interface Trial {
  readonly measured: Measurements | undefined;
  /** Why nothing was measured. */
  readonly refused: string | undefined;
}

export const wayOf = (measured: Measurements | undefined, way: WayName): WayResult | undefined =>
  measured?.ways.find((each) => each.way === way && each.commits > 0);
