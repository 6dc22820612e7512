// The programs in examples/ do what they say, killed as often as they invite to: each runs as a
// process of its own, in an empty folder.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { replay, verify } from '../../src/index.js';
import { projectRoot } from '../project-root.js';
import { settles } from '../support/eventually.js';
import { Example } from '../support/example.js';
import { temporaryFolder } from '../support/log-builder.js';
import { NO_SHARED_DATA, sharedData } from '../support/shared-data.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';

const numberIn = (line: string): number => Number(/\d+/.exec(line)?.[0]);
const textOf = (payload: Uint8Array): string => Buffer.from(payload).toString();

describe('examples', { timeout: 900_000 }, () => {
  it('the quick start names each, and each is a page', () => {
    const guide = readFileSync(join(projectRoot(), 'docs', 'QUICK-START.md'), 'utf8');
    const folder = join(projectRoot(), 'examples');
    // Of several files it names the folder.
    const entries = readdirSync(folder);
    assert.ok(entries.length >= 8);
    for (const entry of entries) {
      assert.ok(guide.includes(`\`${entry}`), `the quick start does not name ${entry}`);
    }
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    for (const path of paths.filter((each) => each.endsWith('.ts'))) {
      const lines = readFileSync(join(folder, path), 'utf8').trimEnd().split('\n').length;
      assert.ok(lines <= 110, `${path} has ${lines} lines`);
    }
  });

  it('quick-start prints the event that it recorded', async (t) => {
    const cwd = temporaryFolder(t);
    const [line = ''] = await new Example(t, 'quick-start', [], { cwd }).success();
    assert.match(line, /^1 \d{19}n buy 100 @ 580\.01$/);
    assert.deepEqual(readdirSync(cwd), []);
  });

  it('consumer goes on behind what was acknowledged', async (t) => {
    const cwd = temporaryFolder(t);
    const lines = await new Example(t, 'consumer', [], { cwd }).success();
    const billed = lines.filter((line) => line.startsWith('bill event'));
    assert.deepEqual(billed.map(numberIn), [1, 2, 3]);
  });

  it('order-journal goes on with the positions that it had', async (t) => {
    const cwd = temporaryFolder(t);
    const first = await new Example(t, 'order-journal', ['log'], { cwd }).success();
    assert.deepEqual(first, [
      '0 commands replayed, 0 accounts (new)',
      'durable up to event 100000',
    ]);
    const second = await new Example(t, 'order-journal', ['log'], { cwd }).success();
    assert.equal(second[0], '100000 commands replayed, 1000 accounts (clean)');
  });

  it('http-service answers what a kill does not take back, and shows its metrics', async (t) => {
    const cwd = temporaryFolder(t);
    const service = new Example(t, 'http-service', ['log', '0'], { cwd });
    const [url = ''] = (await service.until((line) => line.startsWith('http:'))).split(' ');
    const post = (body: string): Promise<Response> =>
      fetch(`${url}/orders`, { method: 'POST', body });
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, count) => {
        const body = JSON.stringify({ item: 'tea', count });
        const response = await post(body);
        assert.equal(response.status, 201);
        const { id } = (await response.json()) as { readonly id: number };
        return [id, body] as const;
      }),
    );
    for (const [body, status] of [
      ['no JSON', 400],
      ['{"count":2}', 400],
      ['x'.repeat(70_000), 413],
    ] as const) {
      assert.equal((await post(body)).status, status);
    }
    assert.equal((await fetch(`${url}/nothing`)).status, 404);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const lastId = /^flashstrike_wal_recorder_durable_event_id(?:{.*})? (\d+)$/m.exec(metrics)?.[1];
    assert.equal(lastId, '100');
    service.kill('SIGKILL');
    assert.equal((await service.ended).signal, 'SIGKILL');

    const again = new Example(t, 'http-service', ['log', '0'], { cwd });
    const line = await again.until((each) => each.startsWith('http:'));
    assert.match(line, /after event 100$/);
    again.kill('SIGTERM');
    await again.success();
    const found = new Map(
      Array.from(replay(join(cwd, 'log')), ({ eventId, payload }) => [eventId, textOf(payload)]),
    );
    assert.equal(found.size, 100);
    for (const [id, body] of answers) assert.equal(found.get(id), body);
  });

  it('outbox-worker acts on each order exactly once, killed again and again', async (t) => {
    const cwd = temporaryFolder(t);
    const orders = 600;
    for (let round = 1; round <= 4; round++) {
      const worker = new Example(t, 'outbox-worker', ['outbox', String(orders)], { cwd });
      const isFar = (line: string): boolean =>
        line.startsWith('done up to') && numberIn(line) >= round * 100;
      // It may have done all of them before it is killed: the next one only says so.
      await worker.until((line) => isFar(line) || line.startsWith('{'));
      worker.kill('SIGKILL');
      await worker.ended;
    }
    const worker = new Example(t, 'outbox-worker', ['outbox', String(orders)], { cwd });
    const last = (await worker.success()).at(-1) ?? '';
    const expected: Record<string, number> = {};
    for (let number = 1; number <= orders; number++) {
      const account = `account ${number % 7}`;
      expected[account] = (expected[account] ?? 0) + number;
    }
    assert.deepEqual(JSON.parse(last), { lastEventId: orders, totals: expected });
    const stored = JSON.parse(readFileSync(join(cwd, 'outbox/totals.json'), 'utf8'));
    assert.deepEqual(stored, { lastEventId: orders, totals: expected });
  });

  for (const [what, file] of [
    ['made from a seed', 'made'],
    ["an hour of an exchange's orders", sharedData('lobster_AAPL')],
  ] as const) {
    it(`matching-engine is killed and recovered to the identical book: ${what}`, {
      skip: file === undefined && NO_SHARED_DATA,
    }, async (t) => {
      const cwd = temporaryFolder(t);
      const args = ['book', file ?? ''];
      const [told, ended = '', opened = '', first, last, sums] = await new Example(
        t,
        'matching-engine/run',
        args,
        { cwd },
      ).success();
      assert.match(told ?? '', new RegExp(`^\\d+ commands: ${what}$`));
      const commands = numberIn(told ?? '');
      assert.match(ended, /^the engine ended with SIGKILL; it had answered \d+ commands$/);
      assert.match(
        opened,
        /^open again in \d+ ms: from (nothing|the snapshot of command \d+), and \d+ /,
      );
      const same = /^behind command (\d+) the book of \d+ orders is identical: [0-9a-f]{16}$/;
      const killedAt = Number(same.exec(first ?? '')?.[1]);
      assert.ok(killedAt >= commands / 2 && killedAt < commands, first);
      assert.equal(same.exec(last ?? '')?.[1], String(commands));
      assert.match(sums ?? '', /^\d+ trades, \d+ shares; \d+ to \d+$/);
      assert.equal((await verify(join(cwd, 'book'))).verdict, 'clean');
    });
  }

  it('read-model agrees with the writer, each time that it was built anew', async (t) => {
    const cwd = temporaryFolder(t);
    const killed = new Example(t, 'read-model', ['log', '5000'], { cwd });
    await killed.until((line) => line.includes('as of order'));
    killed.kill('SIGKILL');
    await killed.ended;
    // The first may have written all of its orders before it was killed.
    const model = new Example(t, 'read-model', ['log', '9000'], { cwd });
    const lines = await model.success();
    assert.ok(lines.length > 0);
    for (const line of lines) assert.match(line, /, agrees$/);
    assert.match(lines.at(-1) ?? '', /as of order 9000,/);
  });

  it('read-model follows nobody whose writer was killed while it loaded its modules', async (t) => {
    const cwd = temporaryFolder(t);
    await new Example(t, 'read-model', ['log', '1000'], { cwd }).success();
    const follower = join(projectRoot(), 'dist', 'examples', 'read-model.js');
    const start = `require('node:child_process').fork(${JSON.stringify(follower)}, ['log']);
      process.kill(process.pid, 'SIGKILL');`;
    const env = { ...process.env, READ_MODEL: '1' };
    const writer = spawn(process.execPath, ['-e', start], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    writer.stdout.resume();
    // The follower holds the other end of the pipe.
    await settles('the follower', once(writer, 'close'));
  });
});

