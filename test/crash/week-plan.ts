// What the parent of a week and its child agree on: a log with a size cap, whose old segments are
// compressed, and three consumers that hold it.
import { rmSync } from 'node:fs';
import { codeOf } from '../../src/errors.js';
import type { BackupReport, Wal, WalOptions } from '../../src/index.js';

export interface WeekPlan {
  readonly options: WalOptions;
  /** Events that are appended before each wait for the disk. */
  readonly batch: number;
  /** The prompt one acknowledges so many at a time. */
  readonly promptEvents: number;
  /** The slow one lets so many events come together before it deals with them. */
  readonly slowEvents: number;
  /** The mortal one stops reading after so many, and is dropped when it lags so many bytes. */
  readonly mortalEvents: number;
  readonly mortalLagBytes: number;
}

/** Where the log in a folder is backed up to, again and again. */
export const backupOf = (directory: string): string => `${directory}-backup`;

/** Takes the last one up, or begins anew where the log has removed what would follow in it. */
export async function backUp(wal: Wal, target: string): Promise<BackupReport> {
  try {
    // With what the log has removed the backup would grow for ever.
    return await wal.backup(target, { prune: true });
  } catch (error) {
    if (codeOf(error) !== 'ERR_FLASHSTRIKE_EXPIRED') throw error;
    rmSync(target, { recursive: true, force: true });
    return await backUp(wal, target);
  }
}

/** Held on to whatever happens; the third one, `mortal`, is dropped when it is dead. */
export const HOLDING = ['prompt', 'slow'] as const;
export const MORTAL = 'mortal';

/**
 * What the child tells, in a file, as doubles: events appended and durable, then of `prompt` and of
 * `slow` what they are about to acknowledge, and what they have; events that all three were given;
 * how often `mortal` had been dropped.
 */
export const Told = {
  appended: 0,
  durable: 1,
  asked: [2, 4],
  acknowledged: [3, 5],
  delivered: 6,
  dropped: 7,
} as const;
export const WEEK_TOLD = 8;
