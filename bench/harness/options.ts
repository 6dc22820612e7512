// The options of `npm run bench` and of each benchmark: one table for both.
import { parseArgs } from 'node:util';

export const CONDITIONS = {
  quiet: 'the benchmark starts nothing beside it',
  crowded: 'a process that never sleeps runs beside it',
  'slow-disk': 'each fsync and fdatasync takes 1 ms longer (strace)',
  'one-core': 'everything runs on one core (taskset)',
  'half-core': 'a quota of half a core (a control group)',
} as const;
export type Condition = keyof typeof CONDITIONS;

const isCondition = (text: string): text is Condition => Object.hasOwn(CONDITIONS, text);

export interface BenchOptions {
  /** Names of benchmarks. */
  readonly names: readonly string[];
  readonly rounds: number | undefined;
  readonly conditions: readonly Condition[];
  /** HTTP: the numbers of connections. */
  readonly connections: readonly number[] | undefined;
  /** HTTP: what sends the requests. */
  readonly generators: readonly string[];
  /** Only ways whose name contains one of these. */
  readonly only: readonly string[];
  /** A checkout of the C++ reference. */
  readonly reference: string | undefined;
  readonly isJson: boolean;
  readonly isSaved: boolean;
  readonly isList: boolean;
  readonly isHelp: boolean;
}

export const USAGE = `Usage: npm run bench -- [NAME…] [options]

Without a name all benchmarks run that take less than half a minute each.

  --list               names, goals and non-goals
  --rounds N           turns of each way (default: 3)
  --condition LIST     ${Object.keys(CONDITIONS).join(', ')} (default: quiet)
  --only LIST          only ways whose names contain one of these words
  --connections LIST   http: numbers of connections (default: 1,8,64,512)
  --generator LIST     http: wrk, node (default: wrk where it is installed)
  --reference FOLDER   append-sustained: a checkout of the C++ reference, built and run beside
  --json               the results as JSON on stdout, everything else on stderr
  --save               the results into docs/benchmarks/, with plots, and into docs/BENCHMARKS.md
  --help               this text

FLASHSTRIKE_BENCH_SCALE=0.1 makes the work a tenth; FLASHSTRIKE_BENCH_DIRECTORY is where files go
(default: the current folder). Peers are installed with: npm ci --prefix bench/peers
`;

const listOf = (text: string | undefined): readonly string[] =>
  text === undefined ? [] : text.split(',').filter((part) => part !== '');

function countOf(text: string, option: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 100_000) {
    throw new Error(`--${option} takes a number from 1 to 100000, not '${text}'`);
  }
  return count;
}

/** @throws Error whose message says which argument is wrong */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      condition: { type: 'string' },
      connections: { type: 'string' },
      generator: { type: 'string' },
      only: { type: 'string' },
      reference: { type: 'string' },
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const conditions = listOf(values.condition ?? 'quiet').map((text) => {
    if (isCondition(text)) return text;
    throw new Error(`there is no condition '${text}': ${Object.keys(CONDITIONS).join(', ')}`);
  });
  return {
    names: positionals,
    rounds: values.rounds === undefined ? undefined : countOf(values.rounds, 'rounds'),
    conditions,
    connections:
      values.connections === undefined
        ? undefined
        : listOf(values.connections).map((text) => countOf(text, 'connections')),
    generators: listOf(values.generator),
    only: listOf(values.only),
    reference: values.reference,
    isJson: values.json,
    isSaved: values.save,
    isList: values.list,
    isHelp: values.help,
  };
}

/** The arguments of one benchmark's process, which always hands its result over as JSON. */
export function argumentsOf(options: BenchOptions, condition: Condition): string[] {
  const { rounds, connections, generators, only, reference } = options;
  return [
    `--condition=${condition}`,
    ...(rounds === undefined ? [] : [`--rounds=${rounds}`]),
    ...(connections === undefined ? [] : [`--connections=${connections.join(',')}`]),
    ...(generators.length === 0 ? [] : [`--generator=${generators.join(',')}`]),
    ...(only.length === 0 ? [] : [`--only=${only.join(',')}`]),
    ...(reference === undefined ? [] : [`--reference=${reference}`]),
  ];
}
