// `backup`: copies a log, which may be open, into a folder, on a thread of its own: neither the
// application's thread nor those of the log wait for it.
import { resolve } from 'node:path';
import { deserializeError, errorOf } from '../errors.js';
import {
  checkCallback,
  checkDirectory,
  checkFlag,
  checkLockMode,
  checkOptionNames,
  checkSignal,
} from '../reading/event-range.js';
import { startThread, threadDeath } from '../recorder/threads/thread-start.js';
import type { BackupMessage, BackupStart } from './backup-messages.js';
import type { BackupProgress, BackupReport, BackupRequest } from './backup-steps.js';

/** Options of {@link backup} and `wal.backup`. */
export interface BackupOptions {
  /**
   * Remove from the target what the log does not have any more. Default false: the backup keeps
   * what retention removes from the log.
   */
  readonly prune?: boolean | undefined;
  /**
   * `none` for a target on a disk without file locks: you make sure that nobody else writes there.
   * Default `flock`.
   */
  readonly lock?: 'flock' | 'none' | undefined;
  /** Ends the backup early: the report is not `complete`, and the next call goes on from there. */
  readonly signal?: AbortSignal | undefined;
  /** Called from time to time with what is copied so far. */
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
}

/**
 * Makes a backup of the log in `dir`, which may be open in any process, in `target`: a new or empty
 * folder, or an earlier backup of the log, to which what is new is added. The backup has all events
 * that were durable when it was called, is verified while it is copied, and is a log that opens.
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT if the log is damaged, _EXPIRED if it has removed events
 * that would follow those in `target`, _WRONG_LOG if `target` is of another log or was continued,
 * _NO_SPACE, _ACCESS, _LOCKED, _IO, _NOT_A_LOG, _INVALID_ARGUMENT; the backup that was there before
 * is unharmed then
 * @example
 * import { backup } from 'flashstrike';
 *
 * const { copiedSegments, lastEventId } = await backup('./orders', '/mnt/backup/orders');
 * console.log(`${copiedSegments} segments copied, up to event ${lastEventId}`);
 */
export async function backup(
  dir: string | URL,
  target: string | URL,
  options: BackupOptions = {},
): Promise<BackupReport> {
  return backupOf(checkDirectory(dir), target, options);
}

/** What an open log knows of itself. */
type KnownLog = Pick<BackupRequest, 'durableEventId' | 'logId'>;

/** {@link backup} of a log that this process may have open. */
export async function backupOf(
  dir: string,
  target: string | URL,
  options: BackupOptions,
  known: KnownLog = {},
): Promise<BackupReport> {
  const targetPath = resolve(checkDirectory(target));
  checkOptionNames(options, ['prune', 'lock', 'signal', 'onProgress']);
  const { prune, lock, signal, onProgress } = options;
  checkSignal(signal);
  checkCallback('onProgress', onProgress);
  const request: BackupRequest = {
    source: resolve(dir),
    target: targetPath,
    prune: checkFlag('prune', prune),
    lock: checkLockMode(lock),
    ...known,
  };
  return onThread(request, signal, onProgress);
}

function onThread(
  request: BackupRequest,
  signal: AbortSignal | undefined,
  onProgress: BackupOptions['onProgress'],
): Promise<BackupReport> {
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const onAbort = (): void => {
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
  };
  if (signal?.aborted === true) onAbort();
  const start: BackupStart = { request, stop: stop.buffer };
  const moduleOf = (): URL => new URL('./backup-thread.js', import.meta.url);
  const worker = startThread('backup', moduleOf, start);
  signal?.addEventListener('abort', onAbort, { once: true });
  return new Promise<BackupReport>((resolveReport, reject) => {
    let end: (() => void) | undefined;
    let death: Error | undefined;
    worker.on('message', (message: BackupMessage) => {
      if (message.kind === 'progress') tell(message.progress);
      else if (message.kind === 'done') end ??= () => resolveReport(message.report);
      else end ??= () => reject(deserializeError(message.error));
    });
    worker.on('error', (error) => {
      death = errorOf(error);
    });
    // Once it has ended all that it had open is closed: LOCK of the target, too.
    worker.once('exit', (code) => {
      signal?.removeEventListener('abort', onAbort);
      const how = `exit code ${code}`;
      const advice = 'Make the backup again.';
      if (end !== undefined) end();
      else reject(threadDeath('backup', request.source, death, how, advice));
    });
    const tell = (progress: BackupProgress): void => {
      try {
        onProgress?.(progress);
      } catch (error) {
        onAbort();
        // Whatever the thread comes to: it was stopped for this.
        end ??= () => reject(error);
      }
    };
  });
}
