// `npm run bench`: runs benchmarks, each in a process of its own so that none warms up or fills the
// heap of the next.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { printableLines } from '../src/cli/output.js';
import { printable } from '../src/errors.js';
import { BENCHMARKS, type Benchmark, type BenchmarkName, isBenchmark } from './benchmarks.js';
import { saveResult } from './document/save.js';
import { surroundingsOf } from './harness/conditions.js';
import {
  argumentsOf,
  type BenchOptions,
  type Condition,
  parseOptions,
  USAGE,
} from './harness/options.js';
import type { Result } from './harness/result.js';

const EXIT = { done: 0, failed: 1, usage: 2 } as const;
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Aborted by a signal: what runs beside a benchmark must not outlive it. The reason: exit code. */
const stopping = new AbortController();
for (const [signal, exitCode] of Object.entries(SIGNALS)) {
  process.once(signal, () => {
    stopping.abort(exitCode);
  });
}

function list(): string {
  const lines = Object.entries<Benchmark>(BENCHMARKS).map(([name, { title, goals, nonGoal }]) => {
    const texts = Object.values(goals).map(({ text }) => `\n    goal: ${text}`);
    return `${name}\n    ${title}${texts.join('')}\n    not a goal: ${nonGoal}\n`;
  });
  return lines.join('');
}

/** The result; undefined when it was shown as text by the benchmark itself. */
async function runOne(
  name: BenchmarkName,
  condition: Condition,
  options: BenchOptions,
): Promise<Result | undefined> {
  const surroundings = surroundingsOf(condition);
  if (typeof surroundings === 'string') {
    process.stderr.write(`${name}, ${condition}: skipped: ${surroundings}\n`);
    return undefined;
  }
  const isData = options.isJson || options.isSaved;
  const file = fileURLToPath(new URL(`${name}.bench.js`, import.meta.url));
  const args = [...argumentsOf(options, condition), ...(isData ? ['--json'] : [])];
  const [command = '', ...rest] = surroundings.wrap([
    process.execPath,
    '--expose-gc',
    file,
    ...args,
  ]);
  try {
    const text = await output(command, rest, isData);
    return isData ? (JSON.parse(text) as Result) : undefined;
  } finally {
    surroundings.end();
  }
}

function output(command: string, args: readonly string[], isData: boolean): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', isData ? 'pipe' : 'inherit', 'inherit'] });
  const stop = (): boolean => child.kill('SIGTERM');
  stopping.signal.addEventListener('abort', stop, { once: true });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      stopping.signal.removeEventListener('abort', stop);
      if (code === 0) resolve(text);
      else reject(new Error(`${args.at(-1)}: ended by ${signal ?? `exit code ${code}`}`));
    });
  });
}

async function main(args: readonly string[]): Promise<number> {
  let options: BenchOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${printableLines((error as Error).message)}\n\n${USAGE}`);
    return EXIT.usage;
  }
  const unknown = options.names.find((name) => !isBenchmark(name));
  if (unknown !== undefined) {
    const known = Object.keys(BENCHMARKS).join(', ');
    process.stderr.write(`there is no benchmark '${printable(unknown)}': ${known}\n`);
    return EXIT.usage;
  }
  if (options.isHelp || options.isList) {
    process.stdout.write(options.isHelp ? USAGE : list());
    return EXIT.done;
  }
  const short = Object.entries<Benchmark>(BENCHMARKS).filter(([, { isLong }]) => isLong !== true);
  const names = options.names.length === 0 ? short.map(([name]) => name) : options.names;
  const results: Result[] = [];
  let exitCode: number = EXIT.done;
  for (const name of names.filter(isBenchmark)) {
    for (const condition of options.conditions) {
      try {
        const result = await runOne(name, condition, options);
        if (result === undefined) continue;
        results.push(result);
        if (options.isSaved) saveResult(result);
      } catch (error) {
        if (stopping.signal.aborted) return stopping.signal.reason as number;
        // The others still run: what they find does not depend on this one.
        process.stderr.write(`${name}, ${condition}: ${(error as Error).message}\n`);
        exitCode = EXIT.failed;
      }
    }
  }
  if (options.isJson) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
  return exitCode;
}

process.exitCode = await main(process.argv.slice(2));
