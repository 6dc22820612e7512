// A log that was to survive its process, and does not: told once, because a promise that is weaker
// than it looks is found out after the crash otherwise.
import type { Capabilities } from './open-log-handles.js';

const PORTABLE_RING_WARNING = 'FLASHSTRIKE_PORTABLE_RING';

let isTold = false;

/**
 * Warns, once in each thread of the application, where memory could not be shared though it was to
 * be.
 */
export function warnOfPortableRing(directory: string, capabilities: Capabilities): void {
  const { sharedMemory, sharedMemoryReason } = capabilities;
  if (isTold || sharedMemory === 'mapped' || sharedMemoryReason === undefined) return;
  isTold = true;
  const message =
    `${directory}: ${sharedMemoryReason}. The ring is in this process's own memory: kill -9 ` +
    'loses what was appended and not written yet (behind wal.writtenEventId). Make room there ' +
    '(Docker: --shm-size), name a folder on a tmpfs with sharedMemoryDirectory, or say that this ' +
    "is meant with sharedMemory: 'off'.";
  process.emitWarning(message, { code: PORTABLE_RING_WARNING });
}
