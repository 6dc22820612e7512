// A benchmark cannot rot: each runs here, small, and must end well. Nothing is timed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BENCHMARKS } from '../../bench/benchmarks.js';
import type { Result } from '../../bench/harness/result.js';

const FOLDER = fileURLToPath(new URL('../../bench/', import.meta.url));
const MAIN = join(FOLDER, 'main.js');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function bench(args: readonly string[], directory = tmpdir()): Promise<Ended> {
  const env = {
    ...process.env,
    FLASHSTRIKE_BENCH_SCALE: '0.005',
    FLASHSTRIKE_BENCH_DIRECTORY: directory,
  };
  try {
    const run = promisify(execFile)(process.execPath, [MAIN, ...args], { env });
    return { code: 0, ...(await run) };
  } catch (error) {
    return error as Ended;
  }
}

test('the table names exactly the benchmarks that there are', () => {
  const files = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.bench.js'))
    .map((name) => name.slice(0, -'.bench.js'.length));
  assert.deepEqual(files.sort(), Object.keys(BENCHMARKS).sort());
});

describe('each benchmark runs small, says what it did and leaves nothing behind', () => {
  for (const [name, { goals }] of Object.entries(BENCHMARKS)) {
    test(name, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'flashstrike-bench-'));
      try {
        const { code, stdout, stderr } = await bench([name, '--rounds', '1', '--json'], directory);
        assert.equal(code, 0, stderr);
        const [result, ...others] = JSON.parse(stdout) as Result[];
        assert.ok(result !== undefined && others.length === 0);
        assert.equal(result.benchmark, name);
        assert.match(result.machine, /^Node v\d+/);
        assert.ok(result.tables.length > 0, 'a table');
        assert.equal(result.goals.length, Object.keys(goals).length);
        for (const { text, measured, missing } of result.goals) {
          assert.ok(measured !== undefined || missing !== undefined, text);
        }
        for (const { way, values, skipped, latency } of result.tables.flatMap(({ rows }) => rows)) {
          const isMeasured = Object.keys(values).length > 0 || latency !== undefined;
          assert.ok(isMeasured !== (skipped !== undefined), way);
        }
        assert.deepEqual(readdirSync(directory), [], 'nothing is left behind');
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    });
  }
});

test('--list prints each name with its goals and what it does not look at', async () => {
  const { code, stdout } = await bench(['--list']);
  assert.equal(code, 0);
  for (const [name, { title, nonGoal }] of Object.entries(BENCHMARKS)) {
    assert.ok(stdout.includes(`\n    ${title}\n`), name);
    assert.ok(stdout.includes(`not a goal: ${nonGoal}\n`), name);
  }
});

for (const args of [
  ['there-is-no-such-benchmark'],
  ['append', '--rounds', '0'],
  ['append', '--condition', 'stormy'],
  ['--unknown'],
]) {
  test(`bench ${args.join(' ')} is a usage error that says what is possible`, async () => {
    const { code, stdout, stderr } = await bench(args);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /Usage|append|quiet/);
  });
}
