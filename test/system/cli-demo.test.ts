import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { flashstrike, RunningCommand, temporaryFolder } from './cli-process.js';

const EVENTS = '200000';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('command line: demo', { timeout: 900_000 }, () => {
  it('proves that kill -9 lost nothing, in plain text, and leaves nothing behind', async (context) => {
    const folder = temporaryFolder(context);
    const environment = { TMPDIR: folder };
    const { code, stdout, stderr } = await flashstrike(
      ['demo', '--events', EVENTS],
      '',
      environment,
    );
    const text = String(stdout);
    assert.equal(code, 0, stderr + text);
    for (const step of [
      '1. Record',
      '2. Kill',
      '3. Recover',
      '4. Prove',
      '5. Go on',
      '6. Verify',
    ]) {
      assert.ok(text.includes(`\n${step}\n`), step);
    }
    assert.match(text, /\nProven: kill -9 lost none of the [\d,]+ events/);
    assert.ok(!text.includes('\u001b'), 'no colours in a pipe');
    assert.equal(stderr, '', 'no progress in a pipe');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('--keep leaves the whole stream of the seed in --dir', async (context) => {
    const dir = join(temporaryFolder(context), 'orders');
    const args = ['demo', '--events', EVENTS, '--seed', '7', '--dir', dir, '--keep'];
    assert.equal((await flashstrike(args)).code, 0);
    assert.match(
      String((await flashstrike(['verify', dir])).stdout),
      /is sound.*\nevents {4}200,000/,
    );
    const { stdout } = await flashstrike(['replay', dir, '--format', 'lobster', '--to', '3']);
    assert.match(String(stdout), /^(34200\.\d+,1,\d+,\d+,\d+,-?1\n){3}$/);
  });

  it('does not touch a folder that holds something', async (context) => {
    const dir = join(temporaryFolder(context), 'full');
    mkdirSync(dir);
    writeFileSync(join(dir, 'precious'), '');
    const { code, stderr } = await flashstrike(['demo', '--dir', dir]);
    assert.equal(code, 1);
    assert.match(stderr, /not empty/);
    assert.deepEqual(readdirSync(dir), ['precious']);
  });

  it('Ctrl-C ends it with 130: the recorder is gone, and so is the folder', async (context) => {
    const dir = join(temporaryFolder(context), 'orders');
    const demo = new RunningCommand(['demo', '--events', '50000000', '--dir', dir]);
    await demo.until((stdout) => stdout.includes('never waits'));
    const pid = Number(/pid (\d+)/.exec(String(demo.stdout))?.[1]);
    assert.ok(isAlive(pid));
    demo.child.kill('SIGINT');
    const { code, stderr } = await demo.finished;
    assert.equal(code, 130, stderr);
    assert.ok(!isAlive(pid), 'the recorder still runs');
    assert.ok(!existsSync(dir));
  });
});
