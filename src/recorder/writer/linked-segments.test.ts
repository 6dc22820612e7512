// A snapshot by hard links (cp -al, rsnapshot) shares its files with the log. What is appended from
// then on must not show in it, whether the log was open, closed or killed, and whichever is opened
// first.
import assert from 'node:assert/strict';
import { linkSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../../../test/support/log-builder.js';
import { eventIdsIn, idsTo, SteppedLog, segmentsIn } from '../../../test/support/stepped-log.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { inspectLog } from '../../verification/inspect.js';
import { verify } from '../../verification/verify.js';

const BEFORE = 20;

const open = (dir: string, options = {}): SteppedLog =>
  new SteppedLog({ storage: nodeStorage }, dir, options);

/** Every file but LOCK, which the next opening of each makes anew. */
function snapshotOf(t: TestContext, dir: string): string {
  const snapshot = temporaryFolder(t);
  for (const name of readdirSync(dir)) {
    if (name !== 'LOCK') linkSync(join(dir, name), join(snapshot, name));
  }
  return snapshot;
}

const contentOf = (dir: string): Map<string, Buffer> =>
  new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]));

/** A log with events on disk, and what its end is like. */
function written(dir: string, end: 'closed' | 'killed' | 'open'): SteppedLog {
  const log = open(dir);
  log.write(BEFORE);
  log.commit();
  log.settle();
  if (end === 'closed') log.close();
  return log;
}

async function assertHolds(dir: string, last: number): Promise<void> {
  assert.equal((await verify(dir)).verdict, 'clean');
  assert.deepEqual(eventIdsIn(nodeStorage, dir), idsTo(last));
}

/** Opens the log again, appends so many events, closes it. */
function goOn(dir: string, events: number): SteppedLog {
  const log = open(dir);
  log.write(events);
  log.commit();
  log.close();
  return log;
}

for (const end of ['closed', 'killed'] as const) {
  for (const first of ['original', 'snapshot'] as const) {
    test(`of a log that was ${end}: both open, the ${first} first, and neither shows in the other`, async (t) => {
      const original = temporaryFolder(t);
      written(original, end);
      const snapshot = snapshotOf(t, original);
      const [one, two] = first === 'original' ? [original, snapshot] : [snapshot, original];
      await assertHolds(original, BEFORE);
      await assertHolds(snapshot, BEFORE);
      const { recovery } = goOn(one, 3);
      assert.match(recovery.notes.join(), /0000000001\.wal has 2 names/);
      await assertHolds(two, BEFORE);
      goOn(two, 5);
      await assertHolds(one, BEFORE + 3);
      await assertHolds(two, BEFORE + 5);
      assert.deepEqual(
        [segmentsIn(nodeStorage, one), segmentsIn(nodeStorage, two)],
        [
          [1, 2],
          [1, 2],
        ],
      );
    });
  }
}

test('of a log that is open: nothing is written to its files any more, and it opens as after a crash', async (t) => {
  const original = temporaryFolder(t);
  const log = written(original, 'open');
  const snapshot = snapshotOf(t, original);
  const content = contentOf(snapshot);
  log.clock.advanceMs(2);
  log.write(7);
  log.commit();
  log.settle();
  for (const [name, bytes] of content) {
    assert.ok(bytes.equals(readFileSync(join(snapshot, name))), name);
  }
  log.close();
  await assertHolds(original, BEFORE + 7);
  await assertHolds(snapshot, BEFORE);
  const [, second] = segmentsIn(nodeStorage, original);
  assert.equal(second, 2);
  assert.equal(statSync(join(original, '0000000002.wal')).nlink, 1);
  // The finished segment has no seal: it was not to be written to.
  assert.equal(inspectLog(original).segments[0]?.state, 'finished');
  goOn(snapshot, 1);
  await assertHolds(snapshot, BEFORE + 1);
});

test('of an open log with a commit that no header tells of yet: the close writes no watermark', (t) => {
  const original = temporaryFolder(t);
  const log = open(original);
  log.append();
  while (log.writtenEventId < 1) log.step();
  const snapshot = snapshotOf(t, original);
  const content = readFileSync(join(snapshot, '0000000001.wal'));
  log.clock.advanceMs(2);
  log.close();
  assert.ok(readFileSync(join(snapshot, '0000000001.wal')).equals(content));
  assert.equal(open(original).recovery.lastEventId, 1);
});

test('again and again: each snapshot keeps what it had', async (t) => {
  const original = temporaryFolder(t);
  const log = written(original, 'open');
  const snapshots: string[] = [];
  for (let round = 0; round < 4; round++) {
    snapshots.push(snapshotOf(t, original));
    log.clock.advanceMs(2);
    log.write(10);
    log.commit();
    log.settle();
  }
  log.close();
  for (const [round, snapshot] of snapshots.entries()) {
    await assertHolds(snapshot, BEFORE + 10 * round);
  }
  await assertHolds(original, BEFORE + 40);
});

test('a prepared file that is in a snapshot is not used: the next one is', (t) => {
  const original = temporaryFolder(t);
  const log = written(original, 'open');
  const preparedIn = (): string[] =>
    readdirSync(original).filter((name) => name.startsWith('prepared-'));
  let before = BEFORE;
  for (; preparedIn().length === 0; before++) log.write(1, 1000);
  log.commit();
  log.settle();
  const prepared = preparedIn();
  const snapshot = snapshotOf(t, original);
  const content = contentOf(snapshot);
  log.clock.advanceMs(2);
  log.write(500, 1000);
  log.commit();
  for (const name of prepared) {
    assert.ok(content.get(name)?.equals(readFileSync(join(snapshot, name))), name);
  }
  log.close();
  assert.equal(open(snapshot).recovery.lastEventId, before);
  assert.deepEqual(eventIdsIn(nodeStorage, original), idsTo(before + 500));
});
