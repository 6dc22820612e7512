// What the server tells the page: plain data, numbers in the units that their names say. Types
// only, because both sides import it.

import type { Trouble } from '../diagnosis/trouble.js';
import type { Bucket, Stage } from './bucket.js';

/** One push: all logs as they are, and the seconds that have passed since the last push. */
export interface Push {
  /** Milliseconds since 1970, by the clock of the server's machine. */
  readonly atMs: number;
  /** The version of the dashboard. */
  readonly version: string;
  readonly logs: readonly LogPush[];
}

export interface LogPush {
  readonly now: LogNow;
  readonly fine: readonly Bucket[];
  /** With the first push of a connection only: begin anew with these. */
  readonly coarse?: readonly Bucket[];
}

/** A trouble, and when it was there. */
export interface Incident extends Trouble {
  readonly fromMs: number;
  /** Undefined: it is there now. */
  readonly toMs?: number;
}

/** A wait that took long, as it was recorded. */
export interface StallNow {
  readonly startMs: number;
  readonly durationMs: number;
  readonly lasts: boolean;
  /** `durable, append` */
  readonly waited: string;
  /** One, or `several: …`. */
  readonly cause: string;
  /** `sync 197 ms (95 %), scheduler 8.10 ms (4 %)` */
  readonly wentTo: string;
  /** What is to be done, as sentences. */
  readonly remedy: string;
}

export interface LogNow {
  readonly name: string;
  readonly directory: string;
  /** `running, open` */
  readonly state: string;
  /** Whether that is as it should be, troubles included. */
  readonly standing: 'well' | 'warning' | 'error';
  readonly troubles: readonly Trouble[];
  /** Those of now first, then the latest. */
  readonly incidents: readonly Incident[];
  /** Those that were seen since the dashboard was started, the latest first. */
  readonly stalls: readonly StallNow[];
  readonly segments?: SegmentMap;
  /** Undefined: the log was never seen open since the dashboard was started. */
  readonly seen?: SeenLog;
}

export interface SeenLog {
  readonly isRunning: boolean;
  readonly pid: number;
  readonly uptimeNs: number;
  readonly version: string;
  readonly node: string;
  readonly recovery?: { readonly isTorn: boolean; readonly text: string };
  /** Of the last second; absent without one. */
  readonly rates?: Rates;
  readonly appendedEventId: number;
  readonly writtenEventId: number;
  readonly durableEventId: number;
  readonly lagEvents: number;
  readonly lagBytes: number;
  readonly lagNs: number;
  readonly waitingBytes: number;
  readonly ringBytes: number;
  readonly ringCapacityBytes: number;
  readonly ringHighestBytes: number;
  /** 0: not known. */
  readonly diskFreeBytes: number;
  readonly times: readonly TimeNow[];
  readonly preparer: PreparerNow;
  /** Undefined: the log is fed to no stream. */
  readonly replication?: ReplicationNow;
  readonly consumers: readonly ConsumerNow[];
  readonly threads: readonly ThreadNow[];
  /** Bytes of content for one byte of compressed file; 0: nothing was compressed. */
  readonly compressionRatio: number;
}

interface Rates {
  readonly events: number;
  readonly bytes: number;
  readonly blocks: number;
  readonly syncs: number;
}

/** How long something takes. */
export interface TimeNow {
  readonly name: string;
  /** Of the last seconds; if there was none in them, of all since the log was opened. */
  readonly isRecent: boolean;
  readonly perSecond: number;
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly longestNs: number;
  /** The longest since the log was opened. */
  readonly worstNs: number;
  /** One that has not ended; 0: there is none. */
  readonly lastingNs: number;
}

/** A time as the founding document prints it. */
export interface DurationNow {
  readonly samples: number;
  readonly totalNs: number;
  readonly minNs: number;
  readonly maxNs: number;
}

/** All since the log was opened, but for what says otherwise. */
export interface PreparerNow {
  readonly getNextSegment: DurationNow;
  readonly p99Ns: number;
  /** Of the last seconds; 0: there was none. */
  readonly recentMaxNs: number;
  /** A wait that has not ended; 0: nobody waits. */
  readonly waitingNs: number;
  readonly ready: number;
  readonly waited: number;
  readonly failed: number;
  /** Now. */
  readonly ahead: number;
  readonly aheadLimit: number;
  /** The fewest that a call has found; undefined before the first call. */
  readonly aheadLow?: number;
  readonly prepared: number;
  readonly hurried: number;
  readonly recycled: number;
  readonly zeroedBytes: number;
  readonly prepare: DurationNow & { readonly failures: number };
  readonly stages: Readonly<Record<Stage, DurationNow>>;
}

/** Of several streams the one that is furthest behind; counts are of its replicator. */
export interface ReplicationNow {
  readonly state: 'fenced' | 'waiting' | 'behind' | 'well';
  readonly streams: number;
  readonly confirmedEventId: number;
  /** Of the last claim; 0: none was accepted yet. */
  readonly epoch: number;
  readonly lagEvents: number;
  /** Estimated. */
  readonly lagBytes: number;
  /** Of the oldest event that was sent and is not confirmed; 0: there is none. */
  readonly lagNs: number;
  /** For how long the engine is waited for; 0: it is not. */
  readonly waitNs: number;
  /** Since the engine has accepted a block; 0: it never has. */
  readonly answeredNs: number;
  readonly acknowledge: DurationNow;
  readonly p50Ns: number;
  readonly p99Ns: number;
  /** Failed calls, by reason. */
  readonly resyncs: Readonly<Record<'conflict' | 'full' | 'timeout' | 'unavailable', number>>;
  readonly claims: number;
  readonly foundStored: number;
  readonly regressions: number;
  readonly regressedEvents: number;
}

export interface ConsumerNow {
  readonly name: string;
  readonly state: 'active' | 'dropped' | 'ahead' | 'damaged';
  readonly acknowledgedEventId?: number;
  readonly lagEvents?: number;
  readonly lagBytes?: number;
  readonly lagMs?: number;
}

export interface ThreadNow {
  readonly name: string;
  /** Undefined: it has not begun. */
  readonly ageNs?: number;
  readonly isStale: boolean;
  /** Another log, at which it is. */
  readonly elsewhere?: string;
}

type SegmentState = 'hot' | 'cold' | 'active';

export interface SegmentNow {
  readonly index: number;
  readonly bytes: number;
  readonly state: SegmentState;
}

export interface SegmentMap {
  /** The newest, by index. */
  readonly shown: readonly SegmentNow[];
  /** Of all. */
  readonly hot: number;
  readonly cold: number;
  readonly bytes: number;
  /** Segments that are not there any more: indexes begin with 1. */
  readonly freed: number;
  /** Ready to be taken. */
  readonly ready: number;
  /** Files that are being made. */
  readonly making: number;
}
