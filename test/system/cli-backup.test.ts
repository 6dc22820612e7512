// `flashstrike backup` and `restore`, in processes of their own: beside a log that is in use,
// killed, interrupted, on a full disk.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type BackupReport, type RestoreReport, replay, verify, Wal } from '../../src/index.js';
import { TINY } from '../support/adapters.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';
import { flashstrike, RunningCommand, temporaryFolder } from './cli-process.js';

/** Not so few that a process that is killed at once had come to its end. */
const EVENTS = 20_000;

async function recorded(dir: string, events: number): Promise<Wal> {
  const wal = await Wal.open(dir, TINY);
  for (let id = 1; id <= events; id++) wal.append(Buffer.from(`event ${id} ${'.'.repeat(100)}`));
  await wal.durable();
  return wal;
}

async function assertWhole(target: string, last: number): Promise<void> {
  const { verdict, problems, lastEventId } = await verify(target);
  assert.deepEqual([verdict, problems, lastEventId], ['clean', [], last]);
  let id = 0;
  for (const { payload } of replay(target)) {
    id++;
    assert.equal(Buffer.from(payload).toString().split('.')[0], `event ${id} `);
  }
  assert.equal(id, last);
}

const placesOf = (context: TestContext) => {
  const root = temporaryFolder(context);
  return { log: join(root, 'log'), target: join(root, 'backup'), out: join(root, 'out') };
};

