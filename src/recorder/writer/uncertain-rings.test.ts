// Rings of which it must be found out whose they are: LOCK is gone or older, the folder is a copy,
// the user is another, another opening has come in between. On the test's own thread, with real
// files and mapped regions. FAULTS rows 58, 67, 74, 75, 76, 82.
import assert from 'node:assert/strict';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { cannotMap } from '../../../test/support/adapters.js';
import { Place } from '../../../test/support/crash-place.js';
import { idsTo } from '../../../test/support/stepped-log.js';
import { readLogId } from '../../judgement/log-identity.js';
import { newRegionName } from '../../region/region-names.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { verify } from '../../verification/verify.js';

const UNCERTAIN = 'ERR_FLASHSTRIKE_REGION_UNCERTAIN';
const NOBODY = 65_534;

/** Events 1 … 3 in the files, 4 … 8 in the ring alone. */
function crashed(t: TestContext): Place {
  const place = new Place(t);
  const before = place.open();
  before.log.write(3);
  for (let event = 0; event < 5; event++) before.log.append();
  before.crash();
  return place;
}

const lockOf = (place: Place): string => join(place.directory, 'LOCK');
const onlyRegion = ({ regions }: Place): string => {
  assert.equal(regions.length, 1);
  return regions[0] ?? '';
};

describe('LOCK does not name the ring', { skip: cannotMap }, () => {
  const LOSSES: Readonly<Record<string, (place: Place) => void>> = {
    removed: (place) => rmSync(lockOf(place)),
    emptied: (place) => writeFileSync(lockOf(place), ''),
    'of a time when it was closed': (place) => writeFileSync(lockOf(place), '{"regions":[]}'),
    'older, with a region that is gone': (place) => {
      const path = join(place.shared, newRegionName(1n));
      writeFileSync(lockOf(place), JSON.stringify({ regions: [path] }));
    },
    'a page of noise': (place) => writeFileSync(lockOf(place), Buffer.alloc(4096, 0xa5)),
  };
  for (const [what, lose] of Object.entries(LOSSES)) {
    test(`because it is ${what}: found by the id of the log, and taken`, (t) => {
      const place = crashed(t);
      lose(place);
      const after = place.open();
      assert.deepEqual([after.recovery.region, after.recovery.eventsFromRing], ['recovered', 5]);
      assert.deepEqual(place.ids, idsTo(8));
      after.log.close();
      assert.deepEqual(place.regions, []);
    });
  }

  test('and its owner lives: the log is locked', (t) => {
    const place = new Place(t);
    const owner = place.open();
    owner.log.append();
    rmSync(lockOf(place));
    place.refused('ERR_FLASHSTRIKE_LOCKED');
    owner.crash();
    assert.equal(place.open().recovery.eventsFromRing, 1);
  });
});

describe('a copy of the folder, and the original is gone', { skip: cannotMap }, () => {
  /** As a move to another disk does it, or a restore. */
  function replaced(t: TestContext): Place {
    const place = crashed(t);
    const copy = join(place.shared, 'copy');
    cpSync(place.directory, copy, { recursive: true });
    rmSync(place.directory, { recursive: true });
    renameSync(copy, place.directory);
    return place;
  }

  test('refuses, and says so to verify; nothing is changed by that', async (t) => {
    const place = replaced(t);
    const region = onlyRegion(place);
    const content = readFileSync(region);
    const { message } = place.refused(UNCERTAIN);
    assert.match(message, /holds 5 events/);
    assert.match(message, /oldRing: 'take'.*oldRing: 'leave'/);
    const { ok, verdict, problems, advice } = await verify(place.directory);
    assert.deepEqual([ok, verdict, problems[0]?.message], [false, 'undecidable', message]);
    assert.doesNotMatch(advice, /Nothing to do/);
    assert.deepEqual(readFileSync(region), content);
    assert.deepEqual(place.ids, [1, 2, 3]);
  });

  test('takes the events on demand', (t) => {
    const place = replaced(t);
    place.refused(UNCERTAIN);
    const after = place.open({ oldRing: 'take' });
    assert.deepEqual([after.recovery.region, after.recovery.eventsFromRing], ['recovered', 5]);
    assert.deepEqual(place.ids, idsTo(8));
    after.log.close();
    assert.deepEqual(place.regions, []);
  });

  test('leaves them on demand, for good, and says where they are', (t) => {
    const place = replaced(t);
    const region = onlyRegion(place);
    const after = place.open({ oldRing: 'leave' });
    assert.deepEqual([after.recovery.region, after.recovery.eventsFromRing], ['left', 0]);
    assert.ok(after.recovery.notes.some((note) => note.includes(region)));
    after.log.write(2);
    after.crash();
    // Now their ids would go on where the files end, and they are other events.
    const later = place.open({ oldRing: 'take' });
    assert.equal(later.recovery.eventsFromRing, 0);
    assert.deepEqual(place.ids, idsTo(5));
    later.log.close();
    assert.deepEqual(place.regions, [region]);
  });

  test('is no question where the files lack nothing', (t) => {
    const place = new Place(t);
    const before = place.open();
    before.log.write(3);
    before.crash();
    const region = onlyRegion(place);
    cpSync(place.directory, join(place.shared, 'copy'), { recursive: true });
    rmSync(place.directory, { recursive: true });
    renameSync(join(place.shared, 'copy'), place.directory);
    const after = place.open();
    assert.ok(after.recovery.notes.some((note) => note.includes(region)));
    after.log.close();
    assert.deepEqual(place.regions, [region], 'not ours to remove');
  });
});

