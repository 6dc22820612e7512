// The options of `Wal.open`; all threads of a log get them.

import type { OldRingChoice } from '../../judgement/region-verdict.js';
import type { RecoveryMode, VerifyMode } from '../../recovery/recover-log.js';

/**
 * When blocks are synced while nobody waits in `durable()`.
 * - `interval`: when a block is `intervalMs` old; an event is on disk at most two intervals and a
 *   sync after it was appended
 * - `every-block`: after each block
 * - `manual`: only for `durable()`, a rotation and `close`
 *
 * In all of them also when `maxUnsyncedBytes` are written.
 */
export type SyncMode = 'interval' | 'every-block' | 'manual';

/** See {@link SyncMode}. */
export interface SyncOptions {
  /** Default `interval`. */
  readonly mode: SyncMode;
  /** Milliseconds. Default 10. */
  readonly intervalMs: number;
  /**
   * So many written bytes are synced in any mode, also if nobody waits: it limits how long one sync
   * takes, while appends wait in the ring. 64 KiB … 1 GiB. Default 8 MiB.
   */
  readonly maxUnsyncedBytes: number;
}

/**
 * What the files of the next segments are made of.
 * - `zero`: allocated, filled with zeros and synced, so that a sync of events writes events only
 * - `recycle`: the files of segments that `retention` or `deleteBefore` removes, as far as they
 *   have the size of new ones, one name, and are open nowhere; else as `zero`. What was written
 *   once is not filled with zeros again
 * - `allocate`: allocated only. The first sync of each part also writes the file system's journal
 */
export type Preallocation = 'recycle' | 'zero' | 'allocate';

/**
 * Which finished segments are kept: the oldest ones go, one at a time, while there is more than any
 * of these allows. The segment that is written to is always kept. A log that is written faster than
 * they can go outgrows `segments` and `bytes` by a quarter, or by four segments where that is more,
 * and then waits; it does not wait for what cannot be removed at all (docs/RETENTION.md).
 */
export interface RetentionOptions {
  /** Number of finished segments, 1 … 1,000,000. */
  readonly segments?: number;
  /**
   * Bytes of all segment files, the one that is written to included; at least 65,536. Prepared
   * segments come on top.
   */
  readonly bytes?: number;
  /**
   * Milliseconds since the last event of a segment, 1 … 3,153,600,000,000. After a step of the
   * clock, or a long time closed, it takes a while until older events go.
   */
  readonly ageMs?: number;
}

