// A whole run of the reading side: a log of several segments that a crash left behind is recovered,
// replayed, read from the middle, followed, verified, and once more with damage. Behind it no
// metric of recovery is zero.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { follow, openCursor, replay, verify } from '../../src/index.js';
import { recoverLog } from '../../src/recovery/recover-log.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import { recovery } from '../../src/telemetry.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';

/** Events 1-200, 201-300, 301-400; the last 100 were never durable, the last block is torn. */
function crashedLog(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(100).events(100).seal(100);
  builder.segment().events(50).events(50).watermark(300).seal();
  builder.segment().events(100, { durableEventId: 300 }).meta({ durableEventId: 300 });
  const torn = builder.events(10).blockOf(3, -1);
  builder.fileOf(3).fill(0, torn.offset + 100, torn.offset + torn.bytes);
  return builder.write();
}

/** Each kind of damage in a segment of its own. */
function damagedLog(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let segment = 0; segment < 4; segment++) builder.segment().events(5).events(5).seal();
  builder.segment().events(5).meta();
  const damage = (index: number, at: number): void => {
    builder.fileOf(index)[builder.blockOf(index, 1).offset + at] = 0xee;
  };
  damage(1, 0); // magic
  damage(2, 20); // header
  damage(3, 70); // payload
  const { offset, bytes } = builder.blockOf(4, 1);
  const other = new LogBuilder(temporaryFolder(t), { logId: builder.logId });
  for (let segment = 0; segment < 3; segment++) other.segment().events(5).events(5);
  other
    .segment()
    .events(5, { payload: new Uint8Array(40) })
    .events(5);
  builder.fileOf(4).set(other.fileOf(4).subarray(offset, offset + bytes), offset);
  return builder.write();
}

/** How often the event of a metric has happened. */
function timesOf(reading: unknown): number {
  if (typeof reading === 'number') return reading;
  const { samples, count } = reading as { samples?: number; count?: number };
  return samples ?? count ?? 0;
}

test('after a run no metric of recovery is zero', async (t) => {
  const telemetry = new recovery.Telemetry();
  const { dir } = crashedLog(t);
  const recovered = recoverLog(nodeStorage, dir, 'default', {}, undefined, telemetry);
  if (recovered.last !== undefined) nodeStorage.close(recovered.last.file.fd);
  assert.equal(recovered.verdict, 'torn-tail');

  const ids = [...replay(dir, { telemetry })].map(({ eventId }) => eventId);
  assert.equal(ids.length, 400);
  const cursor = openCursor(dir, { from: 250, telemetry });
  assert.ok(cursor.next());
  cursor.close();
  for await (const { eventId } of follow(dir, { telemetry })) if (eventId === 300) break;
  assert.equal((await verify(dir, { telemetry })).verdict, 'torn-tail');
  const damaged = await verify(damagedLog(t).dir, { telemetry });
  assert.equal(damaged.verdict, 'corruption');

  const zero = Object.entries(telemetry.toJSON()).flatMap(([struct, readings]) =>
    Object.entries(readings)
      .filter(([, reading]) => timesOf(reading) === 0)
      .map(([metric]) => `${struct}.${metric}`),
  );
  assert.deepEqual(zero, []);
});