test('a copy leaves the ring of an original that stands where it stood', {
  skip: cannotMap,
}, (t) => {
  const place = crashed(t);
  const copied = new Place(t);
  cpSync(place.directory, copied.directory, { recursive: true });
  const after = copied.open({ oldRing: 'take' });
  assert.deepEqual([after.recovery.region, after.recovery.eventsFromRing], ['foreign', 0]);
  after.log.close();
  assert.equal(place.open().recovery.eventsFromRing, 5);
});

describe('the region of another user', {
  skip: cannotMap || (userInfo().uid === 0 ? false : 'only root can give files away'),
}, () => {
  function givenAway(t: TestContext): Place {
    const place = crashed(t);
    chownSync(onlyRegion(place), NOBODY, NOBODY);
    return place;
  }

  test('is taken on demand by who may read it, and refused without', (t) => {
    const place = givenAway(t);
    const { message } = place.refused(UNCERTAIN);
    assert.match(message, /belongs to user 65534.*Open the log as that user/);
    const after = place.open({ oldRing: 'take' });
    assert.equal(after.recovery.eventsFromRing, 5);
    assert.deepEqual(place.ids, idsTo(8));
    after.log.close();
    assert.deepEqual(place.regions, []);
  });

  test('is taken by itself once it is given back', (t) => {
    const place = givenAway(t);
    place.refused(UNCERTAIN);
    chownSync(onlyRegion(place), 0, 0);
    assert.equal(place.open().recovery.eventsFromRing, 5);
    assert.deepEqual(place.ids, idsTo(8));
  });

  test('that is forged does not keep a log from being opened that was closed', (t) => {
    const place = new Place(t);
    const before = place.open();
    before.log.write(3);
    before.log.close();
    const forged = forgedRegion(place);
    const after = place.open();
    assert.ok(after.recovery.notes.some((note) => note.includes(forged)));
    after.log.close();
    assert.ok(existsSync(forged));
  });

  test('that is forged does not stand against one that is ours', (t) => {
    const place = crashed(t);
    const forged = forgedRegion(place);
    const after = place.open();
    assert.equal(after.recovery.eventsFromRing, 5);
    after.log.close();
    assert.deepEqual(place.regions, [forged]);
  });

  function forgedRegion(place: Place): string {
    const id = readLogId(nodeStorage, place.directory);
    assert.ok(id !== undefined);
    const path = join(place.shared, newRegionName(id));
    writeFileSync(path, Buffer.alloc(100_000, 'forged'), { mode: 0o644 });
    chownSync(path, NOBODY, NOBODY);
    return path;
  }
});

