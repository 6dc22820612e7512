// A thread of the log that ends before its time (terminated here, out of memory in real life): the
// application is told, whoever waits is refused, nothing hangs, and no other's descriptor is closed.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Wal } from '../../src/index.js';
import { cannotMap, mappedOptions, onBothAdapters, type Variant } from '../support/adapters.js';
import { type Ended, Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, code, contentOf } from '../support/log-content.js';

/** Finds the log's workers, which its surface rightly does not show. */
const PRELUDE = `
import threads from 'node:worker_threads';
import { fstatSync, openSync, readlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const workers = [];
threads.Worker = class extends threads.Worker {
  constructor(url, workerOptions) {
    super(url, workerOptions);
    workers.push({ url: String(url), worker: this });
  }
};
syncBuiltinESMExports();
const { Wal } = await import(INDEX);
const terminate = (name) => workers.find(({ url }) => url.includes(name)).worker.terminate();
const blockFor = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const append = () => wal.append(Buffer.from('event ' + (wal.lastEventId + 1)));
const outcome = (action) => {
  try { return [typeof action()]; } catch (error) { return [error.code, error.message]; }
};
const settled = (promise) => promise.then((value) => [value], (error) => [error.code, error.message]);
const wal = await Wal.open(directory, options);
for (let count = 0; count < 100; count++) append();
await wal.durable();
`;

const events = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `event ${at + 1}`);

const textsOf = (directory: string): string[] =>
  contentOf(directory).map(({ payload }) => Buffer.from(payload).toString());

async function run(
  t: TestContext,
  text: string,
  directory: string,
  options: Variant['options'],
): Promise<Ended> {
  const script = Script.start(t, PRELUDE + text, directory, options, { bare: true });
  return await script.ended;
}

async function storyOf(ended: Ended): Promise<Record<string, unknown>> {
  assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
  return JSON.parse(ended.lines.at(-1) ?? '{}');
}

type Outcome = readonly [string, string];

for (const thread of ['writer', 'preparer', 'housekeeping']) {
  onBothAdapters(`the ${thread} thread dies: all are told, nothing hangs`, async (t, v) => {
    const directory = temporaryFolder(t);
    const text = `
      const mine = openSync('/dev/null');
      terminate('${thread}');
      blockFor(300);
      // In the same turn: nobody has noticed yet.
      for (let count = 0; count < 50; count++) append();
      const durable = await settled(wal.durable());
      while (wal.state === 'open') await new Promise((resolve) => setTimeout(resolve, 5));
      const { code, message, path } = wal.failure;
      const story = {
        durable,
        state: wal.state,
        failure: { code, message, path },
        append: outcome(append),
        later: await settled(wal.durable()),
        earlier: await settled(wal.durable(100)),
        close: await settled(wal.close()),
        mine: [fstatSync(mine).isCharacterDevice(), readlinkSync('/proc/self/fd/' + mine)],
      };
      tell(JSON.stringify(story));
    `;
    const story = await storyOf(await run(t, text, directory, v.options));
    const { durable, earlier, append, later, close, failure } = story as Record<string, Outcome>;
    assert.equal(story['state'], 'failed');
    const { code: failed, message, path } = failure as unknown as Record<string, string>;
    assert.equal(failed, 'ERR_FLASHSTRIKE_WORKER_DIED');
    assert.match(message ?? '', new RegExp(`the ${thread} thread ended unexpectedly`));
    assert.equal(path, directory);
    assert.equal(append?.[0], 'ERR_FLASHSTRIKE_FAILED');
    assert.equal(close?.[0], 'ERR_FLASHSTRIKE_FAILED');
    assert.match(close?.[1] ?? '', /thread ended unexpectedly/);
    assert.ok(Number(earlier?.[0]) >= 100);
    if (thread === 'writer') {
      for (const refusal of [durable, later]) {
        assert.equal(refusal?.[0], 'ERR_FLASHSTRIKE_DURABILITY_UNKNOWN');
      }
    }
    assert.deepEqual(story['mine'], [true, '/dev/null']);
    await using wal = await Wal.open(directory, v.options);
    // The writer alone moves events out of the ring.
    const last = thread === 'writer' && v.adapter === 'portable' ? 100 : 150;
    assert.equal(wal.lastEventId, last);
    assert.equal(wal.recovery.region, v.adapter === 'mapped' ? 'recovered' : 'none');
    await wal.close();
    assert.deepEqual(textsOf(directory), events(last));
    await assertSound(directory);
  });
}

