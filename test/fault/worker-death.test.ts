// A thread of the log that ends before its time (terminated, out of memory, an error that nobody
// catches): the application is told, whoever waits is refused, nothing hangs, and no other's
// descriptor is closed.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Wal } from '../../src/index.js';
import { cannotMap, mappedOptions, onBothAdapters, type Variant } from '../support/adapters.js';
import { type Ended, Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, code, contentOf } from '../support/log-content.js';
import { WORKERS } from '../support/workers-script.js';

/** A log with 100 durable events. */
const LOG = `
const append = () => wal.append(Buffer.from('event ' + (wal.lastEventId + 1)));
const outcome = (action) => {
  try { return [typeof action()]; } catch (error) { return [error.code, error.message]; }
};
const wal = await Wal.open(directory, options);
for (let count = 0; count < 100; count++) append();
await wal.durable();
const failed = async () => {
  while (wal.state === 'open') await new Promise((resolve) => setTimeout(resolve, 5));
  return wal.failure;
};
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
  const script = Script.start(t, WORKERS + text, directory, options, { bare: true });
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
    const text = `${LOG}
      const mine = openSync('/dev/null');
      terminateAtOnce('${thread}');
      for (let count = 0; count < 50; count++) append();
      const durable = await settled(wal.durable());
      const { code, message, path } = await failed();
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

onBothAdapters('the maintainer thread dies: the log goes on without it', async (t, v) => {
  const directory = temporaryFolder(t);
  const text = `${LOG}
    const warnings = [];
    process.on('warning', ({ code, message }) => warnings.push([code, message]));
    await wal.deleteBefore(1);
    terminateAtOnce('maintainer');
    while (warnings.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    append();
    const story = {
      warnings,
      deletion: await settled(wal.deleteBefore(1)),
      durable: await settled(wal.durable()),
      state: wal.state,
      close: await settled(wal.close()),
    };
    tell(JSON.stringify(story));
    process.removeAllListeners('warning');
  `;
  const ended = await run(t, text, directory, v.options);
  assert.equal(ended.code, 0, ended.stderr);
  const story = JSON.parse(ended.lines.at(-1) ?? '{}') as Record<string, Outcome>;
  const [warning, ...more] = story['warnings'] as unknown as Outcome[];
  assert.equal(warning?.[0], 'ERR_FLASHSTRIKE_WORKER_DIED');
  assert.match(warning?.[1] ?? '', /are not maintained any more.*maintainer thread ended/);
  assert.deepEqual(more, []);
  assert.equal(story['deletion']?.[0], 'ERR_FLASHSTRIKE_WORKER_DIED');
  assert.equal(story['state'], 'open');
  assert.deepEqual([story['durable'], story['close']], [[101], [null]]);
  assert.deepEqual(textsOf(directory), events(101));
});

test('the writer dies while append waits for room: the wait is bounded', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...mappedOptions(t), stallTimeoutMs: 300 };
  const text = `${LOG}
    terminateAtOnce('writer');
    let refusal;
    while (refusal === undefined) {
      try { append(); } catch (error) { refusal = error.code; }
    }
    const last = wal.lastEventId;
    await failed();
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
    const text = `${LOG}
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
    const text = `${LOG}
      await terminate('${thread}');
      await failed();
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

const ENDS = {
  'throws an error': {
    act: "throw new Error('out of order')",
    limits: {},
    cause: /out of order/,
  },
  'runs out of memory': {
    act: 'const hog = []; for (;;) hog.push(new Array(1000).fill(hog.length))',
    limits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
    cause: /memory/,
  },
};

for (const [how, { act, limits, cause }] of Object.entries(ENDS)) {
  for (const thread of ['writer', 'preparer', 'housekeeping']) {
    test(`the ${thread} thread ${how}: all are told why`, { skip: cannotMap }, async (t) => {
      const directory = temporaryFolder(t);
      const options = mappedOptions(t);
      const sign = join(temporaryFolder(t), 'sign');
      // The thread does so where it would have gone to sleep.
      const text = `
        const workerOptions = ${JSON.stringify({ resourceLimits: limits, argv: [sign] })};
        trap = { thread: '${thread}', options: workerOptions, text: \`
          import { existsSync } from 'node:fs';
          const wait = Atomics.wait;
          Atomics.wait = (...given) => {
            if (existsSync(process.argv.at(-1))) { ${act} }
            return wait(...given);
          };\` };
        ${LOG}
        closeSync(openSync(${JSON.stringify(sign)}, 'w'));
        for (let count = 0; count < 50; count++) append();
        // Housekeeping and preparer sleep for as long as a second.
        const { code, message, cause } = await failed();
        const close = await settled(wal.close());
        tell(JSON.stringify({ code, message, cause: cause.message, close }));
      `;
      const story = await storyOf(await run(t, text, directory, options));
      assert.equal(story['code'], 'ERR_FLASHSTRIKE_WORKER_DIED');
      assert.match(String(story['message']), new RegExp(`the ${thread} thread ended unexpectedly`));
      assert.match(String(story['cause']), cause);
      assert.equal((story['close'] as Outcome)[0], 'ERR_FLASHSTRIKE_FAILED');
      await using wal = await Wal.open(directory, options);
      assert.equal(wal.recovery.region, 'recovered');
      assert.equal(wal.lastEventId, 150);
      await wal.close();
      assert.deepEqual(textsOf(directory), events(150));
      await assertSound(directory);
    });
  }
}

