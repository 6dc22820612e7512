// What a consumer has acknowledged was durable: who judges the end of a log goes by that too.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { writeConsumer } from '../../test/support/consumer-file.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { codeOf } from '../errors.js';
import { recoverLog } from '../recovery/recover-log.js';
import { replayThrough } from '../replay/replay.js';
import { salvageThrough } from '../salvage/salvage.js';
import { slotOffset } from '../segment/consumer-record.js';
import { nodeStorage } from '../storage/node-storage.js';
import { inspectLog } from '../verification/inspect.js';
import { verifyThrough } from '../verification/verify.js';
import { FILE_PORTS } from './reading-ports.js';

/** Events 1 to 5, of which the last three are torn; wal.meta knows of the first two. */
function tornAtThree(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
  builder.fileOf(1)[builder.blockOf(1, 1).offset + 100] = 0xee;
  return builder.meta({ durableEventId: 2 }).write();
}

/** The verdict, or the code of the error. */
function opened({ dir }: LogBuilder): string {
  try {
    const { verdict, last } = recoverLog(nodeStorage, dir, 'default', {});
    if (last !== undefined) nodeStorage.close(last.file.fd);
    return verdict;
  } catch (error) {
    return codeOf(error) ?? assert.fail(String(error));
  }
}

async function replayed(dir: string): Promise<string> {
  try {
    for await (const _ of replayThrough(FILE_PORTS, dir));
    return 'sound';
  } catch (error) {
    return codeOf(error) ?? assert.fail(String(error));
  }
}

test('a tail that a consumer has acknowledged is damaged, to all who read or open the log', async (t) => {
  const builder = tornAtThree(t);
  const { dir, logId } = builder;
  assert.equal(opened(builder), 'torn-tail');
  writeConsumer(dir, logId, 2);
  assert.equal(opened(builder), 'torn-tail');
  writeConsumer(dir, logId, 5);
  assert.equal(opened(builder), 'ERR_FLASHSTRIKE_CORRUPT');
  assert.equal(await replayed(dir), 'ERR_FLASHSTRIKE_CORRUPT');
  const { verdict, problems } = await verifyThrough(FILE_PORTS, dir);
  assert.equal(verdict, 'corruption');
  assert.deepEqual([problems[0]?.firstEventId, problems[0]?.lastEventId], [3, 5]);
  assert.equal(inspectLog(dir, FILE_PORTS).tail?.verdict, 'corruption');
  const gaps = [];
  for await (const part of salvageThrough(FILE_PORTS, dir))
    if (part.kind === 'gap') gaps.push(part);
  assert.deepEqual(
    gaps.map(({ firstEventId, lastEventId }) => [firstEventId, lastEventId]),
    [[3, 5]],
  );
});

test('what is not confirmed, of another log, or damaged proves nothing', (t) => {
  const builder = tornAtThree(t);
  const { dir, logId } = builder;
  const path = writeConsumer(dir, logId, 2, 5);
  assert.equal(opened(builder), 'torn-tail');
  writeConsumer(dir, logId + 1n, 5);
  assert.equal(opened(builder), 'torn-tail');
  writeConsumer(dir, logId, 5);
  const bytes = readFileSync(path);
  for (const sequence of [1, 2]) bytes[slotOffset(sequence)] = 0xee;
  writeFileSync(path, bytes);
  assert.equal(opened(builder), 'torn-tail');
});

test('a consumer far behind does not show that nothing came after a finished segment', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(5).seal().write();
  assert.equal(opened(builder), 'ERR_FLASHSTRIKE_UNDECIDABLE');
  writeConsumer(builder.dir, builder.logId, 3);
  assert.equal(opened(builder), 'ERR_FLASHSTRIKE_UNDECIDABLE');
});

test('a folder in which only a consumer is left was no empty log', async (t) => {
  const builder = new LogBuilder(temporaryFolder(t));
  const { dir, logId } = builder;
  writeConsumer(dir, logId, 0);
  assert.equal(opened(builder), 'new', 'it had acknowledged nothing');
  writeConsumer(dir, logId, 500);
  assert.equal(opened(builder), 'ERR_FLASHSTRIKE_CORRUPT');
  assert.equal(await replayed(dir), 'ERR_FLASHSTRIKE_CORRUPT');
  const { problems } = await verifyThrough(FILE_PORTS, dir);
  assert.deepEqual([problems[0]?.firstEventId, problems[0]?.lastEventId], [1, 500]);
  builder.meta().write();
  assert.equal(opened(builder), 'ERR_FLASHSTRIKE_CORRUPT');
  writeConsumer(dir, logId + 1n, 500);
  assert.equal(opened(builder), 'new');
  const { notes } = recoverLog(nodeStorage, dir, 'default', {});
  assert.match(
    notes.join(' '),
    /belongs to another log.* All events are kept for consumer billing/,
  );
});
