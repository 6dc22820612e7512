// What a log tells on diagnostics_channel and with NODE_DEBUG, each message caused for real.
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DiagnosticMessages, openConsumer, replay, Wal } from '../../src/index.js';
import { projectRoot } from '../project-root.js';
import { mappedOptions, onBothAdapters, TINY } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually, settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { closeAfter, segmentFiles } from '../support/log-content.js';

type Name = keyof DiagnosticMessages;

/** The messages of a channel about the log in `directory`, as they come. */
function heard<At extends Name>(t: TestContext, name: At, directory: string) {
  const messages: DiagnosticMessages[At][] = [];
  const listen = (message: unknown, channel: string | symbol): void => {
    assert.equal(channel, name);
    const told = message as DiagnosticMessages[At];
    if (told.directory === directory) messages.push(told);
  };
  subscribe(name, listen);
  t.after(() => unsubscribe(name, listen));
  return messages;
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

onBothAdapters('an open tells what it found, a rotation that it was one', async (t, v) => {
  const directory = temporaryFolder(t);
  const recoveries = heard(t, 'flashstrike:recovery', directory);
  const rotations = heard(t, 'flashstrike:rotation', directory);
  const wal = await Wal.open(directory, v.options);
  const { logId, recovery } = wal;
  assert.deepEqual(recoveries, [{ directory, logId, recovery }]);
  assert.deepEqual(recoveries[0]?.recovery.verdict, 'new');
  for (let event = 0; event < 100; event++) wal.append(new Uint8Array(4000));
  await wal.durable();
  const finished = segmentFiles(directory).length - 1;
  assert.ok(finished >= 2);
  // At the latest with the close.
  await wal.close();
  assert.equal(sum(rotations.map((message) => message.rotations)), finished);
  assert.deepEqual(rotations[0]?.logId, logId);
});

test('what happened before somebody listened is not told', async (t) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, { ...TINY, sharedMemory: 'off' });
  for (let event = 0; event < 100; event++) wal.append(new Uint8Array(4000));
  await wal.durable();
  const before = segmentFiles(directory).length;
  const rotations = heard(t, 'flashstrike:rotation', directory);
  // Those before the first look are not told either: so it goes on until some are.
  await eventually('rotations are told while the log is open', () => {
    for (let event = 0; event < 20; event++) wal.append(new Uint8Array(4000));
    return rotations.length > 0;
  });
  await wal.close();
  const since = segmentFiles(directory).length - before;
  const told = sum(rotations.map((message) => message.rotations));
  assert.ok(told > 0 && told <= since, `${told} of ${since}`);
});

test('retention is told, and a consumer that it drops', async (t) => {
  const directory = temporaryFolder(t);
  const removals = heard(t, 'flashstrike:retention', directory);
  const drops = heard(t, 'flashstrike:consumer-dropped', directory);
  const retention = { segments: 2 };
  const wal = await Wal.open(directory, { ...TINY, sharedMemory: 'off', retention });
  closeAfter(t, wal);
  const leash = { create: true, maxLagBytes: 1, policy: 'drop' } as const;
  for (const name of ['slow', 'slower']) {
    await (await openConsumer(directory, name, leash)).close();
  }
  await (await openConsumer(directory, 'fast', { create: true })).close();
  await wal.removeConsumer('fast');
  await eventually('it is told', () => {
    if (wal.state === 'open')
      for (let event = 0; event < 5; event++) wal.append(new Uint8Array(4000));
    return removals.length > 0 && sum(drops.map(({ names }) => names.length)) === 2;
  });
  assert.deepEqual(drops.flatMap(({ names }) => names).sort(), ['slow', 'slower']);
  assert.ok(removals.every(({ removedSegments }) => removedSegments >= 1));
  assert.ok([...replay(directory)][0]?.eventId !== 1);
});

