// Several logs in one process share threads: what one log does, and what becomes of it, is none of
// the others' business; what becomes of a thread is told to all that it served.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../../src/index.js';
import { cannotMap, mappedOptions, onBothAdapters } from '../support/adapters.js';
import { runSound, Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, contentOf } from '../support/log-content.js';
import { cannotCount } from '../support/process-resources.js';
import { WORKERS } from '../support/workers-script.js';

/** Opens `logs` folders and appends 10 events to each. */
const LOGS = `
const names = Array.from({ length: 5 }, (_, at) => directory + '/' + at);
const open = async (name) => {
  const wal = await Wal.open(name, options);
  for (let n = 0; n < 10; n++) wal.append(Buffer.from('event ' + (wal.lastEventId + 1)));
  await wal.durable();
  return wal;
};
`;

onBothAdapters('five logs have two helper threads between them, and keep apart', async (t, v) => {
  const folder = temporaryFolder(t);
  const logs = await Promise.all(
    [0, 1, 2, 3, 4].map((at) => Wal.open(join(folder, String(at)), v.options)),
  );
  // More than rings and segments hold: all preparers have to do with each other.
  for (let round = 0; round < 400; round++) {
    for (const [at, wal] of logs.entries()) wal.append(Buffer.from(`${at} ${round}`.repeat(200)));
  }
  await Promise.all(logs.map((wal) => wal.durable()));
  await Promise.all(logs.map((wal) => wal.close()));
  for (const at of logs.keys()) {
    const directory = join(folder, String(at));
    const texts = contentOf(directory).map(({ payload }) => Buffer.from(payload).toString());
    assert.deepEqual(
      texts,
      Array.from({ length: 400 }, (_, round) => `${at} ${round}`.repeat(200)),
    );
    await assertSound(directory);
  }
});

test('the threads of many logs are few, are used again, and end when the last log is closed', {
  skip: cannotCount || cannotMap,
}, async (t) => {
  const script = `${WORKERS}${LOGS}
    const count = (name) => workers.filter(({ url }) => url.includes(name)).length;
    const counts = () => [count('preparer'), count('housekeeping')];
    const logs = [];
    for (const name of names) logs.push(await open(name));
    const whileOpen = counts();
    for (const wal of logs) await wal.close();
    for (const name of names) await (await open(name)).close();
    const again = counts();
    await Promise.all(workers.map(({ worker }) => new Promise((resolve) =>
      worker.threadId === -1 ? resolve() : worker.once('exit', resolve).ref())));
    await (await open(names[0])).close();
    tell(JSON.stringify({ whileOpen, again, anew: counts() }));
  `;
  const ended = await Script.start(t, script, temporaryFolder(t), mappedOptions(t), { bare: true })
    .ended;
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.deepEqual(JSON.parse(ended.lines.at(-1) ?? ''), {
    whileOpen: [1, 1],
    again: [1, 1],
    anew: [2, 2],
  });
});

for (const thread of ['preparer', 'housekeeping']) {
  test(`the ${thread} thread of several logs dies: each is told, and the next open has another`, {
    skip: cannotMap,
  }, async (t) => {
    const script = `${WORKERS}${LOGS}
      const logs = await Promise.all(names.map(open));
      terminateAtOnce('${thread}');
      for (const wal of logs) wal.append(Buffer.from('event 11'));
      while (logs.some((wal) => wal.state === 'open')) await new Promise((r) => setTimeout(r, 5));
      const failures = logs.map((wal) => [wal.failure.code, wal.failure.path]);
      const closes = await Promise.all(logs.map((wal) => settled(wal.close())));
      const next = await Promise.all(names.map(open));
      tell(JSON.stringify({ failures, closes: closes.map(([code]) => code),
        last: next.map((wal) => wal.lastEventId) }));
      await Promise.all(next.map((wal) => wal.close()));
    `;
    const folder = temporaryFolder(t);
    const ended = await Script.start(t, script, folder, mappedOptions(t), { bare: true }).ended;
    assert.deepEqual([ended.code, ended.stderr], [0, '']);
    const { failures, closes, last } = JSON.parse(ended.lines.at(-1) ?? '');
    const paths = [0, 1, 2, 3, 4].map((at) => join(folder, String(at)));
    assert.deepEqual(
      failures,
      paths.map((path) => ['ERR_FLASHSTRIKE_WORKER_DIED', path]),
    );
    assert.deepEqual(closes, new Array(5).fill('ERR_FLASHSTRIKE_FAILED'));
    assert.deepEqual(last, new Array(5).fill(21));
  });
}

test('a log that fails, and one that is refused, leave those beside them alone', {
  skip: cannotMap,
}, async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'refused'));
  const script = `
    import { rmSync, writeFileSync } from 'node:fs';
    const failing = await Wal.open(directory + '/failing', options);
    const other = await Wal.open(directory + '/other', options);
    writeFileSync(directory + '/refused/0000000001.wal', 'not a segment');
    const refusal = await Wal.open(directory + '/refused', options).catch(({ code }) => code);
    failing.append(Buffer.from('event 1'));
    await failing.durable();
    rmSync(directory + '/failing', { recursive: true });
    while (failing.state === 'open') {
      failing.append(Buffer.from('more'));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (let count = 0; count < 1000; count++) other.append(Buffer.alloc(900));
    await other.durable();
    await failing.close().catch(() => {});
    await other.close();
    const again = await Wal.open(directory + '/other', options);
    tell(JSON.stringify([typeof refusal, failing.failure.code, again.recovery.verdict,
      again.lastEventId]));
    await again.close();
  `;
  const [line = ''] = await runSound(script, folder, mappedOptions(t));
  const [refusal, failure, verdict, last] = JSON.parse(line);
  assert.equal(refusal, 'string');
  assert.match(failure, /^ERR_FLASHSTRIKE_/);
  assert.deepEqual([verdict, last], ['clean', 1000]);
});
