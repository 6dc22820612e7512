// Streams of Node in and out of a real log: `recordLines`, `wal.writable`, `Readable.from(follow)`.
import assert from 'node:assert/strict';
import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { createGunzip, gzipSync } from 'node:zlib';
import { follow, type LoggedEvent, replay, Wal } from '../../src/index.js';
import { onBothAdapters } from '../support/adapters.js';
import { runSound } from '../support/child-script.js';
import { settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, code } from '../support/log-content.js';

const LINES = 20_000;
const TEXT = Array.from({ length: LINES }, (_, line) => `${line}: ${'x'.repeat(line % 90)}`);

const textOf = ({ payload }: LoggedEvent): string => Buffer.from(payload).toString();
const contentOf = (directory: string): string[] => [...replay(directory)].map(textOf);

onBothAdapters(
  'lines of a file come into the log, many times what its ring holds',
  async (t, v) => {
    const directory = join(temporaryFolder(t), 'log');
    const file = join(temporaryFolder(t), 'lines.gz');
    writeFileSync(file, gzipSync(TEXT.join('\n')));
    const wal = await Wal.open(directory, v.options);
    const unpacked = createReadStream(file).pipe(createGunzip());
    const report = await wal.recordLines(unpacked);
    assert.deepEqual([report.events, report.lastEventId], [LINES, LINES]);
    assert.equal(report.isUnended, true);
    assert.ok(wal.durableEventId >= LINES);

    await pipeline(createReadStream(file), createGunzip(), wal.writable({ lines: true, type: 2 }));
    assert.ok(wal.durableEventId >= 2 * LINES, 'finished is durable');
    await wal.close();
    assert.deepEqual(contentOf(directory), [...TEXT, ...TEXT]);
    assert.equal([...replay(directory, { from: 2 * LINES })][0]?.type, 2);
    await assertSound(directory);
  },
);

onBothAdapters('an abort ends the reading, and the log goes on', async (t, v) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, v.options);
  const controller = new AbortController();
  async function* endless(): AsyncGenerator<string> {
    for (let line = 1; ; line++) {
      if (line === LINES) controller.abort();
      yield `${line}\n`;
    }
  }
  const { signal } = controller;
  const { events, isInterrupted } = await settles('it', wal.recordLines(endless(), { signal }));
  assert.ok(isInterrupted && events < LINES);
  wal.append(Buffer.from('after'));
  await wal.close();
  const content = contentOf(directory);
  assert.deepEqual(content.slice(-2), [String(events), 'after']);
  assert.equal(content.length, events + 1);
});

onBothAdapters(
  'a follower is a Readable, from a log into whatever comes behind it',
  async (t, v) => {
    const directory = temporaryFolder(t);
    await using wal = await Wal.open(directory, v.options);
    const controller = new AbortController();
    const seen: string[] = [];
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(text, _encoding, done) {
        seen.push(String(text));
        if (seen.length === TEXT.length) controller.abort();
        setImmediate(done);
      },
    });
    const texts = new Transform({
      objectMode: true,
      transform: (event: LoggedEvent, _encoding, done) => done(null, textOf(event)),
    });
    const { signal } = controller;
    const reading = pipeline(Readable.from(follow(directory, { signal })), texts, slow);
    const source = Readable.from(TEXT.map((line) => `${line}\n`));
    await pipeline(source, wal.writable({ lines: true }));
    // The end of the follower is the end of the stream, and no error.
    await settles('the reading', reading);
    assert.deepEqual(seen, TEXT);
  },
);

test('destroying a Readable of a follower that waits ends it at once', async (t) => {
  const directory = temporaryFolder(t);
  await using wal = await Wal.open(directory, { sharedMemory: 'off' });
  const events = Readable.from(wal.follow());
  const closed = new Promise((resolve) => events.once('close', resolve));
  events.resume();
  events.destroy();
  await settles('the stream', closed);
});

onBothAdapters('a stream into a log that is closed meanwhile fails with its code', async (t, v) => {
  const wal = await Wal.open(temporaryFolder(t), v.options);
  const stream = wal.writable();
  stream.write('one');
  await wal.close();
  const failed = new Promise((resolve) => stream.once('error', resolve));
  stream.write('two');
  code('ERR_FLASHSTRIKE_CLOSED')(await settles('the stream', failed));
  assert.equal(stream.events, 1);
  const lines = wal.recordLines(Readable.from(['a\n']));
  await assert.rejects(lines, code('ERR_FLASHSTRIKE_CLOSED'));
});

/** Node parses the words from 24 on; before that a compiler makes calls of them. */
const noUsing = (() => {
  try {
    new Function('async () => { await using _ = null; }');
    return false;
  } catch {
    return 'this Node has no `await using` of its own';
  }
})();

test('`await using` of Node itself closes log, consumer, cursor and follower', {
  skip: noUsing,
}, async (t) => {
  const lines = await runSound(
    `
    const { Wal, openCursor, follow } = await import(INDEX);
    {
      await using wal = await Wal.open(directory, options);
      await using consumer = await wal.registerConsumer('one');
      wal.append(Buffer.from('a'));
      await wal.durable();
      using cursor = openCursor(directory);
      tell(String(cursor.next()));
      await using events = follow(directory);
      for await (const event of events) { tell(String(event.eventId)); break; }
      await consumer.acknowledge(1);
    }
    await (await Wal.open(directory, options)).close();
    tell('reopened');
    `,
    temporaryFolder(t),
    { sharedMemory: 'off' },
    { bare: true },
  );
  assert.deepEqual(lines, ['true', '1', 'reopened']);
});
