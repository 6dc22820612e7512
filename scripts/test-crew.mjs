// Runs built tests with two further logs open and busy in each process, on the same disk: every log
// under test shares its threads with them.
//
//     npm run test:crew                    test/system and some faults
//     npm run test:crew -- wal-durable     those with "wal-durable" in their path
//
// Left out is what counts the threads, descriptors, system calls or bytes of a process, or takes
// its threads away: there, what the neighbours have is no business of the test.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const COUNTS = [
  'append-compiled',
  'commit-costs',
  'runtimes',
  'telemetry-quiet-record',
  'wal-many-logs',
  'wal-quiet-append',
  'wal-resources',
];
const FAULTS = ['full-disk', 'names-taken', 'sticky-failure'];

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const root = resolve(project, process.env.FLASHSTRIKE_TEST_ROOT ?? 'dist');
const filters = process.argv.slice(2);
const system = readdirSync(join(root, 'test/system'))
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => `test/system/${name}`);
const faults = FAULTS.map((name) => `test/fault/${name}.test.js`);
const tests = [...system, ...faults]
  .filter((path) => !COUNTS.some((name) => path.endsWith(`/${name}.test.js`)))
  .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)));

const neighbours = mkdtempSync(join(tmpdir(), 'flashstrike-neighbours-'));
try {
  const ahead = `--import=${join(root, 'test/support/neighbours.js')}`;
  const run = spawnSync(process.execPath, [join(project, 'scripts/test.mjs'), ...tests], {
    stdio: 'inherit',
    env: {
      ...process.env,
      FLASHSTRIKE_NEIGHBOURS: neighbours,
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${ahead}`,
    },
  });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(neighbours, { recursive: true, force: true });
}
