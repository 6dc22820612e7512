// What a crashed opening left in its ring: on the test's own thread, with real files and a mapped
// region. A crash is all of its descriptors closed and nothing else.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { cannotMap } from '../../../test/support/adapters.js';
import { type Opening, overwrite, Place } from '../../../test/support/crash-place.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import { payloadOf } from '../../../test/support/log-builder.js';
import { idsTo } from '../../../test/support/stepped-log.js';
import { WalError } from '../../errors.js';
import { RegionHeaderLayout } from '../../region/region-layout.js';
import { replay } from '../../replay/replay.js';
import { salvage } from '../../salvage/salvage.js';
import { salvageTo } from '../../salvage/salvage-copy.js';
import { segmentFileName } from '../../segment/file-names.js';
import { FrameKind } from '../../segment/frame.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { KIB, MIB } from '../../units.js';
import { verify } from '../../verification/verify.js';

/** What salvage gives out: ids as `1-5`, gaps as `CORRUPT 6-7`, `CORRUPT 6-?` or `CORRUPT -`. */
function salvaged({ directory }: Place): string[] {
  const story: string[] = [];
  let first = 0;
  let last = 0;
  const flush = (): void => {
    if (first > 0) story.push(`${first}-${last}`);
    first = 0;
  };
  for (const item of salvage(directory)) {
    if (item.kind === 'event') {
      assert.deepEqual(
        Buffer.from(item.payload),
        Buffer.from(payloadOf(item.eventId, item.payload.length)),
      );
      if (first === 0) first = item.eventId;
      else assert.equal(item.eventId, last + 1);
      last = item.eventId;
      continue;
    }
    flush();
    const { code, firstEventId, lastEventId } = item;
    const ids = firstEventId === undefined ? '-' : `${firstEventId}-${lastEventId ?? '?'}`;
    story.push(`${code.replace('ERR_FLASHSTRIKE_', '')} ${ids}`);
  }
  flush();
  return story;
}

describe('events that only the ring holds', { skip: cannotMap }, () => {
  test('are all back after a crash, durable, and the old region is gone', (t) => {
    const place = new Place(t);
    const before = place.open();
    for (let event = 0; event < 50; event++) before.log.append();
    before.crash();
    const [old] = place.regions;
    assert.deepEqual(place.named, [old]);
    assert.deepEqual(place.ids, []);
    assert.deepEqual(salvaged(place), ['1-50']);

    const after = place.open();
    const { verdict, eventsFromRing, droppedEvents, region } = after.recovery;
    assert.deepEqual(
      { verdict, eventsFromRing, droppedEvents, region },
      {
        verdict: 'clean',
        eventsFromRing: 50,
        droppedEvents: 0,
        region: 'recovered',
      },
    );
    assert.deepEqual(place.ids, idsTo(50));
    assert.equal(after.log.durableEventId, 50);
    assert.equal(after.log.append(), 51);
    assert.equal(place.regions.length, 1);
    assert.notEqual(place.regions[0], old);
    assert.deepEqual(place.named, place.regions);
    after.log.close();
  });

  test('come behind those that were written; those that the file has are not doubled', (t) => {
    const place = new Place(t);
    const before = place.open();
    before.log.write(7);
    for (let event = 0; event < 3; event++) before.log.append();
    before.crash();
    const after = place.open();
    assert.equal(after.recovery.eventsFromRing, 3);
    assert.deepEqual(place.ids, idsTo(10));
    after.crash();
    assert.equal(place.open().recovery.eventsFromRing, 0);
    assert.deepEqual(place.ids, idsTo(10));
  });

  test('are whole although the block that was being written is torn: nothing was lost', (t) => {
    const place = new Place(t);
    const before = place.open();
    before.log.write(2);
    for (let event = 0; event < 20; event++) before.log.append();
    before.fail({ code: 'EIO', when: ({ kind }) => kind === 'write', torn: true });
    assert.throws(() => before.log.settle());
    before.crash();
    assert.deepEqual(salvaged(place), ['1-2', 'TORN_TAIL -', '3-22']);
    const after = place.open();
    const { verdict, eventsFromRing, droppedEvents } = after.recovery;
    assert.deepEqual([verdict, eventsFromRing, droppedEvents], ['torn-tail', 20, 0]);
    assert.deepEqual(place.ids, idsTo(22));
  });

  test('of a batch come back together, or not at all where it was not published', (t) => {
    for (const isPublished of [true, false]) {
      const place = new Place(t);
      const before = place.open();
      const { producer } = before.log;
      assert.ok(producer.reserve(3 * 128));
      const { continued, event } = FrameKind;
      [continued, continued, event].forEach((kind, index) => {
        producer.put(payloadOf(index + 1, 100), 100, kind, 0, 1, 0);
      });
      if (isPublished) producer.publish();
      before.crash();
      assert.equal(place.open().recovery.eventsFromRing, isPublished ? 3 : 0);
      assert.deepEqual(place.ids, idsTo(isPublished ? 3 : 0));
    }
  });

  test('fill as many segments as they need, also such that were larger than the new ones', (t) => {
    const place = new Place(t);
    const before = place.open({ segmentBytes: 4 * MIB, ringBytes: 4 * MIB });
    for (let event = 0; event < 6; event++) before.log.append(300 * KIB);
    before.crash();
    const after = place.open();
    assert.equal(after.recovery.eventsFromRing, 6);
    assert.deepEqual(place.ids, idsTo(6));
    after.log.write(5);
    after.log.close();
  });

  test('of several crashes one after the other are all there', (t) => {
    const place = new Place(t);
    let expected = 0;
    for (let round = 0; round < 5; round++) {
      const opening = place.open();
      for (let event = 0; event < 10; event++) expected = opening.log.append();
      opening.crash();
    }
    place.open().log.close();
    assert.deepEqual(place.ids, idsTo(expected));
    assert.deepEqual(place.regions, []);
    assert.deepEqual(place.named, []);
  });
});

