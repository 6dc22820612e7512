import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { forgeHeaders, ReadCount } from '../../test/support/forged-headers.js';
import {
  LogBuilder,
  payloadOf,
  saltOf,
  temporaryFolder,
  timestampOf,
  typeOf,
} from '../../test/support/log-builder.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { verifyThrough } from '../verification/verify.js';
import { salvage, salvageThrough } from './salvage.js';
import type { SalvageGap } from './salvage-gap.js';

/** Three finished segments and an open one, of 5 events each in blocks of 2 and 3, all durable. */
function fourSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let index = 1; index <= 4; index++) {
    builder.segment().events(2).events(3).watermark();
    if (index < 4) builder.seal();
  }
  return builder.meta().write();
}

interface Salvaged {
  /** Ids, as `1-5`, and gaps, as `CORRUPT 6-7` or `CORRUPT 6-?` or `CORRUPT -`, in order. */
  readonly story: readonly string[];
  readonly gaps: readonly SalvageGap[];
}

function salvaged(dir: string, ports = FILE_PORTS): Salvaged {
  const story: string[] = [];
  const gaps: SalvageGap[] = [];
  let first = 0;
  let last = 0;
  const flush = () => {
    if (first > 0) story.push(`${first}-${last}`);
    first = 0;
  };
  for (const item of salvageThrough(ports, dir)) {
    if (item.kind === 'event') {
      assert.ok(item.eventId > last, 'ids rise');
      assert.equal(item.type, typeOf(item.eventId));
      assert.equal(item.timestampNs, timestampOf(item.eventId));
      assert.deepEqual(item.payload, payloadOf(item.eventId, item.payload.length));
      if (first > 0 && item.eventId !== last + 1) flush();
      if (first === 0) first = item.eventId;
      last = item.eventId;
      continue;
    }
    flush();
    gaps.push(item);
    const { code, firstEventId, lastEventId, lost, message } = item;
    assert.match(message, /^[A-Z/].{8,}[.]$/);
    const ids = firstEventId === undefined ? '-' : `${firstEventId}-${lastEventId ?? '?'}`;
    if (firstEventId !== undefined && lastEventId !== undefined) {
      assert.equal(lost, lastEventId - firstEventId + 1);
      assert.equal(firstEventId, last + 1, 'a gap begins where the events end');
      last = lastEventId;
    }
    story.push(`${code.replace('ERR_FLASHSTRIKE_', '')} ${ids}`);
  }
  flush();
  return { story, gaps };
}

/** Damages the payload, or with `header` the header, of the n-th block. */
function damage(builder: LogBuilder, index: number, position: number, header = false): void {
  const { offset } = builder.blockOf(index, position);
  const bytes = builder.fileOf(index);
  const at = offset + (header ? 12 : 64 + 30);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  builder.write();
}

/** Makes a header page that nothing can be learned from. */
function wipeHeader(builder: LogBuilder, index: number): void {
  builder.fileOf(index).fill(0xee, 0, 4096);
  builder.write();
}

test('a sound log: every event, no gap, and nothing is touched', (t) => {
  const builder = fourSegments(t);
  const before = readdirSync('/proc/self/fd').length;
  assert.deepEqual(salvaged(builder.dir).story, ['1-20']);
  assert.equal(readdirSync('/proc/self/fd').length, before);
  const started = salvageThrough(FILE_PORTS, builder.dir);
  started.next();
  started.return?.();
  assert.equal(readdirSync('/proc/self/fd').length, before, 'left early');
});

test('a damaged block in a finished segment: all else, the place and the ids', (t) => {
  for (const header of [false, true]) {
    const builder = fourSegments(t);
    damage(builder, 2, 0, header);
    const { story, gaps } = salvaged(builder.dir);
    assert.deepEqual(story, ['1-5', 'CORRUPT 6-7', '8-20']);
    const { offset, bytes } = builder.blockOf(2, 0);
    assert.deepEqual(
      [gaps[0]?.file, gaps[0]?.offset, gaps[0]?.bytes],
      ['0000000002.wal', offset, bytes],
    );
  }
});