test('the writer dies while append waits for room: the wait is bounded', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...mappedOptions(t), stallTimeoutMs: 300 };
  const text = `
    terminate('writer');
    blockFor(300);
    let refusal;
    while (refusal === undefined) {
      try { append(); } catch (error) { refusal = error.code; }
    }
    const last = wal.lastEventId;
    while (wal.state === 'open') await new Promise((resolve) => setTimeout(resolve, 5));
    tell(JSON.stringify({ refusal, last, then: outcome(append)[0] }));
  `;
  const story = await storyOf(await run(t, text, directory, options));
  assert.equal(story['refusal'], 'ERR_FLASHSTRIKE_STALLED');
  assert.equal(story['then'], 'ERR_FLASHSTRIKE_FAILED');
  const last = Number(story['last']);
  await using wal = await Wal.open(directory, options);
  assert.equal(wal.recovery.eventsFromRing, last - 100);
  assert.equal(wal.lastEventId, last);
});

for (const thread of ['writer', 'preparer', 'housekeeping']) {
  test(`the ${thread} thread dies while the log is closed`, { skip: cannotMap }, async (t) => {
    const directory = temporaryFolder(t);
    const options = mappedOptions(t);
    // Terminated before it could look at the request to stop.
    const text = `
      for (let count = 0; count < 50; count++) append();
      terminate('${thread}');
      const close = await settled(wal.close());
      tell(JSON.stringify({ close, state: wal.state, failure: wal.failure?.code }));
    `;
    const story = await storyOf(await run(t, text, directory, options));
    assert.equal(story['state'], 'closed');
    const [closed] = story['close'] as Outcome;
    const failed = closed === 'ERR_FLASHSTRIKE_FAILED';
    assert.ok(failed || closed === null, `close: ${closed}`);
    assert.equal(story['failure'], failed ? 'ERR_FLASHSTRIKE_WORKER_DIED' : undefined);
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.recovery.region, failed ? 'recovered' : 'none');
    assert.equal(wal.lastEventId, 150);
  });
}

test('process.exit after a thread has died does not wait for it', {
  skip: cannotMap,
}, async (t) => {
  for (const thread of ['writer', 'preparer', 'housekeeping']) {
    const directory = temporaryFolder(t);
    const options = mappedOptions(t);
    const text = `
      await terminate('${thread}');
      while (wal.state === 'open') await new Promise((resolve) => setTimeout(resolve, 5));
      const startMs = performance.now();
      process.on('exit', () => tell(String(performance.now() - startMs)));
      process.exit(0);
    `;
    const { code: exitCode, stderr } = await run(t, text, directory, options);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.lastEventId, 100);
  }
});

test('a thread that dies at the start refuses the open', { skip: cannotMap }, async (t) => {
  const options = mappedOptions(t);
  for (const thread of ['writer', 'preparer', 'housekeeping']) {
    const directory = temporaryFolder(t);
    const text = `
      await wal.close();
      workers.length = 0;
      const opening = settled(Wal.open(directory, options));
      terminate('${thread}');
      tell(JSON.stringify({ opening: await opening }));
    `;
    const story = await storyOf(await run(t, text, directory, options));
    assert.equal((story['opening'] as Outcome)[0], 'ERR_FLASHSTRIKE_WORKER_DIED');
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.lastEventId, 100);
    await assert.rejects(Wal.open(directory, options), code('ERR_FLASHSTRIKE_LOCKED'));
  }
});
