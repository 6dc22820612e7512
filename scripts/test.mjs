// Runs the built tests with node's own runner, whose closing lines are the last that is printed.
//
//     npm test                          all of them
//     npm test -- segment crash         those with "segment" or "crash" in the path of their source
//     npm test -- --test-name-pattern=torn     what starts with a dash goes to node
//
// FLASHSTRIKE_TEST_ROOT is the folder of the built tests, by default dist/.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A file of tests that hangs fails after this long, and the others still run. The longest takes a
 * minute on a good day; a machine may be ten times slower.
 */
const FILE_TIMEOUT_MS = 30 * 60_000;
/** Node takes one file less than there are cores; with two cores that leaves one idle. */
const CONCURRENCY = Math.min(Math.max(availableParallelism(), 2), 8);

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const root = resolve(project, process.env.FLASHSTRIKE_TEST_ROOT ?? 'dist');
const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));

// Node 20 does not expand patterns, so the files are found here.
const tests = (existsSync(root) ? readdirSync(root, { recursive: true }) : [])
  .filter((path) => path.endsWith('.test.js'))
  .sort();
const chosen = tests.filter(
  (path) => filters.length === 0 || filters.some((filter) => path.includes(filter)),
);
if (chosen.length === 0) {
  const reason =
    tests.length === 0 ? 'build first' : `none has ${filters.join(' or ')} in its path`;
  console.error(`test: no test file in ${root}: ${reason}`);
  process.exit(1);
}

const run = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    ...options,
    ...chosen.map((path) => join(root, path)),
  ],
  { cwd: project, stdio: 'inherit' },
);
if (run.error) throw run.error;
process.exitCode = run.status ?? 1;