const STEPS = 120;

/** Every step once, in order, whole. */
async function checkSteps(log: string, count = STEPS): Promise<void> {
  const steps = Array.from(replay(log), ({ payload }) => JSON.parse(textOf(payload)));
  assert.deepEqual(
    steps.map(({ number }) => number),
    Array.from({ length: count }, (_, at) => at + 1),
  );
  for (const { number, result } of steps) assert.equal(result.length, 1000 + (number % 4000));
  assert.equal((await verify(log)).verdict, 'clean');
}

interface JournalOptions {
  readonly steps?: number;
  readonly nodeArguments?: readonly string[];
}

const journal = (
  t: TestContext,
  cwd: string,
  { steps = STEPS, nodeArguments = [] }: JournalOptions = {},
): Example => new Example(t, 'session-journal', ['session', String(steps)], { cwd, nodeArguments });
const recorded =
  (least: number) =>
  (line: string): boolean =>
    line.startsWith('recorded') && numberIn(line) >= least;

describe('session-journal', { timeout: 900_000 }, () => {
  it('goes on behind the last step, killed again and again', async (t) => {
    const cwd = temporaryFolder(t);
    for (const least of [10, 40, 80]) {
      const session = journal(t, cwd);
      // It may have recorded all of them before it is killed: the next one only says so.
      await session.until((line) => recorded(least)(line) || line.startsWith('all '));
      session.kill('SIGKILL');
      const { lines } = await session.ended;
      const told = Math.max(...lines.filter(recorded(0)).map(numberIn));
      const resumed = journal(t, cwd);
      const line = await resumed.until((each) => each.startsWith('resumed'));
      assert.ok(numberIn(line) >= told, `${line}, but it had said ${told}`);
      resumed.kill('SIGKILL');
      await resumed.ended;
    }
    const lines = await journal(t, cwd).success();
    assert.equal(lines.at(-1), `all ${STEPS} steps are recorded`);
    await checkSteps(join(cwd, 'session'));
  });

  it('goes on after it has run out of memory', async (t) => {
    const cwd = temporaryFolder(t);
    // Takes memory and does not give it back, once some steps are done.
    const leak =
      'const kept = []; let turns = 0;' +
      'setInterval(() => { if (++turns > 20) for (let i = 0; i < 5e5; i++) kept.push({ i }); }, 5)';
    const session = journal(t, cwd, {
      nodeArguments: [
        '--max-old-space-size=48',
        '--no-warnings',
        `--import=data:text/javascript,${encodeURIComponent(leak)}`,
      ],
    });
    const { code, signal, stderr } = await session.ended;
    assert.notEqual(code, 0);
    assert.match(`${signal} ${stderr}`, /SIGABRT|heap out of memory/);
    await journal(t, cwd).success();
    await checkSteps(join(cwd, 'session'));
  });

  it('waits while the disk is full, and goes on when there is room', {
    skip: cannotMount,
  }, async (t) => {
    const disk = new SmallDisk(t, 8 * 1024 * 1024);
    // More than the segments take that are made before it is full again.
    const steps = 1200;
    // A log does not even open there.
    disk.fill();
    const session = journal(t, disk.folder, { steps });
    const isWaiting = (line: string): boolean => line === 'the disk is full: waiting';
    await session.until(isWaiting);
    disk.free();
    await session.until(recorded(10));
    const before = session.lines.length;
    disk.fill();
    await session.until(isWaiting, before);
    disk.free();
    const lines = await session.success();
    assert.equal(lines.at(-1), `all ${steps} steps are recorded`);
    await checkSteps(join(disk.folder, 'session'), steps);
  });
});