test('a thread that dies at the start refuses the open', { skip: cannotMap }, async (t) => {
  const options = mappedOptions(t);
  for (const thread of ['writer', 'preparer', 'housekeeping']) {
    const directory = temporaryFolder(t);
    const text = `${LOG}
      await wal.close();
      // It would have served the next log as well.
      await terminate('${thread}');
      trap = { thread: '${thread}', text: 'process.exit(3)' };
      tell(JSON.stringify({ opening: await settled(Wal.open(directory, options)) }));
    `;
    const story = await storyOf(await run(t, text, directory, options));
    const [refusal, message] = story['opening'] as Outcome;
    assert.equal(refusal, 'ERR_FLASHSTRIKE_WORKER_DIED');
    assert.match(message, /exit code 3/);
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.lastEventId, 100);
    await assert.rejects(Wal.open(directory, options), code('ERR_FLASHSTRIKE_LOCKED'));
  }
});

/**
 * Native calls of which the process dies when their thread is terminated: the first in a thread.
 */
const NATIVE_CALLS = {
  'binds the native library': `
    const { load } = koffi;
    koffi.load = (name) => {
      const library = load(name);
      return { func: (prototype) => { stand(); return library.func(prototype); } };
    };`,
  'views the region': `
    const { view } = koffi;
    koffi.view = (address, bytes) => { stand(); return view(address, bytes); };`,
};

for (const [what, patch] of Object.entries(NATIVE_CALLS)) {
  test(`process.exit while a thread ${what} waits for that`, { skip: cannotMap }, async (t) => {
    for (const thread of ['writer', 'preparer', 'housekeeping']) {
      const directory = temporaryFolder(t);
      const sign = join(temporaryFolder(t), 'sign');
      // From the sign on the thread stands in a system call, and next is in the native call: there
      // is nothing between the two where V8 would stop it.
      const text = `
        trap = { thread: '${thread}', options: { argv: [${JSON.stringify(sign)}] }, text: \`
          import { closeSync, openSync, readSync } from 'node:fs';
          import { createRequire } from 'node:module';
          // The native part itself, which the log's threads load by its path.
          const koffi = createRequire('${import.meta.url}')('koffi').default;
          const byte = new Uint8Array(1);
          let stands = false;
          const stand = () => {
            if (stands) return;
            stands = true;
            closeSync(openSync(process.argv.at(-1), 'w'));
            readSync(0, byte);
          };
          ${patch}\` };
        Wal.open(directory, options);
        const signed = () => existsSync(${JSON.stringify(sign)});
        while (!signed()) await new Promise((resolve) => setTimeout(resolve, 1));
        tell('leaves');
        process.exit(7);
      `;
      const options = mappedOptions(t);
      const script = Script.start(t, WORKERS + text, directory, options, { bare: true });
      await script.tells('leaves');
      await setTimeout(300);
      script.tell();
      const { code: exitCode, signal, stderr } = await script.ended;
      assert.deepEqual({ exitCode, signal, stderr }, { exitCode: 7, signal: null, stderr: '' });
      await using wal = await Wal.open(directory, options);
      assert.equal(wal.lastEventId, 0);
    }
  });
}
