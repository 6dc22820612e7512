import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { eventually, settles } from '../../test/support/eventually.js';
import { code } from '../../test/support/log-content.js';
import { FakeLog } from './fake-log.js';
import { type WalWritableOptions, walWritable } from './wal-writable.js';

async function turns(): Promise<void> {
  for (let count = 0; count < 10; count++) await turn();
}

for (const [name, options, written, expected] of [
  ['a chunk is an event', { type: 3 }, ['one', Buffer.from('two\n'), 'three'], 'one|two\n|three'],
  ['a line is an event', { lines: true }, ['one\ntw', 'o\n\nthr', 'ee'], 'one|two||three'],
  [
    'a value is an event',
    { objectMode: true },
    ['text', Buffer.from('bytes'), { a: 1 }, [2], 5, true],
    'text|bytes|{"a":1}|[2]|5|true',
  ],
  [
    'encode makes an event of a value',
    { objectMode: true, encode: (value: unknown) => Buffer.from(`<${String(value)}>`) },
    ['a', 5],
    '<a>|<5>',
  ],
] as const) {
  test(`${name}, and everything is durable when it finishes`, async () => {
    const log = new FakeLog();
    log.isDurableAtOnce = false;
    const stream = walWritable(log, options as WalWritableOptions);
    let isFinished = false;
    stream.once('finish', () => {
      isFinished = true;
    });
    for (const chunk of written) stream.write(chunk);
    stream.end();
    const events = expected.split('|');
    await eventually('all are appended', () => log.payloads.length === events.length);
    await turns();
    assert.equal(isFinished, false, 'the last is not durable');
    const finished = once(stream, 'finish');
    log.change({ durableEventId: events.length });
    await settles('the stream', finished);
    assert.deepEqual(log.payloads, events);
    assert.deepEqual([stream.events, stream.lastEventId], [events.length, events.length]);
    assert.ok(log.types.every((type) => type === ('type' in options ? 3 : 0)));
  });
}

test('while the ring is full whoever writes is told to wait, and the order stays', async () => {
  const log = new FakeLog();
  log.free = 3;
  const values = Array.from({ length: 500 }, (_, index) => index);
  let taken = 0;
  const source = Readable.from(
    (function* () {
      for (const value of values) {
        taken++;
        yield value;
      }
    })(),
  );
  const done = pipeline(source, walWritable(log, { objectMode: true, highWaterMark: 4 }));
  await eventually('it waits', () => log.waiting === 1);
  await turns();
  assert.ok(taken < 60, `${taken} were taken`);
  log.change({ free: 10 });
  await eventually('it waits again', () => log.waiting === 1 && log.payloads.length === 13);
  log.change({ free: Number.POSITIVE_INFINITY });
  await settles('the pipeline', done);
  assert.deepEqual(log.payloads, values.map(String));
  assert.equal(log.durableEventId, values.length);
});

test('destroyed, it keeps what was appended, drops what waits, and leaves the log open', async () => {
  const log = new FakeLog();
  log.free = 1;
  const controller = new AbortController();
  for (const end of ['destroy', 'signal'] as const) {
    log.free = 1;
    log.payloads.length = 0;
    const stream = walWritable(log, { signal: controller.signal });
    const errors: Error[] = [];
    stream.on('error', (error) => errors.push(error));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    for (const chunk of ['a', 'b', 'c']) stream.write(chunk);
    await eventually('it waits', () => log.waiting > 0);
    if (end === 'destroy') stream.destroy();
    else controller.abort();
    await settles('the close', closed);
    log.change({ free: 10 });
    await turns();
    assert.deepEqual(log.payloads, ['a']);
    assert.deepEqual(
      errors.map(({ name }) => name),
      end === 'destroy' ? [] : ['AbortError'],
    );
    log.waiting = 0;
  }
  assert.equal(log.state, 'open');
});

test('a line that is still being written when it is destroyed is no event', async () => {
  const log = new FakeLog();
  const stream = walWritable(log, { lines: true });
  stream.write('one\ntw');
  await eventually('the first is there', () => log.payloads.length === 1);
  stream.destroy();
  await turns();
  assert.deepEqual(log.payloads, ['one']);
});

test('a log that ends fails the stream; a value that is none, too', async () => {
  const log = new FakeLog();
  log.change({ state: 'closed' });
  const write = (chunk: unknown, options: WalWritableOptions): Promise<void> =>
    pipeline(Readable.from([chunk]), walWritable(log, options));
  for (const options of [{}, { lines: true }]) {
    await assert.rejects(write('a\n', options), code('ERR_FLASHSTRIKE_CLOSED'));
  }
  log.change({ state: 'open', free: 0 });
  const full = write('a', {});
  await eventually('it waits', () => log.waiting > 0);
  log.change({ state: 'failed' });
  await assert.rejects(settles('the pipeline', full), code('ERR_FLASHSTRIKE_FAILED'));
  log.change({ state: 'open', free: 10 });
  const long = write('12345\n', { lines: true, maxLineBytes: 4 });
  await assert.rejects(long, code('ERR_FLASHSTRIKE_INPUT', /^line 1 of the stream/));
  const none = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /Bytes or text/);
  await assert.rejects(
    write(() => {}, { objectMode: true }),
    none,
  );
  for (const buffer of [new ArrayBuffer(3), new SharedArrayBuffer(3)]) {
    const refused = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /ArrayBuffer is recorded through/);
    await assert.rejects(write(buffer, { objectMode: true }), refused);
  }
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  await assert.rejects(write(cyclic, { objectMode: true }), /circular/);
  const thrown = write('a', {
    objectMode: true,
    encode: () => {
      throw new RangeError('not this one');
    },
  });
  await assert.rejects(thrown, new RangeError('not this one'));
  assert.deepEqual(log.payloads, []);
});

test('options that cannot work are refused at the call', () => {
  const log = new FakeLog();
  for (const options of [
    { lines: true, objectMode: true },
    { lines: 1 },
    { objectMode: 'yes' },
    { encode: () => Buffer.from('') },
    { maxLineBytes: 10 },
    { lines: true, maxLineBytes: 0 },
    { type: -1 },
    { line: true },
  ]) {
    const attempt = (): unknown => walWritable(log, options as WalWritableOptions);
    assert.throws(attempt, code('ERR_FLASHSTRIKE_INVALID_OPTION'), JSON.stringify(options));
  }
  const noSignal = { signal: {} as AbortSignal };
  assert.throws(() => walWritable(log, noSignal), code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'));
});
