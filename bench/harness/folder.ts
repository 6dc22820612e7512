// Where benchmarks write, and how much: small inside the tests, large on demand.
import { mkdtempSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { WalOptions } from '../../src/index.js';
import { removeFolder } from './remove-folder.js';

/** Scales the work: 1 by default, far below 1 inside the tests. */
export const scale = Number(process.env['FLASHSTRIKE_BENCH_SCALE'] ?? '1');

export const scaled = (count: number): number => Math.max(1, Math.round(count * scale));

/**
 * What small runs give to the logs that they open, so that they do not wait for 64 MiB of zeros.
 * Large runs have the defaults, as applications do.
 */
export const logSizes: WalOptions =
  scale < 1 ? { segmentBytes: 4 * 2 ** 20, ringBytes: 2 ** 20 } : {};

/** On the disk of the current folder by default: the syncs of a tmpfs cost nothing. */
export const benchDirectory = (): string =>
  resolve(process.env['FLASHSTRIKE_BENCH_DIRECTORY'] ?? '.');

/** What ends a benchmark early. */
export const ENDING = ['SIGINT', 'SIGTERM'] as const;

/** Runs `body` with a fresh folder, which is removed behind it, also when a signal ends it. */
export async function withFolder<T>(body: (folder: string) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(benchDirectory(), 'flashstrike-bench-'));
  const end = (signal: NodeJS.Signals): void => {
    // First: Ctrl-C reaches the whole group, and the runner passes it on, so it comes twice.
    removeFolder(folder);
    for (const each of ENDING) process.off(each, end);
    // Once more, and to nobody who listens: the exit code says what ended it.
    process.kill(process.pid, signal);
  };
  for (const signal of ENDING) process.on(signal, end);
  try {
    return await body(folder);
  } finally {
    for (const signal of ENDING) process.off(signal, end);
    removeFolder(folder);
  }
}
