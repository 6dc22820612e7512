// How a process may end with an open log: whatever its last line is, all events are kept, and what
// ends in an orderly way leaves neither lock nor region. The logs stand in memory: a process that
// ends waits ten seconds for its disk and no longer, and these tests are about all else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wal } from '../../src/index.js';
import {
  assertNoRegion,
  cannotMap,
  mappedOptions,
  onBothAdapters,
  regionFolder,
  type Variant,
} from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { contentOf } from '../support/log-content.js';

const APPEND_500 = `
const wal = await Wal.open(directory, options);
for (let id = 1; id <= 500; id++) wal.append(Buffer.from('event ' + id));
`;

function assertHolds(directory: string, events: number): void {
  const texts = contentOf(directory).map(({ payload }) => Buffer.from(payload).toString());
  assert.deepEqual(
    texts,
    Array.from({ length: events }, (_, at) => `event ${at + 1}`),
  );
}

/** All 500 events are in the files; nothing is locked, and nothing waits in shared memory. */
async function assertLeftInOrder(
  directory: string,
  options: Variant['options'],
  events = 500,
): Promise<void> {
  assertNoRegion(options);
  assertHolds(directory, events);
  await using wal = await Wal.open(directory, options);
  const { verdict, region, eventsFromRing, droppedEvents, droppedBytes } = wal.recovery;
  assert.deepEqual(
    { verdict, region, eventsFromRing, droppedEvents, droppedBytes },
    { verdict: 'clean', region: 'none', eventsFromRing: 0, droppedEvents: 0, droppedBytes: 0 },
  );
  assert.equal(wal.lastEventId, events);
}

interface Ending {
  readonly name: string;
  readonly script: string;
  readonly code: number;
  readonly stderr: RegExp;
}

const NOTHING = /^$/;

const ENDINGS: readonly Ending[] = [
  {
    name: 'a script whose last line is `await wal.durable()` ends with 0',
    script: `${APPEND_500}await wal.durable();`,
    code: 0,
    stderr: NOTHING,
  },
  {
    name: 'a script that ends without close',
    script: APPEND_500,
    code: 0,
    stderr: NOTHING,
  },
  {
    name: 'process.exit without close',
    script: `${APPEND_500}process.exit(3);`,
    code: 3,
    stderr: NOTHING,
  },
  {
    name: 'process.exit while durable is pending',
    script: `${APPEND_500}wal.durable(); process.exit(0);`,
    code: 0,
    stderr: NOTHING,
  },
  {
    name: 'process.exit while close is pending',
    script: `${APPEND_500}wal.close(); process.exit(0);`,
    code: 0,
    stderr: NOTHING,
  },
  {
    name: 'process.exit a moment after close was called',
    script: `${APPEND_500}wal.close(); setImmediate(() => process.exit(0));`,
    code: 0,
    stderr: NOTHING,
  },
  {
    name: 'an uncaught exception',
    script: `${APPEND_500}throw new Error('from the application');`,
    code: 1,
    stderr: /from the application/,
  },
  {
    name: 'an unhandled rejection',
    script: `${APPEND_500}await Promise.reject(new Error('from the application'));`,
    code: 1,
    stderr: /from the application/,
  },
];

for (const { name, script, code, stderr } of ENDINGS) {
  onBothAdapters(`${name}: all events are kept`, async (t, v) => {
    const directory = regionFolder(t);
    const ended = await Script.run(script, directory, v.options);
    assert.match(ended.stderr, stderr);
    assert.equal(ended.code, code);
    await assertLeftInOrder(directory, v.options);
  });
}

test('process.exit while an open is pending: with its own code, at whatever moment', async (t) => {
  const options = mappedOptions(t);
  for (let delayMs = 0; delayMs <= 240; delayMs += 12) {
    const directory = regionFolder(t);
    const script = `Wal.open(directory, options); setTimeout(() => process.exit(7), ${delayMs});`;
    const { code, signal, stderr } = await Script.run(script, directory, options);
    assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
  }
});

test('an exit handler of the application, set before open, may still append', async (t) => {
  const directory = regionFolder(t);
  const options = { ...mappedOptions(t), sharedMemory: 'off' as const };
  const script = `
    let wal;
    process.on('exit', () => wal.append(Buffer.from('event 501')));
    wal = await Wal.open(directory, options);
    for (let id = 1; id <= 500; id++) wal.append(Buffer.from('event ' + id));
    process.on('exit', () => {
      try { wal.append(Buffer.from('too late')); } catch (error) { tell(error.code); }
    });
  `;
  const { code, lines, stderr } = await Script.run(script, directory, options);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.deepEqual(lines, ['ERR_FLASHSTRIKE_CLOSED']);
  await assertLeftInOrder(directory, options, 501);
});

onBothAdapters('an open log does not hold the process, several logs neither', async (t, v) => {
  const directory = regionFolder(t);
  const script = `
    for (const name of ['/a', '/b']) {
      const wal = await Wal.open(directory + name, options);
      wal.append(Buffer.from('event 1'));
    }
  `;
  const { code, stderr } = await Script.run(script, directory, v.options);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  for (const name of ['/a', '/b']) await assertLeftInOrder(directory + name, v.options, 1);
});

onBothAdapters('pending durable, close and open hold the process', async (t, v) => {
  const directory = regionFolder(t);
  const script = `
    Wal.open(directory, options).then((wal) => {
      tell('open');
      wal.append(Buffer.from('event 1'));
      wal.durable().then(() => {
        tell('durable');
        wal.close().then(() => tell('closed'));
      });
    });
  `;
  const { code, lines, stderr } = await Script.run(script, directory, v.options);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.deepEqual(lines, ['open', 'durable', 'closed']);
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} without a handler leaves the region; the next open empties it`, {
    skip: cannotMap,
  }, async (t) => {
    const directory = regionFolder(t);
    const options = mappedOptions(t);
    const script = Script.start(
      t,
      `${APPEND_500}tell('appended'); setInterval(() => {}, 1000);`,
      directory,
      options,
    );
    await script.tells('appended');
    script.child.kill(signal);
    assert.equal((await script.ended).signal, signal);
    {
      await using wal = await Wal.open(directory, options);
      assert.equal(wal.recovery.region, 'recovered');
      assert.equal(wal.lastEventId, 500);
    }
    await assertLeftInOrder(directory, options);
  });
}
