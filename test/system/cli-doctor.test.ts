// `flashstrike doctor` on real folders: good ones, and those that no log can use. What it says of
// machines that nobody has is tested beside its rules.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { verify, Wal } from '../../src/index.js';
import { must } from '../support/mount-point.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';
import { flashstrike, RunningCommand, temporaryFolder } from './cli-process.js';

interface Printed {
  readonly facts: { readonly folder: { readonly state: string; readonly trialParent: string } };
  readonly measured?: {
    readonly ways: readonly { readonly way: string; readonly commits: number }[];
    readonly log?: { readonly lock: string };
  };
  readonly findings: readonly { readonly id: string; readonly remedy: string }[];
  readonly settings: readonly { readonly option: string; readonly why: string }[];
}

const WAYS = ['batch', 'dsync', 'durable', 'grow', 'overwrite'];

async function examine(folder: string): Promise<Printed & { readonly code: number | null }> {
  const { code, stdout, stderr } = await flashstrike([
    'doctor',
    folder,
    '--seconds',
    '1',
    '--json',
  ]);
  assert.equal(stderr, '');
  return { code, ...(JSON.parse(String(stdout)) as Printed) };
}

const idsOf = ({ findings }: Printed): string[] => findings.map(({ id }) => id);

/** What there was before is there after it, and nothing else. */
async function leavesNothing(folder: string, run: () => Promise<void>): Promise<void> {
  const before = readdirSync(folder).sort();
  await run();
  assert.deepEqual(readdirSync(folder).sort(), before);
}

function smallDisk(t: TestContext): SmallDisk {
  return new SmallDisk(t, 16 * 1024 * 1024);
}