describe('a ring that does not fit the files', { skip: cannotMap }, () => {
  /** Events 1 … 5 in the files, 6 … 9 in the ring; then the segment goes back to a copy with 2. */
  function disconnected(t: TestContext): Place {
    const place = new Place(t);
    const before = place.open();
    before.log.write(2);
    const segment = join(place.directory, segmentFileName(1));
    const copy = readFileSync(segment);
    before.log.write(3);
    for (let event = 0; event < 4; event++) before.log.append();
    before.crash();
    overwrite(segment, 0, copy);
    return place;
  }

  test('refuses the open and is kept', async (t) => {
    const place = disconnected(t);
    const { regions } = place;
    // As a crash leaves them.
    writeFileSync(join(place.directory, 'prepared-2.tmp'), new Uint8Array(64 * 1024));
    const names = readdirSync(place.directory);
    const error = place.refused('ERR_FLASHSTRIKE_RING_MISMATCH');
    assert.match(error.message, /begins with event 6, the files end with 2/);
    const { ok, verdict, problems } = await verify(place.directory);
    assert.deepEqual([ok, verdict], [false, 'undecidable'], 'verify tells it beforehand');
    assert.deepEqual(
      problems.map(({ code, file, message }) => [code, file, message]),
      [[error.code, regions[0], error.message]],
    );
    assert.deepEqual(readdirSync(place.directory), names, 'the folder is as it was');
    assert.deepEqual(place.regions, regions);
    assert.ok(place.named.includes(regions[0] ?? ''), 'and LOCK still names it');
    assert.deepEqual(place.ids, [1, 2]);
  });

  test('is salvaged behind a gap, which names the events between', async (t) => {
    const place = disconnected(t);
    assert.deepEqual(salvaged(place), ['1-2', 'RING_MISMATCH 3-5', '6-9']);
    const output = join(place.shared, 'copy');
    const { events, lost } = await salvageTo(place.directory, output);
    assert.deepEqual([events, lost], [6, 3]);
    assert.equal([...replay(output)].length, 6);
    assert.ok((await verify(output)).ok);
    assert.equal(place.regions.length, 1, 'the source is left alone');
  });

  test('is dropped and counted where tails are tolerated', (t) => {
    const place = disconnected(t);
    const after = place.open({ recovery: 'tolerate-tail' });
    assert.equal(after.recovery.droppedEvents, 7, '3 that the file had, 4 in the ring');
    assert.equal(after.recovery.region, 'damaged');
    assert.match(after.recovery.notes.join('\n'), /was dropped: it begins with event 6/);
    assert.equal(after.log.append(), 3);
  });
});

