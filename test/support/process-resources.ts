// What a process holds of the machine, as /proc tells it.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../src/errors.js';

/** Why this cannot be counted here, or false. */
export const cannotCount: string | false = existsSync('/proc/self/fd')
  ? false
  : 'there is no /proc here that lists descriptors and threads';

/** The targets of all open descriptors, sorted. */
export function descriptors(pid: number | 'self' = 'self'): string[] {
  const folder = `/proc/${pid}/fd`;
  const targets: string[] = [];
  for (const fd of readdirSync(folder)) {
    try {
      targets.push(readlinkSync(join(folder, fd)));
    } catch (error) {
      // The listing's own descriptor is closed by now.
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
  return targets.sort();
}

/** Open descriptors of files below `folder`. */
export const descriptorsBelow = (folder: string, pid?: number): string[] =>
  descriptors(pid).filter((target) => target.startsWith(`${folder}/`));

/** The ids of all threads, those included that have ended and are about to go. */
export const threads = (pid: number | 'self' = 'self'): string[] =>
  readdirSync(`/proc/${pid}/task`);

/** What there is now beyond what was there before: each as often as it is there more often. */
export function beyond(before: readonly string[], now: readonly string[]): string[] {
  const known = [...before];
  return now.filter((each) => {
    const at = known.indexOf(each);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

/** Mappings of files below `folder`. */
export const mappingsBelow = (folder: string): string[] =>
  readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`${folder}/`));