test('the last block before the pin, and a segment cut short', (t) => {
  const last = fourSegments(t);
  damage(last, 2, 1);
  assert.deepEqual(salvaged(last.dir).story, ['1-7', 'CORRUPT 8-10', '11-20']);
  const cut = fourSegments(t);
  cut.files.set(2, cut.fileOf(2).slice(0, cut.blockOf(2, 1).offset));
  assert.deepEqual(salvaged(cut.write().dir).story, ['1-7', 'CORRUPT 8-10', '11-20']);
  const empty = fourSegments(t);
  empty.files.set(2, new Uint8Array(0));
  assert.deepEqual(salvaged(empty.write().dir).story, ['1-5', 'CORRUPT 6-10', '11-20']);
});

test('a damaged watermark costs no event, and is told', (t) => {
  const builder = fourSegments(t).segment().events(1).watermark().events(1).meta().write();
  damage(builder, 5, 1, true);
  const { story, gaps } = salvaged(builder.dir);
  assert.deepEqual(story, ['1-21', 'CORRUPT -', '22-22']);
  assert.equal(gaps[0]?.lost, 0);
});

test('a header page that is lost costs its segment, first, middle and last', (t) => {
  const expected: readonly (readonly [number, readonly string[]])[] = [
    [1, ['CORRUPT 1-5', '6-20']],
    [2, ['1-5', 'CORRUPT 6-10', '11-20']],
    [4, ['1-15', 'CORRUPT 16-20']],
  ];
  for (const [index, story] of expected) {
    const builder = fourSegments(t);
    wipeHeader(builder, index);
    const found = salvaged(builder.dir);
    assert.deepEqual(found.story, story);
    assert.equal(found.gaps[0]?.file, `000000000${index}.wal`);
    assert.match(found.gaps[0]?.message ?? '', /header/);
  }
});

test('a header page that is damaged is put right where that can be proven', (t) => {
  for (const at of [0, 8, 10, 20, 24, 32, 41, 50, 58, 66, 73, 81, 90, 100, 121, 200, 4095]) {
    const builder = fourSegments(t);
    const bytes = builder.fileOf(2);
    bytes[at] = (bytes[at] ?? 0) ^ 0x04;
    const { story, gaps } = salvaged(builder.write().dir);
    assert.deepEqual(story, ['CORRUPT -', '1-20'], `byte ${at}`);
    assert.match(gaps[0]?.message ?? '', /its checksum proves the result/);
  }
  const alone = new LogBuilder(temporaryFolder(t)).segment().events(3);
  alone.fileOf(1).fill(0, 0, 56);
  assert.deepEqual(salvaged(alone.write().dir).story, ['CORRUPT 1-?'], 'the log id is nowhere');
  assert.deepEqual(salvaged(alone.meta().write().dir).story, ['CORRUPT -', '1-3']);
});

test('what the disk cannot read is a gap, and all around it is read', (t) => {
  const builder = new LogBuilder(temporaryFolder(t), { payloadBytes: 1000 });
  builder
    .segment()
    .events(3)
    .events(3)
    .events(3)
    .events(3)
    .seal()
    .segment()
    .events(2)
    .meta()
    .write();
  const failing = (path: string, page: number) => {
    const fds = new Set<number>();
    const storage: Storage = {
      ...nodeStorage,
      open(name, mode) {
        const fd = nodeStorage.open(name, mode);
        if (name === path) fds.add(fd);
        return fd;
      },
      close(fd) {
        fds.delete(fd);
        nodeStorage.close(fd);
      },
      read(fd, target, offset) {
        const isHit = offset < (page + 1) * 4096 && offset + target.length > page * 4096;
        if (fds.has(fd) && isHit) throw Object.assign(new Error('EIO'), { code: 'EIO' });
        return nodeStorage.read(fd, target, offset);
      },
    };
    return { ...FILE_PORTS, storage };
  };
  // Blocks of 3 kB from offset 4096 on: page 2 holds the end of the second and the start of the
  // third.
  const inBody = salvaged(builder.dir, failing(builder.pathOf(1), 2));
  assert.deepEqual(inBody.story, ['1-3', 'IO 4-9', '10-14']);
  assert.match(inBody.gaps[0]?.message ?? '', /disk cannot read/);
  assert.deepEqual(salvaged(builder.dir, failing(builder.pathOf(2), 1)).story, [
    '1-12',
    'IO 13-14',
  ]);
  assert.deepEqual(salvaged(builder.dir, failing(builder.pathOf(1), 0)).story, [
    'IO 1-12',
    '13-14',
  ]);
});