describe('doctor', { timeout: 600_000 }, () => {
  it('measures every way of committing, advises, and leaves nothing behind', async (t) => {
    const folder = temporaryFolder(t);
    await leavesNothing(folder, async () => {
      const printed = await examine(folder);
      const ways = printed.measured?.ways ?? [];
      assert.deepEqual(ways.map(({ way }) => way).sort(), WAYS);
      for (const { way, commits } of ways) assert.ok(commits > 0, way);
      assert.equal(printed.measured?.log?.lock, 'flock');
      assert.equal(printed.facts.folder.state, 'folder');
      const options = printed.settings.map(({ option }) => option);
      for (const option of ['preallocate', 'sync.intervalMs', 'ringBytes', 'timestamps']) {
        assert.ok(options.includes(option), option);
      }
    });
  });

  it('prints tables, findings and options as text, without escapes in a pipe', async (t) => {
    const { stdout, stderr } = await flashstrike(['doctor', temporaryFolder(t), '--seconds', '1']);
    const text = String(stdout);
    assert.equal(stderr, '');
    assert.match(text, /^way of committing +commits +p50 +p99 +worst$/m);
    assert.match(text, /^append \+ durable\(\) of a log +[\d,]+ +\d/m);
    assert.match(text, /^settings +(the defaults: )?Wal\.open\(dir/m);
    assert.ok(!text.includes('\u001b'));
    for (const line of text.split('\n')) {
      // Code that is to be copied stays in one line.
      if (line.startsWith('settings ')) continue;
      assert.ok(line.length <= 96 || !/\s/.test(line.trim().slice(16)), line);
    }
  });

  it('a folder that is not there is measured by the one above, and not made', async (t) => {
    const parent = temporaryFolder(t);
    await leavesNothing(parent, async () => {
      const printed = await examine(join(parent, 'a', 'b'));
      assert.equal(printed.facts.folder.state, 'missing');
      assert.equal(printed.facts.folder.trialParent, parent);
      assert.ok(idsOf(printed).includes('missing-folder'));
      assert.equal(printed.measured?.ways.length, WAYS.length);
    });
  });

  it('a file in its place is a problem', async (t) => {
    const parent = temporaryFolder(t);
    const path = join(parent, 'file');
    writeFileSync(path, 'text');
    await leavesNothing(parent, async () => {
      const printed = await examine(path);
      assert.equal(printed.code, 1);
      assert.ok(idsOf(printed).includes('not-a-folder'));
    });
  });

  it('a log that is open there goes on, and is sound', async (t) => {
    const folder = temporaryFolder(t);
    const wal = await Wal.open(folder);
    wal.append(Buffer.from('before'));
    await leavesNothing(folder, async () => {
      const printed = await examine(folder);
      assert.equal(printed.measured?.ways.length, WAYS.length);
    });
    assert.equal(await wal.durable(wal.append(Buffer.from('after'))), 2);
    await wal.close();
    const { ok, events } = await verify(folder);
    assert.deepEqual([ok, events], [true, 2]);
  });

  it('a disk that is full is a problem, with what could be looked up', {
    skip: cannotMount,
  }, async (t) => {
    const disk = smallDisk(t);
    disk.fill();
    await leavesNothing(disk.folder, async () => {
      const printed = await examine(disk.folder);
      assert.equal(printed.code, 1);
      assert.ok(idsOf(printed).includes('no-room'), String(idsOf(printed)));
      assert.equal(printed.measured, undefined);
    });
  });

  it('a disk that becomes full in the middle leaves nothing either', {
    skip: cannotMount,
  }, async (t) => {
    const disk = smallDisk(t);
    // Room for the prepared file, and for next to nothing else.
    disk.fill(Math.round(4.25 * 1024 * 1024));
    await leavesNothing(disk.folder, async () => {
      const printed = await examine(disk.folder);
      assert.equal(printed.code, 1);
      assert.ok(idsOf(printed).includes('no-room'), String(idsOf(printed)));
    });
  });

  it('a disk that is read-only is a problem, with what could be looked up', {
    skip: cannotMount,
  }, async (t) => {
    const disk = smallDisk(t);
    must('mount', '-o', 'remount,ro', disk.folder);
    await leavesNothing(disk.folder, async () => {
      const printed = await examine(disk.folder);
      assert.equal(printed.code, 1);
      assert.ok(idsOf(printed).includes('read-only'), String(idsOf(printed)));
      assert.ok(idsOf(printed).includes('not-measured'));
    });
  });

  it('a second signal leaves nothing either, in shared memory as well', async (t) => {
    const folder = temporaryFolder(t);
    const shared = mkdtempSync('/dev/shm/doctor-');
    t.after(() => rmSync(shared, { recursive: true, force: true }));
    const args = ['doctor', folder, '--seconds', '600', '--shared-memory-directory', shared];
    const command = new RunningCommand(args);
    let isRunning = true;
    const ended = command.finished.finally(() => {
      isRunning = false;
    });
    // Which the turns write to.
    const grows = (): boolean =>
      readdirSync(folder).some((name) => {
        const file = join(folder, name, 'growing');
        return existsSync(file) && statSync(file).size > 0;
      });
    while (isRunning && !grows()) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(readdirSync(shared).length, 1);
    // Signals of one kind may arrive as one.
    command.child.kill('SIGINT');
    command.child.kill('SIGTERM');
    const { code, stderr } = await ended;
    assert.ok(code === 130 || code === 143, stderr);
    assert.deepEqual([readdirSync(folder), readdirSync(shared)], [[], []]);
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`${signal} ends it with ${code}, and nothing is left`, async (t) => {
      const folder = temporaryFolder(t);
      const command = new RunningCommand(['doctor', folder, '--seconds', '600']);
      // A log is opened last, so the turns have begun, or begin.
      const log = (): boolean =>
        readdirSync(folder).some((name) => existsSync(join(folder, name, 'log')));
      let isRunning = true;
      const ended = command.finished.finally(() => {
        isRunning = false;
      });
      while (isRunning && !log()) await new Promise((resolve) => setTimeout(resolve, 10));
      command.child.kill(signal);
      const finished = await ended;
      assert.equal(finished.code, code, finished.stderr);
      assert.equal(String(finished.stdout), '');
      assert.match(finished.stderr, /Stopped/);
      assert.deepEqual(readdirSync(folder), []);
    });
  }
});
