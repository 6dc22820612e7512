// What the thread of a backup is given, and what it tells.
import type { SerializedError } from '../errors.js';
import type { BackupProgress, BackupReport, BackupRequest } from './backup-steps.js';

/** What the thread begins with. */
export interface BackupStart {
  readonly request: BackupRequest;
  /** One word: not 0, and it is to stop. */
  readonly stop: SharedArrayBuffer;
}

/** What it tells. */
export type BackupMessage =
  | { readonly kind: 'progress'; readonly progress: BackupProgress }
  | { readonly kind: 'done'; readonly report: BackupReport }
  | { readonly kind: 'refused'; readonly error: SerializedError };
