// Which disk a folder is on, or would be: logs of one disk wait for each other, and for no others.
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isOperational } from '../errors.js';

/** The number of the disk that the folder is on, or would be created on. */
export function diskOf(directory: string): string {
  for (let path = directory; ; path = dirname(path)) {
    const device = deviceAt(path);
    if (device !== undefined) return device;
    if (path === dirname(path)) return '';
  }
}

/** Undefined where there is nothing, or nothing that may be looked at: the open will tell. */
function deviceAt(path: string): string | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })?.dev.toString();
  } catch (error) {
    if (!isOperational(error)) throw error;
    return undefined;
  }
}
