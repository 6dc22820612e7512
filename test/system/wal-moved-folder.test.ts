// The folder of a log that is open is renamed, or the link that leads to it is switched, and a new
// log begins under the old path: each goes on by itself, and nothing of one is ever in the other's
// folder.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, realpathSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Wal, type WalError } from '../../src/index.js';
import { META_TEMPORARY_FILE } from '../../src/segment/file-names.js';
import { cannotMap, mappedOptions, onBothAdapters } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import {
  appendEvents,
  assertHoldsEvents,
  assertSound,
  code,
  contentOf,
  durableInMeta,
  segmentFiles,
} from '../support/log-content.js';
import { WORKERS } from '../support/workers-script.js';

const skip = process.platform === 'linux' ? false : 'only Linux reaches a folder by its descriptor';
const WAYS = ['renamed', 'link switched'] as const;

interface Place {
  /** As the application names the log. */
  readonly path: string;
  /** Where its folder is from the move on. */
  readonly moved: string;
  /** From here on `path` names an empty folder. */
  readonly move: () => void;
}

function placeOf(t: TestContext, how: (typeof WAYS)[number]): Place {
  const base = realpathSync(temporaryFolder(t));
  const path = join(base, 'log');
  const moved = join(base, 'moved');
  if (how === 'renamed') {
    const move = (): void => {
      renameSync(path, moved);
      mkdirSync(path);
    };
    return { path, moved, move };
  }
  const fresh = join(base, 'fresh');
  for (const folder of [moved, fresh]) mkdirSync(folder);
  symlinkSync(moved, path);
  const move = (): void => {
    symlinkSync(fresh, join(base, 'link'));
    renameSync(join(base, 'link'), path);
  };
  return { path, moved, move };
}

function appendNew(wal: Wal, count: number): void {
  for (let left = count; left > 0; left--) wal.append(Buffer.alloc(400, 'new'));
}

function assertHoldsNew(directory: string, count: number): void {
  const texts = contentOf(directory).map(({ payload }) => Buffer.from(payload).toString());
  assert.deepEqual([...new Set(texts)], [Buffer.alloc(400, 'new').toString()]);
  assert.equal(texts.length, count);
}

for (const how of WAYS) {
  onBothAdapters(
    `a log whose folder is ${how} goes on there, beside a new one`,
    async (t, v) => {
      const { path, moved, move } = placeOf(t, how);
      await using old = await Wal.open(path, v.options);
      await old.durable(appendEvents(old, 500));
      const before = segmentFiles(path).length;
      move();
      await assert.rejects(Wal.open(moved, v.options), code('ERR_FLASHSTRIKE_LOCKED'));
      await using fresh = await Wal.open(path, v.options);
      assert.equal(fresh.recovery.verdict, 'new');
      for (let round = 0; round < 10; round++) {
        appendEvents(old, 300);
        appendNew(fresh, 60);
        await Promise.all([old.durable(), fresh.durable()]);
      }
      const last = old.lastEventId;
      assert.ok(segmentFiles(moved).length > before, 'it rolled in the moved folder');
      assert.equal([...old.replay()].length, last, 'it reads its own folder');
      assert.equal([...fresh.replay()].length, 600);
      await eventually('wal.meta tells of it', () => durableInMeta(moved) === last);
      await Promise.all([old.close(), fresh.close()]);
      for (const folder of [moved, path]) {
        await assertSound(folder);
        const strange = readdirSync(folder).filter(
          (name) => !/\.wal$|^wal\.meta$|^LOCK$/.test(name),
        );
        assert.deepEqual(strange, [], 'prepared files and temporary ones are gone');
      }
      assertHoldsEvents(moved, last);
      assertHoldsNew(path, 600);
      await using again = await Wal.open(moved, v.options);
      assert.deepEqual([again.recovery.verdict, again.lastEventId], ['clean', last]);
    },
    skip,
  );

  test(`kill -9 behind a folder that was ${how}: the next open takes the ring there`, {
    skip: skip || cannotMap,
  }, async (t) => {
    const { path, moved, move } = placeOf(t, how);
    const options = mappedOptions(t);
    const text = `${WORKERS}
      const wal = await Wal.open(directory, options);
      for (let id = 1; id <= 1000; id++) wal.append(Buffer.from('event ' + id));
      await wal.durable();
      tell('durable');
      await told();
      // Without its writer nothing leaves the ring; in one turn, so that nobody notices.
      terminateAtOnce('writer');
      for (let id = 1001; id <= 1100; id++) wal.append(Buffer.from('event ' + id));
      process.kill(process.pid, 'SIGKILL');
    `;
    const script = Script.start(t, text, path, options, { bare: true });
    await script.tells('durable');
    move();
    await using fresh = await Wal.open(path, options);
    appendNew(fresh, 10);
    script.tell();
    await script.ended;
    await using wal = await Wal.open(moved, options);
    assert.equal(wal.lastEventId, 1100);
    assert.ok(wal.recovery.eventsFromRing >= 100);
    await fresh.close();
    assertHoldsNew(path, 10);
  });
}

onBothAdapters(
  'who follows a log whose folder is moved gets its events, not the new one’s',
  async (t, v) => {
    const { path, move } = placeOf(t, 'renamed');
    await using old = await Wal.open(path, v.options);
    await old.durable(appendEvents(old, 100));
    const following = old.follow();
    for (let id = 1; id <= 100; id++) assert.equal((await following.next()).value?.eventId, id);
    move();
    await using fresh = await Wal.open(path, v.options);
    appendNew(fresh, 500);
    await fresh.durable();
    const last = appendEvents(old, 1000);
    for (let id = 101; id <= last; id++) {
      const { value } = await following.next();
      assert.equal(value?.eventId, id);
      assert.notEqual(Buffer.from(value.payload.subarray(0, 3)).toString(), 'new');
    }
    await following.return();
  },
  skip,
);

onBothAdapters(
  'what fails in the moved folder is told by the path that the application gave',
  async (t, v) => {
    const { path, moved, move } = placeOf(t, 'renamed');
    const wal = await Wal.open(path, v.options);
    appendEvents(wal, 10);
    await wal.durable();
    move();
    // What housekeeping makes wal.meta in: a folder of somebody's own there stops it.
    await eventually('no flush is under way', () => durableInMeta(moved) === 10);
    mkdirSync(join(moved, META_TEMPORARY_FILE));
    const error: WalError = await wal.close().then(
      () => assert.fail('the close was not refused'),
      (refused) => refused,
    );
    const told = [error, error.cause].map(
      (each) => `${(each as Error).stack} ${(each as WalError).path}`,
    );
    assert.doesNotMatch(told.join(), /\/proc\//);
    assert.match(error.message, new RegExp(`^${path}`));
  },
  skip,
);