test('a wait for room is told behind the append, where a listener may append', async (t) => {
  const directory = temporaryFolder(t);
  const stalls = heard(t, 'flashstrike:stall', directory);
  const wal = await Wal.open(directory, {
    ...TINY,
    ...mappedOrNot(t),
    sync: { mode: 'every-block' },
  });
  let isInside = false;
  let heardInside = 0;
  let appended = 0;
  const listen = (message: unknown): void => {
    if ((message as { directory: string }).directory !== directory) return;
    if (isInside) heardInside++;
    wal.append(Buffer.from('heard'));
    appended++;
  };
  subscribe('flashstrike:stall', listen);
  t.after(() => unsubscribe('flashstrike:stall', listen));
  let events = 0;
  await eventually('an append waits', () => {
    for (let count = 0; count < 200; count++, events++) {
      isInside = true;
      wal.append(new Uint8Array(15_000));
      isInside = false;
    }
    return stalls.length > 0;
  });
  assert.equal(heardInside, 0, 'no listener runs within an append');
  assert.ok(stalls.every(({ waitedMs, error }) => waitedMs >= 1 && error === undefined));
  unsubscribe('flashstrike:stall', listen);
  await wal.close();
  assert.equal([...replay(directory)].length, events + appended);
});

const mappedOrNot = (t: TestContext) => ({ ...mappedOptions(t), sharedMemory: 'auto' }) as const;

test('a failure is told once', async (t) => {
  const directory = temporaryFolder(t);
  const failures = heard(t, 'flashstrike:failure', directory);
  const wal = await Wal.open(directory, { ...TINY, sharedMemory: 'off' });
  closeAfter(t, wal);
  wal.append(Buffer.from('one'));
  await wal.durable();
  const [active = ''] = segmentFiles(directory);
  truncateSync(join(directory, active), 4096);
  wal.append(Buffer.from('two'));
  await assert.rejects(settles('durable', wal.durable()));
  await eventually('it is told', () => failures.length > 0);
  await wal.close().catch(() => undefined);
  assert.equal(failures.length, 1);
  assert.equal(failures[0]?.error.message, wal.failure?.message);
});

test('NODE_DEBUG=flashstrike tells the same on stderr; without it nothing is said', async (t) => {
  const text = `
    process.env.NODE_DEBUG = options.debug;
    const { Wal } = await import(INDEX);
    const wal = await Wal.open(directory, options.wal);
    for (let event = 0; event < 100; event++) wal.append(new Uint8Array(4000));
    await wal.durable();
    await wal.close();
  `;
  for (const debug of ['flashstrike', 'http']) {
    const directory = temporaryFolder(t);
    const given = { debug, wal: { ...TINY, sharedMemory: 'off' } };
    const under = ['env', `NODE_DEBUG=${debug}`];
    const { code, stderr } = await Script.run(text, directory, given, { bare: true, under });
    assert.equal(code, 0, stderr);
    const ours = stderr.split('\n').filter((line) => line.startsWith('FLASHSTRIKE '));
    if (debug === 'http') {
      assert.deepEqual(ours, []);
      continue;
    }
    assert.ok(ours.every((line) => line.includes(directory)));
    assert.match(ours[0] ?? '', /opened: new, 0 events from the ring$/);
    assert.ok(ours.some((line) => / rotations?$/.test(line)));
    assert.match(ours.at(-1) ?? '', /closed$/);
  }
});

test('docs/NODE.md lists every channel that there is, and no other', () => {
  const source = readFileSync(
    join(projectRoot(), 'src/recorder/application/diagnostics.ts'),
    'utf8',
  );
  const channels = [...source.matchAll(/channel\('(flashstrike:[a-z-]+)'\)/g)].map(
    ([, name]) => name,
  );
  const document = readFileSync(join(projectRoot(), 'docs/NODE.md'), 'utf8');
  const listed = [...document.matchAll(/^\| `(flashstrike:[a-z-]+)` \|/gm)].map(([, name]) => name);
  assert.ok(channels.length >= 6);
  assert.deepEqual(listed.sort(), channels.sort());
});