test('written events that are not in the file any more are counted and told', {
  skip: cannotMap,
}, async (t) => {
  const place = new Place(t);
  const before = place.open();
  before.log.write(2);
  const segment = join(place.directory, segmentFileName(1));
  const copy = readFileSync(segment);
  before.log.write(3);
  before.crash();
  overwrite(segment, 0, copy);
  const note = /shared region, events up to 5 had been written; those after 2, none of them/;
  const { verdict, notes } = await verify(place.directory);
  assert.equal(verdict, 'clean');
  assert.match(notes.join(), note);
  const after = place.open();
  assert.deepEqual([after.recovery.verdict, after.recovery.droppedEvents], ['clean', 3]);
  assert.match(after.recovery.notes.join(), note);
  assert.equal(after.log.append(), 3);
  after.log.close();
});

describe('a damaged ring', { skip: cannotMap }, () => {
  const headerBytes = RegionHeaderLayout.size;
  const TELEMETRY_BYTES = 112 * KIB;
  const CONTROL = headerBytes + TELEMETRY_BYTES;
  const RING = CONTROL + 4096;

  function crashedWith(t: TestContext, offset: number, bytes: Uint8Array): Place {
    const place = new Place(t);
    const before = place.open();
    before.log.write(2);
    for (let event = 0; event < 4; event++) before.log.append();
    before.crash();
    overwrite(place.regions[0] ?? '', offset, bytes);
    return place;
  }

  const SPAN = 128;
  const DAMAGES: readonly (readonly [string, number, Uint8Array])[] = [
    ['length', 0, Uint8Array.of(3)],
    ['kind', 4, Uint8Array.of(9)],
    ['kind that makes a batch without an end', 3 * SPAN + 4, Uint8Array.of(2)],
    ['kind that makes padding', 4, Uint8Array.of(3)],
    ['id', 8, Uint8Array.of(99)],
  ];

  for (const [what, offset, bytes] of DAMAGES) {
    test(`in a frame's ${what}: refused with a code, and kept; or dropped on demand`, async (t) => {
      const place = crashedWith(t, RING + 2 * SPAN + offset, bytes);
      const { regions } = place;
      assert.deepEqual(salvaged(place), ['1-2', 'RING_MISMATCH 3-?']);
      const { problems } = await verify(place.directory);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ['ERR_FLASHSTRIKE_RING_MISMATCH'],
      );
      place.refused('ERR_FLASHSTRIKE_RING_MISMATCH');
      assert.deepEqual(place.regions, regions);
      const after = place.open({ recovery: 'tolerate-tail' });
      assert.equal(after.recovery.region, 'damaged');
      assert.deepEqual(place.ids, [1, 2]);
      after.log.write(1);
      after.log.close();
    });
  }

  const at = RegionHeaderLayout.offset;
  const HEADERS: readonly (readonly [string, number, Uint8Array])[] = [
    ['damaged', at.magic, Uint8Array.of(0)],
    ['unsupported', at.layoutVersion, Uint8Array.of(9)],
    ['foreign', at.logId, Uint8Array.of(1, 2, 3)],
    ['foreign', at.folderBirthNs, Uint8Array.of(1, 2, 3)],
  ];

  for (const [what, offset, bytes] of HEADERS) {
    test(`a region whose header says ${what} (at ${offset}): refused, until it is left`, async (t) => {
      const place = crashedWith(t, offset, bytes);
      const [region = ''] = place.regions;
      const { message } = place.refused('ERR_FLASHSTRIKE_REGION_UNCERTAIN');
      assert.ok(message.includes(region));
      const { verdict, problems } = await verify(place.directory);
      assert.equal(verdict, 'undecidable');
      assert.deepEqual(
        problems.map((problem) => problem.message),
        [message],
        'verify tells the same',
      );
      const after = place.open({ oldRing: 'leave' });
      assert.equal(after.recovery.region, 'left');
      assert.equal(after.recovery.eventsFromRing, 0);
      assert.ok(after.recovery.notes.some((note) => note.includes(region)));
      assert.ok(existsSync(region));
      assert.deepEqual(place.ids, [1, 2]);
      after.log.write(1);
      after.crash();
      const later = place.open();
      assert.ok(
        later.recovery.notes.some((note) => note.includes(region)),
        'told, not asked again',
      );
      assert.ok(existsSync(region));
      later.log.close();
    });
  }

  const OTHER_BOOT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  for (const [outcome, offset, bytes] of [['other-boot', at.bootId, OTHER_BOOT]] as const) {
    test(`a region whose header says ${outcome} (at ${offset}): not used, not removed, told`, async (t) => {
      const place = crashedWith(t, offset, bytes);
      const [region = ''] = place.regions;
      const { notes } = await verify(place.directory);
      const after = place.open();
      assert.equal(after.recovery.region, outcome);
      assert.equal(after.recovery.eventsFromRing, 0);
      assert.ok(after.recovery.notes.some((note) => note.includes(region)));
      assert.deepEqual(notes, after.recovery.notes, 'verify tells the same');
      assert.ok(existsSync(region));
      assert.deepEqual(place.ids, [1, 2]);
      after.log.write(1);
      after.log.close();
    });
  }

  test('that is gone altogether leaves what the files have, and that is told', async (t) => {
    const place = crashedWith(t, 0, new Uint8Array(0));
    const [region = ''] = place.regions;
    rmSync(region);
    const { notes } = await verify(place.directory);
    assert.match(notes.join(), /which LOCK names, no longer exists/);
    const after = place.open();
    assert.equal(after.recovery.region, 'missing');
    assert.ok(after.recovery.notes.some((note) => note.includes(region)));
    assert.deepEqual(place.ids, [1, 2]);
  });
});

