// A snapshot by hard links of the whole folder (cp -al, rsnapshot): LOCK, too, is one file under
// two names. Both logs open, at the same time, and neither shows in the other.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../src/errors.js';
import { verify, Wal } from '../../src/index.js';
import { onBothAdapters } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { appendEvents, assertHoldsEvents } from '../support/log-content.js';

/** As `cp -al` does it, which goes on behind a wal.meta.tmp that got its name meanwhile. */
function linkAll(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    try {
      linkSync(join(from, name), join(to, name));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || !name.endsWith('.tmp')) throw error;
    }
  }
}

onBothAdapters('a snapshot of a closed log, with its LOCK: both are open at once', async (t, v) => {
  const root = temporaryFolder(t);
  const [original, snapshot] = [join(root, 'log'), join(root, 'snapshot')];
  const first = await Wal.open(original, v.options);
  await first.durable(appendEvents(first, 500));
  await first.close();
  linkAll(original, snapshot);
  assert.equal(statSync(join(original, 'LOCK')).nlink, 2);
  for (const dir of [original, snapshot]) assert.equal((await verify(dir)).verdict, 'clean');
  const one = await Wal.open(original, v.options);
  const two = await Wal.open(snapshot, v.options);
  await one.durable(appendEvents(one, 10));
  await two.durable(appendEvents(two, 20));
  assert.equal(statSync(join(original, 'LOCK')).nlink, 1);
  await one.close();
  await two.close();
  assertHoldsEvents(original, 510);
  assertHoldsEvents(snapshot, 520);
});

onBothAdapters('a snapshot of a running log, with its LOCK: it opens beside it', async (t, v) => {
  const root = temporaryFolder(t);
  const [original, snapshot] = [join(root, 'log'), join(root, 'snapshot')];
  const running = await Wal.open(original, v.options);
  await running.durable(appendEvents(running, 500));
  linkAll(original, snapshot);
  await running.durable(appendEvents(running, 700));
  const other = await Wal.open(snapshot, v.options);
  assert.equal(other.lastEventId, 500);
  await other.durable(appendEvents(other, 5));
  await running.durable(appendEvents(running, 10));
  await running.close();
  await other.close();
  assertHoldsEvents(original, 1210);
  assertHoldsEvents(snapshot, 505);
});
