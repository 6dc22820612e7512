// Whether a process holds a log, or a file of it, without taking it: a look must not make another's
// open fail. It holds the folder and LOCK, where folders can be locked; LOCK may have been taken
// away since.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import { LOCK_FILE } from './lock-name.js';
import type { Storage } from './storage.js';

const KERNEL_LOCKS = '/proc/locks';

/** As far as the kernel shows it to this process (Linux; not the locks of other containers). */
export function isLockHeld(storage: Storage, dir: string): boolean {
  // The point (`join` would take it away): where `dir` is a link, the folder is what it leads to.
  return isOneLocked(storage, [join(dir, LOCK_FILE), `${dir}/.`]);
}

/** The same of one file. */
export const isFileLocked = (storage: Storage, path: string): boolean =>
  isOneLocked(storage, [path]);

function isOneLocked(storage: Storage, paths: readonly string[]): boolean {
  const named = paths.map((path) => storage.statusAt(path));
  const locks = kernelLocks();
  return named.some(
    (status) => status !== undefined && holdsFlock(locks, status.device, status.inode),
  );
}

/** Whether a text as in /proc/locks lists an exclusive flock of that file. */
export function holdsFlock(locks: string, device: bigint, inode: bigint): boolean {
  const hex = (value: bigint): string => value.toString(16).padStart(2, '0');
  // As glibc splits a device number: 12 + 20 bits of major, 8 + 24 of minor.
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  const file = `${hex(major)}:${hex(minor)}:${inode}`;
  return locks
    .split('\n')
    .some((line) => /\bFLOCK\b.*\bWRITE\b/.test(line) && line.split(/\s+/).includes(file));
}

function kernelLocks(): string {
  try {
    return readFileSync(KERNEL_LOCKS, 'latin1');
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    // Another system, or a container that hides it.
    return '';
  }
}