describe('another opening went on without the ring, which is back', { skip: cannotMap }, () => {
  /** As two containers do, which have the folder in common and a /dev/shm each. */
  function wentOnWithout(t: TestContext, events: number): { place: Place; region: string } {
    const place = crashed(t);
    const region = onlyRegion(place);
    const hidden = join(place.shared, 'hidden');
    mkdirSync(hidden);
    renameSync(region, join(hidden, basename(region)));
    const between = place.open();
    assert.match(between.recovery.advice, /may|missing/);
    if (events > 0) between.log.write(events, 50);
    between.log.close();
    renameSync(join(hidden, basename(region)), region);
    return { place, region };
  }

  for (const events of [1, 4, 5, 6, 40]) {
    test(`and has written ${events} events under the same ids: they are never mixed`, (t) => {
      const { place, region } = wentOnWithout(t, events);
      const { message } = place.refused('ERR_FLASHSTRIKE_RING_MISMATCH');
      assert.match(message, /its event 4 differs/);
      const after = place.open({ oldRing: 'leave' });
      assert.deepEqual(place.ids, idsTo(3 + events));
      after.log.close();
      assert.deepEqual(place.regions, [region], 'and not lost either');
      place.open().log.close();
    });
  }

  test('and has written nothing: taken, as its advice says', (t) => {
    const { place } = wentOnWithout(t, 0);
    const after = place.open();
    assert.equal(after.recovery.eventsFromRing, 5);
    assert.deepEqual(place.ids, idsTo(8));
    after.log.close();
  });
});

describe('the region is gone', { skip: cannotMap }, () => {
  function gone(t: TestContext): Place {
    const place = crashed(t);
    rmSync(onlyRegion(place));
    return place;
  }

  test('in the same boot: told with the ids, refused by strict, and nothing is changed', async (t) => {
    const place = gone(t);
    const lock = readFileSync(lockOf(place));
    const missing = /Events after 3 .*are missing.*the machine was not restarted/;
    const report = await verify(place.directory);
    assert.match(report.advice, missing);
    assert.match(
      place.refused('ERR_FLASHSTRIKE_REGION_GONE', { recovery: 'strict' }).message,
      missing,
    );
    assert.deepEqual(readFileSync(lockOf(place)), lock);
    const after = place.open();
    assert.match(after.recovery.advice, missing);
    assert.equal(after.recovery.region, 'missing');
    after.log.close();
    place.open({ recovery: 'strict' }).log.close();
  });

  test('strict goes on where it is told to leave it', (t) => {
    const place = gone(t);
    place.open({ recovery: 'strict', oldRing: 'leave' }).log.close();
  });

  test('with the boot that it was of: as promised, told, and strict opens', async (t) => {
    const place = gone(t);
    const text = readFileSync(lockOf(place), 'utf8');
    const restarted = text.replace(/"boot":"[0-9a-f]{32}"/, `"boot":"${'0'.repeat(31)}1"`);
    assert.notEqual(restarted, text);
    writeFileSync(lockOf(place), restarted);
    assert.match((await verify(place.directory)).advice, /was restarted/);
    const after = place.open({ recovery: 'strict' });
    assert.match(after.recovery.notes.join('\n'), /was lost when the machine was restarted/);
    after.log.close();
  });

  test('but for a file that is cut: refused, for nothing tells what it held', (t) => {
    const place = crashed(t);
    truncateSync(onlyRegion(place), 8192);
    place.refused(UNCERTAIN);
    place.open({ oldRing: 'leave' }).log.close();
  });

  test('but for an empty file: the same as gone', async (t) => {
    const place = crashed(t);
    truncateSync(onlyRegion(place), 0);
    assert.match((await verify(place.directory)).advice, /Events after 3 .*are missing/);
    assert.match(place.open().recovery.advice, /Events after 3 .*are missing/);
  });

  test('of a log without LOCK that was not closed: told', async (t) => {
    const place = gone(t);
    rmSync(lockOf(place));
    assert.match((await verify(place.directory)).advice, /LOCK names no shared region/);
    const after = place.open();
    assert.match(after.recovery.advice, /LOCK names no shared region/);
    after.log.close();
    assert.equal(place.open().recovery.advice, 'Nothing to do.');
  });

  test('of a log that was closed: nothing is missing', (t) => {
    const place = new Place(t);
    const before = place.open();
    before.log.write(3);
    before.log.close();
    rmSync(lockOf(place));
    assert.equal(place.open({ recovery: 'strict' }).recovery.advice, 'Nothing to do.');
  });
});
