// A benchmark cannot rot: each runs here, small, and must end well. Nothing is timed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const folder = fileURLToPath(new URL('../../bench/', import.meta.url));
const benchmarks = readdirSync(folder).filter((name) => name.endsWith('.bench.js'));

test('there are benchmarks', () => {
  assert.ok(benchmarks.length >= 3);
});

for (const name of benchmarks) {
  test(`${name} runs small and says what it did`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'flashstrike-bench-'));
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [join(folder, name)], {
        env: {
          ...process.env,
          FLASHSTRIKE_BENCH_SCALE: '0.005',
          FLASHSTRIKE_BENCH_DIRECTORY: directory,
        },
      });
      assert.match(stdout, /^\w+: /, 'a title');
      assert.match(stdout, /Node v\d+/, 'the machine');
      assert.deepEqual(readdirSync(directory), [], 'nothing is left behind');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}
