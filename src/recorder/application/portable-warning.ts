// A log that was to survive its process, and does not: told once, because a promise that is weaker
// than it looks is found out after the crash otherwise.
import type { Capabilities } from './open-log-handles.js';

const PORTABLE_RING_WARNING = 'FLASHSTRIKE_PORTABLE_RING';

let isTold = false;

/**
 * Warns, once per thread of the application, where memory could not be shared although it should
 * have been.
 */
export function warnOfPortableRing(directory: string, capabilities: Capabilities): void {
  const { sharedMemory, sharedMemoryReason } = capabilities;
  if (isTold || sharedMemory === 'mapped' || sharedMemoryReason === undefined) return;
  isTold = true;
  const message =
    `${directory}: ${sharedMemoryReason}. The ring is in this process's own memory: kill -9 ` +
    'loses what was appended but not written yet (after wal.writtenEventId). Make room there ' +
    '(Docker: --shm-size), set sharedMemoryDirectory to a folder on a tmpfs, or set ' +
    "sharedMemory: 'off' if that is intended.";
  process.emitWarning(message, { code: PORTABLE_RING_WARNING });
}
