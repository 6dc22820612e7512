import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { eventually, settles } from '../../test/support/eventually.js';
import { code } from '../../test/support/log-content.js';
import { FakeLog } from './fake-log.js';
import { type RecordedLines, type RecordLinesOptions, recordLines } from './record-lines.js';

const streamOf = (...chunks: (string | Uint8Array)[]): Readable =>
  Readable.from(chunks, { objectMode: true });

async function turns(): Promise<void> {
  for (let count = 0; count < 10; count++) await turn();
}

test('each line is an event, wherever chunks are cut, and the report tells what was done', async () => {
  const log = new FakeLog();
  log.free = 100;
  const progress: RecordedLines[] = [];
  const chunks = ['one\ntw', Buffer.from('o\n\nthr'), new Uint8Array([0x65, 0x65])];
  const report = await recordLines(log, streamOf(...chunks), {
    type: 7,
    onProgress: (done) => progress.push(done),
  });
  assert.deepEqual(log.payloads, ['one', 'two', '', 'three']);
  assert.deepEqual(log.types, [7, 7, 7, 7]);
  assert.deepEqual(report, {
    events: 4,
    payloadBytes: 11,
    firstEventId: 1,
    lastEventId: 4,
    durableEventId: 4,
    isUnended: true,
    isInterrupted: false,
  });
  assert.deepEqual(
    progress.map(({ events }) => events),
    [1, 3, 3, 4],
  );
  assert.deepEqual(progress.at(-1), report);
});

test('nothing is durable, and nothing said, of a stream without lines', async () => {
  const log = new FakeLog();
  const report = await recordLines(log, streamOf());
  const nothing = { firstEventId: 0, lastEventId: 0, durableEventId: 0, isUnended: false };
  assert.deepEqual(report, { events: 0, payloadBytes: 0, isInterrupted: false, ...nothing });
});

test('it ends once the last line is durable, and not before', async () => {
  const log = new FakeLog();
  log.isDurableAtOnce = false;
  let isDone = false;
  const done = recordLines(log, streamOf('a\nb\n')).then((report) => {
    isDone = true;
    return report;
  });
  await eventually('both are appended', () => log.payloads.length === 2);
  log.change({ durableEventId: 1 });
  await turns();
  assert.equal(isDone, false);
  log.change({ durableEventId: 2 });
  assert.equal((await done).durableEventId, 2);
});

test('while the ring is full nothing more is read', async () => {
  const log = new FakeLog();
  log.free = 2;
  let read = 0;
  async function* endless(): AsyncGenerator<string> {
    for (; read < 1000; read++) yield 'line\n';
  }
  const done = recordLines(log, endless());
  await eventually('it waits', () => log.waiting === 1);
  const readUntilFull = read;
  await turns();
  assert.ok(readUntilFull <= 3);
  assert.equal(read, readUntilFull);
  assert.equal(log.payloads.length, 2);
  log.change({ free: Number.POSITIVE_INFINITY });
  assert.equal((await done).events, 1000);
  assert.equal(log.blockingAppends, 0, 'the thread is never blocked');
});

test('an abort ends a silent stream at once: whole lines are kept, the rest is left out', async () => {
  const log = new FakeLog();
  const controller = new AbortController();
  const stream = new PassThrough();
  stream.write('one\ntwo\nthr');
  const done = recordLines(log, stream, { signal: controller.signal });
  await eventually('the lines are there', () => log.payloads.length === 2);
  controller.abort();
  const report = await settles('the recording', done);
  assert.deepEqual(
    [report.events, report.isInterrupted, report.isUnended, stream.destroyed],
    [2, true, false, true],
  );
  async function* stuck(): AsyncGenerator<string> {
    inside.abort();
    await new Promise(() => {});
    yield 'never\n';
  }
  const inside = new AbortController();
  const fromInside = await settles('it', recordLines(log, stuck(), { signal: inside.signal }));
  assert.equal(fromInside.isInterrupted, true);
  const before = recordLines(log, streamOf('a\n'), { signal: AbortSignal.abort() });
  assert.deepEqual((await before).events, 0);
});

test('an abort while the ring is full: what was read is recorded, and blocks for that', async () => {
  const log = new FakeLog();
  log.free = 1;
  const controller = new AbortController();
  const { signal } = controller;
  const done = recordLines(log, streamOf('a\nb\nc\nd', 'e\n'), { signal });
  await eventually('it waits', () => log.waiting === 1);
  controller.abort();
  const report = await settles('the recording', done);
  assert.deepEqual(log.payloads, ['a', 'b', 'c']);
  assert.ok(log.blockingAppends > 0);
  assert.equal(report.isInterrupted, true);
});