/** Options of `Wal.open`; all may differ from one open to the next. */
export interface WalOptions {
  /**
   * Size up to which segment files grow: a log begins with 256 KiB, and each new one is larger. A
   * multiple of 4096, 64 KiB … 1 GiB. Default 64 MiB.
   */
  readonly segmentBytes?: number;
  /**
   * Size up to which the ring grows: a log begins with 256 KiB, and a full ring doubles. A power of
   * two, 64 KiB … 1 GiB. Default 16 MiB.
   */
  readonly ringBytes?: number;
  /**
   * Largest payload that is accepted: at most 64 MiB, and no more than `ringBytes` / 4 and
   * `segmentBytes` - 36 KiB allow, less 88 bytes for headers. The default is that maximum, but not
   * above 1,048,488, with which a block has 1 MiB. With more, a block may be as long as an event:
   * readers need memory for one, the second segment of the log is made as large, and versions that
   * do not know such blocks refuse to read what is written from then on.
   */
  readonly maxEventBytes?: number;
  /**
   * Number of segments kept ready, 1 … 4, at most: as many as the log would use within seconds. One
   * more each time the log has to wait for a full-sized one, up to 4. Default 2.
   */
  readonly preparedSegments?: number;
  /**
   * What the files of the next segments are made of; see {@link Preallocation}. Default `zero`.
   */
  readonly preallocate?: Preallocation;
  /** When to sync. Default: `interval`, 10 ms, at most 8 MiB; see {@link SyncOptions}. */
  readonly sync?: Partial<SyncOptions>;
  /**
   * Milliseconds that `append` waits for room in a full ring before it throws, and `durableSync`
   * for the disk. Default 10,000.
   */
  readonly stallTimeoutMs?: number;
  /**
   * A wait of `append`, of `durable()`, or of the log for its next segment that takes so many
   * milliseconds is a stall: what happened around it is recorded, and `flashstrike stalls` tells
   * what it was. 1 … 3,600,000; 0: nothing is recorded. Default 100.
   */
  readonly stallThresholdMs?: number;
  /**
   * `precise` reads the clock for each event or batch. `coarse` uses the last reading of the writer
   * thread, or of the last append that was timed (`appendSampling`), whichever is later: that
   * costs less than half, and is as old as 64 appends take, or, where events come seldom or in
   * batches, as the writer thread sleeps (at most 50 ms) or is held up by the disk. Neither ever
   * goes backwards. Default `precise`.
   */
  readonly timestamps?: 'precise' | 'coarse';
  /**
   * What to do with damage that the open finds; see {@link RecoveryMode}. Default `default`.
   */
  readonly recovery?: RecoveryMode;
  /**
   * How much of the finished segments to verify; see {@link VerifyMode}. Default `tail`.
   */
  readonly verify?: VerifyMode;
  /**
   * What to do with the shared region of a crashed process that may belong to this log, where that
   * cannot be proven (it belongs to another user, or was found for a moved copy), and that holds
   * events which the files lack: `refuse` the open, `take` its events if they continue the files,
   * or `leave` it untouched and continue without its events for good. Default `refuse`.
   */
  readonly oldRing?: OldRingChoice;
  /**
   * Whether the ring is in memory that survives this process: `auto` where that is possible,
   * `required` throws where it is not, `off` never. Default `auto`.
   */
  readonly sharedMemory?: 'auto' | 'required' | 'off';
  /** Folder of the shared region, on a tmpfs. Default `/dev/shm`. */
  readonly sharedMemoryDirectory?: string;
  /** One append in this many is timed; 0: none. Default 64. */
  readonly appendSampling?: number;
  /**
   * `shared`: where more logs of the disk are open than there are threads that write (three),
   * several are written by one thread, each in its turn: a log may wait for another's sync. `own`:
   * the log has three threads to itself. Default `shared`.
   */
  readonly threads?: 'shared' | 'own';
  /**
   * Which finished segments are kept; see {@link RetentionOptions}. Damaged segments are never
   * removed, and nothing behind them either. Default: all are kept.
   */
  readonly retention?: RetentionOptions;
  /**
   * `lz4`: finished segments are compressed while the log is open, each verified before and
   * compared afterwards; see `hotSegments`. `none`: none is, and those that are stay so. Default
   * `none`.
   */
  readonly compression?: 'none' | 'lz4';
  /**
   * So many of the newest finished segments are not compressed, 0 … 1,000,000. Default 4.
   */
  readonly hotSegments?: number;
  /** Create the folder and the log if they do not exist. Default true. */
  readonly create?: boolean;
  /**
   * Milliseconds that `Wal.open` waits while another process, or another opening in this one, holds
   * the log, before it throws ERR_FLASHSTRIKE_LOCKED: for a service whose successor starts while
   * it ends. 0 … 2,147,483,647. Default 0.
   */
  readonly lockTimeoutMs?: number;
  /**
   * `none`: open without a file lock, where none is available and you can make sure that there is
   * only one writer. Default `flock`.
   */
  readonly lock?: 'flock' | 'none';
  /**
   * Ends the opening: it rejects with the reason at once. What was begun ends behind that: a log
   * that is open after all is closed again, and until then refuses another opening as locked. Once
   * `open` has resolved it means nothing.
   */
  readonly signal?: AbortSignal | undefined;
}

export interface ResolvedOptions
  extends Required<Omit<WalOptions, 'sync' | 'retention' | 'signal'>> {
  readonly sync: SyncOptions;
  readonly retention: RetentionOptions | undefined;
}