describe('command line: backup and restore', { concurrency: 1, timeout: 900_000 }, () => {
  it('a log in use: everything that was durable, then what is new; restored to an event', async (context) => {
    const { log, target, out } = placesOf(context);
    const wal = await recorded(log, 1000);
    const first = await flashstrike(['backup', log, target]);
    assert.equal(first.code, 0, first.stderr);
    assert.match(
      first.stderr,
      /^backup {4}1,000 events, ids 1 to 1,000, in .*backup\ncopied {4}\d+ segments, /,
    );
    assert.equal(String(first.stdout), '');
    await assertWhole(target, 1000);
    for (let id = 1001; id <= 1500; id++) wal.append(Buffer.from(`event ${id} .`));
    await wal.durable();
    const second = await flashstrike(['backup', log, target, '--json']);
    const report = JSON.parse(String(second.stdout)) as BackupReport;
    assert.deepEqual([second.code, report.complete, report.lastEventId], [0, true, 1500]);
    assert.ok(report.copiedSegments > 0 && report.copiedSegments < report.segments);
    await wal.close();
    await assertWhole(target, 1500);
    const restored = await flashstrike(['restore', target, out, '--to-id', '1234', '--json']);
    assert.equal(restored.code, 0, restored.stderr);
    assert.match(restored.stderr, /^restored {2}1,234 events, ids 1 to 1,234, to .*out\n$/);
    assert.equal((JSON.parse(String(restored.stdout)) as RestoreReport).lastEventId, 1234);
    await assertWhole(out, 1234);
    const inTime = await flashstrike(['restore', target, `${out}2`, '--to-time', '2999-01-01']);
    assert.equal(inTime.code, 0, inTime.stderr);
    await assertWhole(`${out}2`, 1500);
    const beyond = await flashstrike(['restore', target, `${out}3`, '--to-id', '1501']);
    assert.equal(beyond.code, 1);
    assert.match(beyond.stderr, /ERR_FLASHSTRIKE_OUT_OF_RANGE/);
    assert.equal(existsSync(`${out}3`), false);
  });

  it('killed again and again: never a log that opens with less, and the last run has little left', async (context) => {
    const { log, target } = placesOf(context);
    await using wal = await recorded(log, EVENTS);
    let kills = 0;
    let seen = 0;
    // Each run is killed once it has copied some segments more.
    while (kills < 5) {
      const command = new RunningCommand(['backup', log, target]);
      let ended = false;
      void command.finished.then(() => {
        ended = true;
      });
      const count = (): number =>
        existsSync(target)
          ? readdirSync(target).filter((name) => /^(backup-)?0.*wal/.test(name)).length
          : 0;
      while (!ended && count() < seen + 10) await new Promise((resolve) => setTimeout(resolve, 5));
      if (ended) break;
      command.child.kill('SIGKILL');
      await command.finished;
      seen = count();
      kills++;
      const { ok, lastEventId } = await verify(target);
      assert.ok(!ok || lastEventId === EVENTS, `event ${lastEventId}`);
    }
    assert.ok(kills > 0, 'it was killed in its midst');
    const { code, stderr } = await flashstrike(['backup', log, target]);
    assert.equal(code, 0, stderr);
    await assertWhole(target, EVENTS);
    assert.deepEqual(
      readdirSync(target).filter((name) => /^(backup|copying)-/.test(name)),
      [],
    );
    assert.equal(wal.failure, undefined);
  });

  it('Ctrl-C: told, 130, and the next run goes on', async (context) => {
    const { log, target } = placesOf(context);
    await using wal = await recorded(log, EVENTS);
    const command = new RunningCommand(['backup', log, target, '--json']);
    const staged = (): number =>
      existsSync(target)
        ? readdirSync(target).filter((name) => name.startsWith('backup-')).length
        : 0;
    let ended = false;
    void command.finished.then(() => {
      ended = true;
    });
    while (!ended && staged() < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    command.child.kill('SIGINT');
    const { code, stderr, stdout } = await command.finished;
    const report = JSON.parse(String(stdout)) as BackupReport;
    assert.equal(code, report.complete ? 0 : 130, stderr);
    if (!report.complete)
      assert.match(stderr, /^stopped: \d+ segments copied, .* goes on from there$/m);
    const next = await flashstrike(['backup', log, target, '--json']);
    const { reusedSegments, copiedSegments, segments } = JSON.parse(
      String(next.stdout),
    ) as BackupReport;
    assert.equal(reusedSegments + copiedSegments, segments);
    assert.ok(reusedSegments >= 5);
    await assertWhole(target, EVENTS);
    assert.equal(wal.failure, undefined);
  });

  it('a killed log: what was durable, and that events wait in its shared memory', async (context) => {
    const { log, target } = placesOf(context);
    const recorder = new RunningCommand(['record', log]);
    recorder.child.stdin.write(`${'event .\n'.repeat(2000)}`);
    const isThere = (): boolean => existsSync(join(log, 'wal.meta')) && countOf(log) >= 1000;
    while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 20));
    recorder.child.kill('SIGKILL');
    await recorder.finished;
    const { code, stderr } = await flashstrike(['backup', log, target]);
    assert.equal(code, 0, stderr);
    assert.equal((await verify(target)).verdict, 'clean');
  });

  it('a full disk: told with what to do, what was there before is unharmed, and it goes on with space', {
    skip: cannotMount,
  }, async (context) => {
    const { log } = placesOf(context);
    const wal = await recorded(log, 1000);
    const disk = new SmallDisk(context, 16 * 1024 * 1024);
    const target = join(disk.folder, 'backup');
    assert.equal((await flashstrike(['backup', log, target])).code, 0);
    for (let id = 1001; id <= EVENTS; id++)
      wal.append(Buffer.from(`event ${id} ${'.'.repeat(100)}`));
    await wal.close();
    disk.fill(500_000);
    const full = await flashstrike(['backup', log, target]);
    assert.equal(full.code, 1);
    assert.match(full.stderr, /ERR_FLASHSTRIKE_NO_SPACE: .* make the backup again/);
    assert.doesNotMatch(full.stderr, /work resumes/, 'this does not');
    await assertWhole(target, 1000);
    disk.free();
    assert.equal((await flashstrike(['backup', log, target])).code, 0);
    await assertWhole(target, EVENTS);
  });
});

function countOf(log: string): number {
  try {
    return [...replay(log)].length;
  } catch {
    return 0;
  }
}