test('an abort ends the wait for a disk that is full', async () => {
  const log = new FakeLog();
  log.isDurableAtOnce = false;
  const controller = new AbortController();
  const done = recordLines(log, streamOf('a\n'), { signal: controller.signal });
  await eventually('it is appended', () => log.payloads.length === 1);
  await turns();
  controller.abort();
  const { events, durableEventId, isInterrupted } = await settles('the recording', done);
  assert.deepEqual([events, durableEventId, isInterrupted], [1, 0, true]);
});

for (const [state, expected] of [
  ['failed', 'ERR_FLASHSTRIKE_FAILED'],
  ['closed', 'ERR_FLASHSTRIKE_CLOSED'],
] as const) {
  test(`a log that is ${state} ends it, also while nothing comes or the ring is full`, async () => {
    for (const free of [0, 10]) {
      const log = new FakeLog();
      log.free = free;
      const stream = new PassThrough();
      stream.write('one\n');
      const done = recordLines(log, stream);
      await eventually('it waits', () => log.waiting === 1 || log.payloads.length === 1);
      log.change({ state });
      await assert.rejects(settles('the recording', done), code(expected));
      assert.ok(stream.destroyed);
    }
  });
}

for (const [name, options, bad, why] of [
  ['too long for the limit', { maxLineBytes: 5 }, '123456', /it is longer than 5 bytes/],
  ['too long for an event', {}, 'x'.repeat(1_048_500), /large/],
  [
    'refused by encode',
    { encode: (line: Buffer) => Buffer.from(JSON.stringify(JSON.parse(line.toString()))) },
    'x\u001b[2J',
    /JSON|Unexpected/,
  ],
] as const) {
  test(`a line that is ${name} is named; those before it are kept`, async () => {
    const log = new FakeLog();
    const latest: RecordedLines[] = [];
    const given: RecordLinesOptions = {
      ...options,
      name: 'app.log',
      onProgress: (done) => latest.push(done),
    };
    const stream = streamOf(`1\n2\n${bad}\n4\n`, '5\n');
    await assert.rejects(recordLines(log, stream, given), (error: Error) => {
      assert.ok(!error.message.includes('\u001b'), 'nothing that a terminal obeys');
      assert.match(error.message, why);
      return code('ERR_FLASHSTRIKE_INPUT', /^line 3 of app\.log was not recorded: /)(error);
    });
    assert.deepEqual(log.payloads, ['1', '2']);
    assert.equal(latest.at(-1)?.events, 2, 'what was kept is told');
    assert.ok(stream.destroyed);
  });
}

test('encode makes the payload', async () => {
  const log = new FakeLog();
  const encode = (line: Buffer): Uint8Array => Buffer.from(line.toString().toUpperCase());
  await recordLines(log, streamOf('a\nb\n'), { encode });
  assert.deepEqual(log.payloads, ['A', 'B']);
  const nothing = recordLines(log, streamOf('c\n'), { encode: () => 5 as unknown as Uint8Array });
  await assert.rejects(nothing);
});

test('a failure of the stream is told as it is; lines before it are kept', async () => {
  const log = new FakeLog();
  async function* failing(): AsyncGenerator<string> {
    yield 'a\nb\nc';
    throw new RangeError('the cable');
  }
  await assert.rejects(recordLines(log, failing()), new RangeError('the cable'));
  assert.deepEqual(log.payloads, ['a', 'b']);
  await assert.rejects(
    recordLines(log, streamOf(5 as unknown as string)),
    code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /got number/),
  );
});

test('options and arguments that cannot work are refused before anything is read', async () => {
  const log = new FakeLog();
  const invalid = code('ERR_FLASHSTRIKE_INVALID_OPTION');
  const wrong = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT');
  for (const [options, told] of [
    [{ maxLineBytes: 0 }, invalid],
    [{ maxLineBytes: 1.5 }, invalid],
    [{ maxLineBytes: 2 ** 21 }, invalid],
    [{ encode: 'lines' }, invalid],
    [{ name: 5 }, invalid],
    [{ type: 65_536 }, invalid],
    [{ nonsense: 1 }, invalid],
    [{ signal: {} }, wrong],
    [{ onProgress: 5 }, wrong],
    [null, wrong],
  ] as const) {
    const stream = streamOf('a\n');
    await assert.rejects(recordLines(log, stream, options as RecordLinesOptions), told);
    assert.equal(stream.readableDidRead, false);
  }
  for (const source of ['text', undefined, null, {}]) {
    await assert.rejects(recordLines(log, source as unknown as Readable), wrong);
  }
  assert.deepEqual(log.payloads, []);
});
