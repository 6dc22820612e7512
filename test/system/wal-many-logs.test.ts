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

/** More than there are threads that write. */
const AT = [0, 1, 2, 3, 4, 5, 6, 7];
const LOGS = `
const names = Array.from({ length: 8 }, (_, at) => directory + '/' + at);
const open = async (name) => {
  const wal = await Wal.open(name, options);
  for (let n = 0; n < 10; n++) wal.append(Buffer.from('event ' + (wal.lastEventId + 1)));
  await wal.durable();
  return wal;
};
`;

onBothAdapters('logs that share all their threads keep apart', async (t, v) => {
  const folder = temporaryFolder(t);
  const logs = await Promise.all(AT.map((at) => Wal.open(join(folder, String(at)), v.options)));
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
    const whileOpen = [count('writer'), ...counts()];
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
    // The fourth opens those that three others write.
    whileOpen: [4, 1, 1],
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
    const paths = AT.map((at) => join(folder, String(at)));
    assert.deepEqual(
      failures,
      paths.map((path) => ['ERR_FLASHSTRIKE_WORKER_DIED', path]),
    );
    assert.deepEqual(closes, new Array(AT.length).fill('ERR_FLASHSTRIKE_FAILED'));
    assert.deepEqual(last, new Array(AT.length).fill(21));
  });
}

test('a writer thread of several logs dies: these are told, the others go on, nothing is lost', {
  skip: cannotMap,
}, async (t) => {
  const script = `${WORKERS}${LOGS}
    const logs = [];
    for (const name of names) logs.push(await open(name));
    terminateAtOnce('writer');
    for (const wal of logs) wal.append(Buffer.from('event 11'));
    // Three write, and each log went to the one with the fewest.
    const dead = logs.filter((_, at) => at % 3 === 0);
    while (dead.some((wal) => wal.state === 'open')) await new Promise((r) => setTimeout(r, 5));
    const others = logs.filter((_, at) => at % 3 !== 0);
    const durable = await Promise.all(others.map((wal) => wal.durable()));
    const codes = dead.map((wal) => wal.failure.code);
    await Promise.all(logs.map((wal) => settled(wal.close())));
    const next = [];
    for (const name of names) next.push(await open(name));
    tell(JSON.stringify({ durable, codes, last: next.map((wal) => wal.lastEventId) }));
    await Promise.all(next.map((wal) => wal.close()));
  `;
  const folder = temporaryFolder(t);
  const ended = await Script.start(t, script, folder, mappedOptions(t), { bare: true }).ended;
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.deepEqual(JSON.parse(ended.lines.at(-1) ?? ''), {
    durable: new Array(5).fill(11),
    codes: new Array(3).fill('ERR_FLASHSTRIKE_WORKER_DIED'),
    last: new Array(AT.length).fill(21),
  });
  for (const at of AT) await assertSound(join(folder, String(at)));
});

test('logs that are handed over go on where they were, round after round', async (t) => {
  const folder = temporaryFolder(t);
  const options = { ...mappedOptions(t), sharedMemory: 'auto' as const };
  const texts: string[][] = AT.map(() => []);
  for (let round = 0; round < 4; round++) {
    const logs: Wal[] = [];
    for (const at of AT) logs.push(await Wal.open(join(folder, String(at)), options));
    for (const [at, wal] of logs.entries()) {
      // Some within the segment, some far beyond it.
      for (let count = 0; count < (at + round) * 13; count++) {
        const text = `${at} ${round} ${count}`.repeat(50);
        wal.append(Buffer.from(text));
        texts[at]?.push(text);
      }
    }
    await Promise.all(logs.map((wal) => wal.close()));
    for (const at of AT) {
      const directory = join(folder, String(at));
      const found = contentOf(directory).map(({ payload }) => Buffer.from(payload).toString());
      assert.deepEqual(found, texts[at]);
      await assertSound(directory);
    }
  }
});

test('logs that share threads lose nothing when their process is killed', {
  skip: cannotMap,
}, async (t) => {
  const script = `${LOGS}
    const logs = await Promise.all(names.map(open));
    tell('open');
    for (let count = 11; ; count++) {
      for (const wal of logs) wal.append(Buffer.from('event ' + count));
      if (count % 100 === 0) {
        tell(String(count));
        await new Promise(setImmediate);
      }
    }
  `;
  const [folder, options] = [temporaryFolder(t), mappedOptions(t)];
  const process = Script.start(t, script, folder, options);
  await process.tells('500');
  process.child.kill('SIGKILL');
  const { lines } = await process.ended;
  const told = Number(lines.at(-1));
  const logs = await Promise.all(AT.map((at) => Wal.open(join(folder, String(at)), options)));
  for (const wal of logs) {
    assert.ok(wal.lastEventId >= told, `${wal.lastEventId} of ${told}`);
    const found = [...wal.replay()].map(({ payload }) => Buffer.from(payload).toString());
    assert.deepEqual(
      found,
      found.map((_, at) => `event ${at + 1}`),
    );
    await wal.close();
  }
});

test('a log with threads of its own shares none', { skip: cannotMap }, async (t) => {
  const script = `${WORKERS}${LOGS}
    const shared = await open(names[0]);
    options.threads = 'own';
    const own = await open(names[1]);
    options.threads = 'shared';
    const other = await open(names[2]);
    const count = (name) => workers.filter(({ url }) => url.includes(name)).length;
    tell(JSON.stringify([count('writer'), count('preparer'), count('housekeeping')]));
    for (const wal of [shared, own, other]) await wal.close();
  `;
  const folder = temporaryFolder(t);
  const ended = await Script.start(t, script, folder, mappedOptions(t), { bare: true }).ended;
  assert.deepEqual([ended.code, ended.stderr, ended.lines.at(-1)], [0, '', '[3,2,2]']);
});

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