test('missing segments: in the middle, at the end, the first ones, all', (t) => {
  const middle = fourSegments(t).remove(2);
  assert.deepEqual(salvaged(middle.dir).story, ['1-5', 'CORRUPT 6-10', '11-20']);
  middle.remove(3);
  assert.deepEqual(salvaged(middle.dir).story, ['1-5', 'CORRUPT 6-15', '16-20']);
  const end = fourSegments(t).remove(4);
  assert.deepEqual(salvaged(end.dir).story, ['1-15', 'CORRUPT 16-20'], 'wal.meta tells');
  const start = fourSegments(t).remove(1).remove(2);
  const { story, gaps } = salvaged(start.dir);
  assert.deepEqual(story, ['EXPIRED 1-10', '11-20']);
  assert.equal(gaps[0]?.offset, undefined);
  const all = fourSegments(t).remove(1).remove(2).remove(3).remove(4);
  assert.deepEqual(salvaged(all.dir).story, ['CORRUPT 1-20']);
  rmSync(join(all.dir, 'wal.meta'));
  writeFileSync(join(all.dir, 'LOCK'), '');
  assert.deepEqual(salvaged(all.dir).story, [], 'nothing tells that there was anything');
});

test('swapped and renamed segments are read as what they are', (t) => {
  const builder = fourSegments(t);
  renameSync(builder.pathOf(2), `${builder.dir}/x`);
  renameSync(builder.pathOf(3), builder.pathOf(2));
  renameSync(`${builder.dir}/x`, builder.pathOf(3));
  const swapped = salvaged(builder.dir);
  assert.deepEqual(swapped.story, ['CORRUPT -', 'CORRUPT -', '1-20']);
  assert.match(swapped.gaps[0]?.message ?? '', /^This is segment 3: .*renamed/);
  const renamed = fourSegments(t);
  renameSync(renamed.pathOf(3), renamed.pathOf(9));
  assert.deepEqual(salvaged(renamed.dir).story, ['CORRUPT -', '1-20']);
});

test('a segment that is there twice is read once, and fills in for its damaged namesake', (t) => {
  const builder = fourSegments(t);
  copyFileSync(builder.pathOf(2), builder.pathOf(7));
  const twice = salvaged(builder.dir);
  assert.deepEqual(twice.story, ['CORRUPT -', '1-20']);
  assert.match(twice.gaps[0]?.message ?? '', /^This is segment 2, like 0000000002\.wal/);
  wipeHeader(builder, 2);
  assert.deepEqual(salvaged(builder.dir).story, ['CORRUPT -', 'CORRUPT -', '1-20']);
});

test('a segment of another log is none of this one', (t) => {
  const builder = fourSegments(t);
  const other = new LogBuilder(temporaryFolder(t), { logId: 99n });
  other.segment().events(2).seal().segment().events(9).seal().write();
  copyFileSync(other.pathOf(2), builder.pathOf(2));
  assert.deepEqual(salvaged(builder.dir).story, ['1-5', 'WRONG_LOG 6-10', '11-20']);
  const metaOfOther = fourSegments(t);
  new LogBuilder(metaOfOther.dir, { logId: 99n }).meta().write();
  assert.deepEqual(salvaged(metaOfOther.dir).story, ['WRONG_LOG -', '1-20']);
});

test('names of ours that are no files, and wal.meta that is damaged', (t) => {
  const builder = fourSegments(t);
  rmSync(builder.pathOf(2));
  symlinkSync('/etc/passwd', builder.pathOf(2));
  writeFileSync(join(builder.dir, 'wal.meta'), 'short');
  assert.deepEqual(salvaged(builder.dir).story, ['CORRUPT -', '1-5', 'UNSAFE_FILE 6-10', '11-20']);
});

test('a torn tail is told, and what stands behind a hole nobody called durable is given out', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3).events(4);
  builder.meta({ durableEventId: 2 }).write();
  damage(builder, 1, 1);
  assert.deepEqual(salvaged(builder.dir).story, ['1-2', 'TORN_TAIL 3-5', '6-9']);
  damage(builder, 1, 2, true);
  const { story, gaps } = salvaged(builder.dir);
  assert.deepEqual(story, ['1-2', 'TORN_TAIL 3-5'], 'its header tells of 3 to 5, nobody of more');
  assert.equal(gaps[0]?.offset, builder.blockOf(1, 1).offset);
});

