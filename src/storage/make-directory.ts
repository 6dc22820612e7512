// Making a folder and those above it. Node's own way to make all of them at once never ends, up to
// Node 24, where a folder that is there takes no other, as /proc does.
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemCode } from '../errors.js';

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Returns the uppermost folder that was made; undefined where all were there. */
export function makeDirectory(path: string, mode: number): string | undefined {
  const missing: string[] = [];
  for (let at = resolve(path); !isFolder(at) && dirname(at) !== at; at = dirname(at)) {
    missing.unshift(at);
  }
  for (const each of missing) makeOne(each, mode, path);
  return missing[0];
}

function makeOne(path: string, mode: number, last: string): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    // Somebody else has made it meanwhile.
    if (isFolder(path)) return;
    // A file is in the way, which Node 20 says when it looks, and later lines when they make what
    // is below it.
    if (resolve(last) !== path) mkdirSync(last, { mode });
    throw error;
  }
}
