// How long an open takes, in a fresh process and beside a log that is open already.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Wal } from '../../src/index.js';
import { logSizes } from '../harness/folder.js';

const CHILD = fileURLToPath(new URL('child.js', import.meta.url));

/** Milliseconds of `Wal.open` alone, without the start of the process. */
export async function openFresh(directory: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, directory]);
  return Number(stdout);
}

/** The same in this process. */
export async function openHere(directory: string): Promise<number> {
  const startMs = performance.now();
  const wal = await Wal.open(directory, logSizes);
  const openedMs = performance.now() - startMs;
  wal.append(new Uint8Array(40));
  await wal.close();
  return openedMs;
}
