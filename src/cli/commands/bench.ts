// `bench`: the benchmarks, each in a process of its own so that none warms up or fills the heap of
// the next. What it prints goes straight through.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemCode, WalError } from '../../errors.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { writeLines } from '../output.js';

interface BenchOptions {
  readonly list: boolean;
}

const BENCH_DIRECTORY = fileURLToPath(new URL('../../../bench/', import.meta.url));
const SUFFIX = '.bench.js';

/** Names of all benchmarks in a folder, sorted. */
export function listBenches(directory: string = BENCH_DIRECTORY): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => name.slice(0, -SUFFIX.length))
      .sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Resolves to the benchmark's exit code; a signal ends it, too. */
const run = (name: string, args: readonly string[], interruption: Interruption): Promise<number> =>
  new Promise((resolve, reject) => {
    const file = `${BENCH_DIRECTORY}${name}${SUFFIX}`;
    const child = spawn(process.execPath, ['--expose-gc', file, ...args], { stdio: 'inherit' });
    const stop = (): boolean => child.kill('SIGTERM');
    interruption.signal.addEventListener('abort', stop, { once: true });
    child.on('error', reject);
    child.on('exit', (code) => {
      interruption.signal.removeEventListener('abort', stop);
      resolve(code ?? EXIT.failed);
    });
  });

/** `names` are checked by the caller against {@link listBenches}; none means all. */
export async function bench(
  names: readonly string[],
  args: readonly string[],
  { list }: BenchOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const all = listBenches();
  if (list) {
    await writeLines(stdout, all.map((name) => `${name}\n`).join(''));
    return EXIT.done;
  }
  if (all.length === 0) {
    throw new WalError('ERR_FLASHSTRIKE_IO', `${BENCH_DIRECTORY}: there are no benchmarks here`, {
      path: BENCH_DIRECTORY,
    });
  }
  const interruption = new Interruption();
  try {
    for (const name of names.length === 0 ? all : names) {
      terminal.line(terminal.dim(`bench ${name}`));
      const exitCode = await run(name, args, interruption);
      if (interruption.exitCode !== undefined) return interruption.exitCode;
      if (exitCode !== 0) {
        terminal.line(`bench ${name} failed with exit code ${exitCode}`);
        return EXIT.failed;
      }
    }
    return EXIT.done;
  } finally {
    interruption.dispose();
  }
}
