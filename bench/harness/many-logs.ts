// Many logs of one process.
import { join } from 'node:path';
import { Wal } from '../../src/index.js';

/** So many are opened at the same time. */
const OPENED_TOGETHER = 10;

export async function openLogs(folder: string, count: number): Promise<Wal[]> {
  const logs: Wal[] = [];
  while (logs.length < count) {
    const more = Math.min(OPENED_TOGETHER, count - logs.length);
    const paths = Array.from({ length: more }, (_, at) => join(folder, `log-${logs.length + at}`));
    logs.push(...(await Promise.all(paths.map((path) => Wal.open(path)))));
  }
  return logs;
}

export const closeLogs = (logs: readonly Wal[]): Promise<unknown> =>
  Promise.all(logs.map((wal) => wal.close()));