test('bytes behind the end, of which nobody tells ids', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).meta();
  const { offset, bytes } = builder.blockOf(1, 0);
  builder.fileOf(1).fill(7, offset + bytes, offset + bytes + 100);
  const { story, gaps } = salvaged(builder.write().dir);
  assert.deepEqual(story, ['1-2', 'TORN_TAIL 3-?']);
  assert.deepEqual([gaps[0]?.bytes, gaps[0]?.lost], [100, undefined]);
});

test('durable events at the end that are gone or damaged, by wal.meta or the region', (t) => {
  const damaged = fourSegments(t);
  damage(damaged, 4, 1);
  assert.deepEqual(salvaged(damaged.dir).story, ['1-17', 'CORRUPT 18-20']);
  const zeroed = fourSegments(t);
  zeroed.fileOf(4).fill(0, zeroed.blockOf(4, 1).offset);
  assert.deepEqual(salvaged(zeroed.write().dir).story, ['1-17', 'CORRUPT 18-20']);
  const asked = { ...FILE_PORTS, regionDurable: () => 23 };
  assert.deepEqual(salvaged(fourSegments(t).dir, asked).story, ['1-20', 'CORRUPT 21-23']);
});

test('without wal.meta, a block that is unreadable and alone leaves it undecided', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2);
  builder.fileOf(1)[4096] = 0;
  assert.deepEqual(salvaged(builder.write().dir).story, ['UNDECIDABLE 1-?']);
});

test('blocks that a recovery gave up are not taken for the events that came after it', (t) => {
  // Events 3 to 6 were torn and given up; the next segment has others with these ids.
  const torn = new LogBuilder(temporaryFolder(t)).segment().events(2);
  const { nextEventId } = torn;
  const pinned = new LogBuilder(torn.dir).segment().events(2).segment();
  torn.events(2).events(2);
  const { offset } = torn.blockOf(1, 1);
  torn.fileOf(1)[offset] = 0;
  pinned.nextEventId = nextEventId;
  pinned.events(5).meta().write();
  pinned.files.set(1, torn.fileOf(1));
  assert.deepEqual(salvaged(pinned.write().dir).story, ['1-7'], 'the pin tells');
  wipeHeader(pinned, 2);
  const { story, gaps } = salvaged(pinned.dir);
  assert.deepEqual(story, ['1-2', 'CORRUPT 3-?', 'CORRUPT 3-7']);
  assert.match(gaps[0]?.message ?? '', /abandoned/);
  assert.equal(gaps[0]?.lost, undefined);
});

test('nothing behind the pin counts, though the last block before it is damaged', (t) => {
  const given = new LogBuilder(temporaryFolder(t))
    .segment()
    .events(2)
    .events(2)
    .events(1)
    .events(4);
  const builder = new LogBuilder(given.dir).segment().events(2).events(2).segment().events(9);
  // Event 5 was torn, 6 to 9 stand behind it, and all were given up; later event 3 was damaged.
  for (const position of [1, 2]) given.fileOf(1)[given.blockOf(1, position).offset] = 0;
  builder.files.set(1, given.fileOf(1));
  assert.deepEqual(salvaged(builder.meta().write().dir).story, ['1-2', 'CORRUPT 3-4', '5-13']);
});

test('segments that overlap: each event once, by the first of them', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(5);
  builder.nextEventId = 4;
  builder.segment().events(1).events(3).events(2).meta().write();
  const { story, gaps } = salvaged(builder.dir);
  assert.deepEqual(story, ['1-5', 'CORRUPT -', 'CORRUPT 6-7', '8-9', 'CORRUPT -']);
  assert.match(gaps.at(-1)?.message ?? '', /already read/);
});

test('without the pin, what a later block or the seal vouches for is given out', (t) => {
  const sealed = fourSegments(t);
  damage(sealed, 2, 0);
  wipeHeader(sealed, 3);
  assert.deepEqual(salvaged(sealed.dir).story, [
    '1-5',
    'CORRUPT 6-7',
    '8-10',
    'CORRUPT 11-15',
    '16-20',
  ]);
  const unsealed = fourSegments(t);
  const seal = unsealed.blockOf(2, 3);
  unsealed.fileOf(2).fill(0, seal.offset);
  damage(unsealed, 2, 0);
  wipeHeader(unsealed, 3);
  assert.deepEqual(salvaged(unsealed.dir).story[2], '8-10', 'by its watermark');
});