test('a ring whose owner lives is never drained, whatever became of LOCK', {
  skip: cannotMap,
}, (t) => {
  const place = new Place(t);
  const owner = place.open();
  owner.log.write(2);
  owner.log.append();
  owner.loseLock();
  const { regions } = place;
  place.refused('ERR_FLASHSTRIKE_LOCKED');
  place.refused('ERR_FLASHSTRIKE_LOCKED', { recovery: 'tolerate-tail' });
  assert.deepEqual(place.regions, regions);
  assert.deepEqual(place.ids, [1, 2]);
  owner.crash();
  assert.equal(place.open().recovery.eventsFromRing, 1);
});

test('a copied folder opens as after a crash and leaves the ring of the original alone', {
  skip: cannotMap,
}, (t) => {
  const place = new Place(t);
  const original = place.open();
  original.log.write(3);
  original.log.append();
  const copy = new Place(t);
  cpSync(place.directory, copy.directory, { recursive: true });
  const opened = copy.open();
  assert.equal(opened.recovery.region, 'foreign');
  assert.equal(opened.log.opened.report.nextEventId, 4);
  opened.log.close();
  original.crash();
  const after = place.open();
  assert.equal(after.recovery.eventsFromRing, 1);
  assert.deepEqual(place.ids, idsTo(4));
});

test('a LOCK whose text is damaged is told, and the log opens', { skip: cannotMap }, (t) => {
  const place = new Place(t);
  const before = place.open();
  before.log.write(1);
  before.crash();
  overwrite(join(place.directory, 'LOCK'), 0, Buffer.from('{"regions": 5'));
  const after = place.open();
  assert.match(after.recovery.notes.join('\n'), /LOCK was damaged/);
  assert.deepEqual(place.ids, [1]);
});

test('a log that is open refuses a second open, whatever its storage', { skip: cannotMap }, (t) => {
  const place = new Place(t);
  const first = place.open();
  place.refused('ERR_FLASHSTRIKE_LOCKED');
  first.log.close();
  place.open().log.close();
});

test('every operation of an open that brings a ring to disk fails: the ring is kept, nothing lost', {
  skip: cannotMap,
}, (t) => {
  let hits = 1;
  let refusals = 0;
  for (let call = 1; hits > 0; call++) {
    assert.ok(call < 300, 'an open has an end');
    const place = new Place(t);
    const before = place.open();
    before.log.write(300);
    for (let event = 0; event < 200; event++) before.log.append();
    before.crash();
    const storage = new FaultyStorage(nodeStorage);
    const fault = storage.fail({ code: 'EIO', from: call, torn: true });
    let opening: Opening | undefined;
    try {
      opening = place.open({}, storage);
    } catch (error) {
      refusals++;
      assert.ok(error instanceof WalError, `call ${call}: ${error}`);
      assert.deepEqual([...storage.openFiles.values()], [], `call ${call}`);
    }
    hits = fault.hits;
    opening?.crash();
    const after = place.open();
    assert.deepEqual(place.ids, idsTo(500), `call ${call}`);
    assert.equal(after.log.append(), 501);
    after.log.close();
    assert.deepEqual(place.regions, [], `call ${call}: no region is left over`);
  }
  assert.ok(refusals > 20, 'the failures were met');
});
