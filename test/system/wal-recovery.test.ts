// What an opening says of the end that it found: the verdict with file, offset, ids and counts, and
// what to do next, which is done here as it is said.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { replay, Wal, type WalError, type WalOptions } from '../../src/index.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { flashstrike } from './cli-process.js';

/**
 * Events 1 to 9 in blocks of 2, 3 and 4; the middle one is damaged, `durableEventId` was durable.
 */
function damaged(context: TestContext, durableEventId: number): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(context)).segment().events(2).events(3).events(4);
  builder.fileOf(1)[builder.blockOf(1, 1).offset + 80] = 0xee;
  return builder.meta({ durableEventId }).write();
}

const refusal = async (dir: string, options: WalOptions = {}): Promise<WalError> => {
  try {
    await (await Wal.open(dir, options)).close();
  } catch (error) {
    return error as WalError;
  }
  return assert.fail('the log has opened');
};

test('a clean end', async (context) => {
  const builder = new LogBuilder(temporaryFolder(context)).segment().events(3).meta().write();
  await using wal = await Wal.open(builder.dir);
  const { verdict, file, offset, lastEventId, droppedEvents, advice } = wal.recovery;
  const { offset: start, bytes } = builder.blockOf(1, 0);
  assert.deepEqual(
    { verdict, file, offset, lastEventId, droppedEvents, advice },
    {
      verdict: 'clean',
      file: builder.pathOf(1),
      offset: start + bytes,
      lastEventId: 3,
      droppedEvents: 0,
      advice: 'Nothing to do.',
    },
  );
});

test('a torn tail: where, behind which event, what was dropped, how it goes on', async (context) => {
  const builder = damaged(context, 2);
  const strict = await refusal(builder.dir, { recovery: 'strict' });
  assert.equal(strict.code, 'ERR_FLASHSTRIKE_TORN_TAIL');
  const { offset } = builder.blockOf(1, 1);
  assert.deepEqual([strict.path, strict.offset], [builder.pathOf(1), offset]);
  assert.match(strict.message, /event 2; .* never durable, events 3 to 9\..* recovery: 'default'/);

  await using wal = await Wal.open(builder.dir);
  const { recovery } = wal;
  assert.equal(recovery.verdict, 'torn-tail');
  assert.deepEqual([recovery.file, recovery.offset], [builder.pathOf(1), offset]);
  assert.deepEqual([recovery.lastEventId, recovery.droppedEvents], [2, 7]);
  const { bytes } = builder.blockOf(1, 2);
  assert.equal(recovery.droppedBytes, builder.blockOf(1, 2).offset + bytes - offset);
  assert.equal(recovery.advice, 'Nothing to do: the log continues with event 3 in a new segment.');
  assert.equal(wal.append(new Uint8Array(1)), 3);
});

test('damage is refused in every mode, and the command in the message saves the rest', async (context) => {
  const builder = damaged(context, 9);
  for (const recovery of ['default', 'strict', 'tolerate-tail'] as const) {
    const error = await refusal(builder.dir, { recovery });
    assert.equal(error.code, 'ERR_FLASHSTRIKE_CORRUPT', recovery);
    assert.deepEqual([error.path, error.offset], [builder.pathOf(1), builder.blockOf(1, 1).offset]);
    assert.match(error.message, /Events 3 to 5 are lost\./);
  }
  const { message } = await refusal(builder.dir);
  const [, words = ''] = /: flashstrike (salvage .*) NEW_FOLDER\.$/.exec(message) ?? [];
  const output = temporaryFolder(context);
  const { code, stderr } = await flashstrike([...words.split(' '), output]);
  assert.equal(code, 0, stderr);
  assert.equal(Array.from(replay(output)).length, 6);
  await (await Wal.open(output, { recovery: 'strict' })).close();
});

test('what nobody can tell: refused, unless tolerate-tail is asked for, which notes it', async (context) => {
  const builder = new LogBuilder(temporaryFolder(context)).segment().events(2);
  builder.fileOf(1)[4096] = 0;
  builder.write();
  for (const recovery of ['default', 'strict'] as const) {
    const error = await refusal(builder.dir, { recovery });
    assert.equal(error.code, 'ERR_FLASHSTRIKE_UNDECIDABLE', recovery);
    assert.match(error.message, /offset 4096, event 0; .*'tolerate-tail' .* event 1\.$/);
  }
  await using wal = await Wal.open(builder.dir, { recovery: 'tolerate-tail' });
  assert.equal(wal.recovery.verdict, 'torn-tail');
  assert.match(
    wal.recovery.notes.join(' '),
    /could not be determined; recovery: 'tolerate-tail' continued/,
  );
});