test('stale blocks of a recycled body are not of the log', (t) => {
  const dir = temporaryFolder(t);
  const earlier = new LogBuilder(dir).segment().segment().events(3).events(30);
  const builder = new LogBuilder(dir).segment({ recycled: true, body: earlier.fileOf(2) });
  assert.deepEqual(salvaged(builder.events(1).meta().write().dir).story, ['1-1']);
});

test('a block of another chain is told; ids that the hole has no room for are refused', (t) => {
  const builder = fourSegments(t);
  const foreign = new LogBuilder(temporaryFolder(t)).segment().events(1).events(1).events(3);
  const { offset } = builder.blockOf(1, 0);
  assert.equal(offset, foreign.blockOf(1, 0).offset);
  // The same salt, the same offset, and yet the blocks after it follow another one.
  builder.fileOf(1).set(foreign.fileOf(1).subarray(4096, foreign.blockOf(1, 1).offset), 4096);
  const story = salvaged(builder.write().dir).story;
  assert.deepEqual(story, ['1-1', 'CORRUPT 2-2', '3-20']);

  const leaping = new LogBuilder(temporaryFolder(t)).segment().events(2).events(1);
  leaping.nextEventId = 1000;
  leaping.events(2).meta({ durableEventId: 2 });
  leaping.fileOf(1)[leaping.blockOf(1, 1).offset] = 0;
  const { story: refused, gaps } = salvaged(leaping.write().dir);
  assert.deepEqual(refused, ['1-2', 'TORN_TAIL 3-1001']);
  assert.equal(gaps[0]?.offset, leaping.blockOf(1, 1).offset);
});

test('a file that is missing when its turn comes is told', (t) => {
  const builder = fourSegments(t);
  const storage = {
    ...nodeStorage,
    open(path: string, mode: Parameters<typeof nodeStorage.open>[1]) {
      opened.push(path);
      const isSecondTime = opened.filter((each) => each === builder.pathOf(2)).length === 2;
      if (path === builder.pathOf(2) && isSecondTime) rmSync(path);
      return nodeStorage.open(path, mode);
    },
  };
  const opened: string[] = [];
  const { story } = salvaged(builder.dir, { ...FILE_PORTS, storage });
  assert.deepEqual(story, ['1-5', 'EXPIRED 6-10', '11-20']);
});

test('a log that is written meanwhile is no damage, and reading it ends', (t) => {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 1 << 20 });
  builder.segment().events(2).meta().write();
  let appends = 0;
  const ports = {
    ...FILE_PORTS,
    regionDurable: () => {
      builder.events(3);
      if (appends++ % 2 === 1) builder.seal().segment().events(1);
      builder.write();
      return builder.lastEventId;
    },
  };
  const { story } = salvaged(builder.dir, ports);
  assert.equal(story.length, 1, story.join(', '));
  assert.match(story[0] ?? '', /^1-/);
  assert.ok(appends >= 3 && appends < 12, `${appends} appends`);
});

test('what is no log is refused at once', (t) => {
  assert.throws(() => salvage(temporaryFolder(t)), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
  assert.throws(() => salvage('/nonexistent'), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
  assert.throws(() => salvage(7 as unknown as string), {
    code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
  });
});

test('forged headers that overlap: what is before them is kept, and reading them has an end', async (t) => {
  const segmentBytes = 1 << 20;
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes }).segment().events(2);
  const { offset, bytes } = builder.blockOf(1, 0);
  const count = forgeHeaders(builder.fileOf(1), saltOf(1), offset + bytes, 2);
  builder.meta({ durableEventId: 2 }).write();
  const reads = new ReadCount(nodeStorage);
  const ports = { ...FILE_PORTS, storage: reads.storage };
  const { story } = salvaged(builder.dir, ports);
  assert.deepEqual(story, ['1-2', `CORRUPT 3-${2 + count}`]);
  assert.ok(reads.bytes < 48 * segmentBytes, `${reads.bytes} bytes read`);

  reads.bytes = 0;
  const { verdict } = await verifyThrough(ports, builder.dir);
  assert.equal(verdict, 'corruption');
  assert.ok(reads.bytes < 48 * segmentBytes, `${reads.bytes} bytes read`);
});
