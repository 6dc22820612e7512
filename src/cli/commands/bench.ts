// `bench`: the benchmarks, which are a program of their own. What it prints goes straight through.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WalError } from '../../errors.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';

/** Beside `src`, of which nothing is imported from there. */
const BENCH_DIRECTORY = fileURLToPath(new URL('../../../bench/', import.meta.url));
const PROGRAM = join(BENCH_DIRECTORY, 'main.js');

/** @param args of the program: names of benchmarks, and options */
export async function bench(args: readonly string[]): Promise<number> {
  if (!existsSync(PROGRAM)) {
    throw new WalError('ERR_FLASHSTRIKE_IO', `${PROGRAM}: there are no benchmarks here`, {
      path: PROGRAM,
    });
  }
  const interruption = new Interruption();
  try {
    const exitCode = await run(args, interruption);
    return interruption.exitCode ?? exitCode;
  } finally {
    interruption.dispose();
  }
}

/** Resolves to the program's exit code; a signal ends it, too. */
const run = (args: readonly string[], interruption: Interruption): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: 'inherit' });
    const stop = (): boolean => child.kill('SIGTERM');
    interruption.signal.addEventListener('abort', stop, { once: true });
    child.on('error', reject);
    child.on('exit', (code) => {
      interruption.signal.removeEventListener('abort', stop);
      resolve(code ?? EXIT.failed);
    });
  });
