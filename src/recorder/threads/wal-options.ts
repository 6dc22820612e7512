// What `Wal.open` may be told; all threads of a log get it.

import type { OldRingChoice } from '../../judgement/region-verdict.js';
import type { RecoveryMode, VerifyMode } from '../../recovery/recover-log.js';

export type SyncMode = 'interval' | 'every-block' | 'manual';

export interface SyncOptions {
  /**
   * When blocks are synced without anyone waiting in `durable()`: `interval` when a block is
   * `intervalMs` old (an event is on disk at most two intervals and a sync after it was appended),
   * `every-block` after each block, `manual` only when asked.
   */
  readonly mode: SyncMode;
  readonly intervalMs: number;
}

/** Options of {@link Wal.open}; all may differ from one opening to the next. */
export interface WalOptions {
  /** Size of new segment files; a multiple of 4096, 64 KiB … 1 GiB. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** Size of the ring; a power of two, 64 KiB … 1 GiB. Default 16 MiB. */
  readonly ringBytes?: number;
  /**
   * Largest payload accepted. Default, and the most: the smallest of `ringBytes` / 4, one block of
   * 1 MiB, and `segmentBytes` - 36 KiB, less 88 bytes for headers. So never above 1,048,488.
   */
  readonly maxEventBytes?: number;
  /** Segments kept ready, 1 … 4. Default 2. */
  readonly preparedSegments?: number;
  readonly sync?: Partial<SyncOptions>;
  /** How long `append` waits for room in a full ring before it throws. Default 10,000. */
  readonly stallTimeoutMs?: number;
  /** `precise` reads the clock for each event; `coarse` takes the writer thread's last reading. */
  readonly timestamps?: 'precise' | 'coarse';
  /**
   * What to do with the end that a crash left. `default` sets a torn write aside (never durable,
   * counted in `wal.recovery`) and refuses damage, and where it cannot tell; `strict` refuses a
   * torn write, too; `tolerate-tail` goes on where it cannot be told; `accept-loss` goes on where
   * segments before the last one are damaged or missing, and names in `wal.recovery.losses` what is
   * lost; `accept-copy` takes a folder that lacks a tail for the copy of a log that was being
   * written (one that provably is opens by itself, but for `strict`). None opens over other damage
   * at the end of the log: `salvage` reads what stands behind it. Default `default`.
   */
  readonly recovery?: RecoveryMode;
  /**
   * What is read of the finished segments, whose names, sizes and headers are always chained:
   * nothing more (`tail`), every block before the log opens (`all`), or every block while it is
   * open (`background`, told by `wal.verification`). Default `tail`.
   */
  readonly verify?: VerifyMode;
  /**
   * What to do with the shared region of a crashed process that may be this log's, where that
   * cannot be proven (another user's, or found in a moved copy), and that holds events which the
   * files lack: `refuse` the open, `take` its events where they connect, or `leave` it where it is
   * and go on without them, for good. Default `refuse`.
   */
  readonly oldRing?: OldRingChoice;
  /** `required`: an error where memory cannot be shared with the next process; `off`: never. */
  readonly sharedMemory?: 'auto' | 'required' | 'off';
  /** Folder of the shared region, on a tmpfs. Default `/dev/shm`. */
  readonly sharedMemoryDirectory?: string;
  /** One in so many appends is timed; 0 times none. Default 64. */
  readonly appendSampling?: number;
  /** Create the folder and the log where there is none. Default true. */
  readonly create?: boolean;
  /** `none`: where no file lock can be had, and you make sure of one writer yourself. */
  readonly lock?: 'flock' | 'none';
}

export interface ResolvedOptions extends Required<Omit<WalOptions, 'sync'>> {
  readonly sync: SyncOptions;
}
