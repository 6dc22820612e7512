import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { type ErrorCode, WalError } from '../errors.js';
import type { OutsideClaims } from '../judgement/tail-judgement.js';
import { xxh64 } from '../segment/checksum.js';
import { META_FILE } from '../segment/file-names.js';
import { SEGMENT_HEADER_PAGE_BYTES, SegmentHeaderLayout } from '../segment/segment-header.js';
import { META_BYTES, WalMetaLayout } from '../segment/wal-meta.js';
import { nodeStorage } from '../storage/node-storage.js';
import { MIB } from '../units.js';
import {
  type RecoveredLog,
  type RecoveryMode,
  recoverLog,
  removeLeftovers,
} from './recover-log.js';

const MODES: readonly RecoveryMode[] = ['default', 'strict', 'tolerate-tail'];

/** One recovery with what it did to the files. */
class Recovery {
  readonly storage = new FaultyStorage(nodeStorage);
  readonly log: RecoveredLog;

  constructor(
    t: TestContext,
    dir: string,
    mode: RecoveryMode = 'default',
    outside: OutsideClaims = {},
  ) {
    this.log = recoverLog(this.storage, dir, mode, outside);
    const { last } = this.log;
    const open = last === undefined ? [] : [last.file.path];
    assert.deepEqual([...this.storage.openFiles.values()], open, 'the last segment stays open');
    if (last !== undefined) t.after(() => nodeStorage.close(last.file.fd));
  }

  get writes(): (number | undefined)[] {
    return this.storage.calls.filter(({ kind }) => kind === 'write').map(({ offset }) => offset);
  }

  get writtenBytes(): number {
    return this.storage.calls.reduce(
      (sum, { kind, bytes }) => sum + (kind === 'write' ? (bytes ?? 0) : 0),
      0,
    );
  }

  get syncs(): number {
    return this.storage.calls.filter(({ kind }) => kind === 'sync').length;
  }
}

const CHANGES = [
  'write',
  'sync',
  'rename',
  'renameNoReplace',
  'unlink',
  'truncate',
  'allocate',
] as const;

/** Refused with `code`, in each of `modes`, nothing changed and nothing left open. */
function refused(
  dir: string,
  code: ErrorCode,
  modes: readonly RecoveryMode[] = MODES,
  outside: OutsideClaims = {},
): WalError {
  let error: WalError | undefined;
  for (const mode of modes) {
    const storage = new FaultyStorage(nodeStorage);
    try {
      recoverLog(storage, dir, mode, outside);
    } catch (thrown) {
      assert.ok(thrown instanceof WalError, String(thrown));
      error = thrown;
    }
    assert.equal(error?.code, code, `${mode}: ${error?.message}`);
    assert.deepEqual(storage.story(...CHANGES), [], mode);
    assert.deepEqual([...storage.openFiles.values()], [], mode);
  }
  assert.ok(error !== undefined);
  return error;
}

const metaOf = (dir: string): string => join(dir, META_FILE);

/** Three blocks: events 1 and 2; 3, 4 and 5; 6 to 9. */
const threeBlocks = (dir: string, options = {}): LogBuilder =>
  new LogBuilder(dir, options).segment().events(2).events(3).events(4);

/** Two finished segments and one that is being written: events 1 … 5, 6 … 10, 11 … 15. */
function threeSegments(dir: string): LogBuilder {
  const builder = new LogBuilder(dir).segment().events(5).seal(0);
  builder.segment().events(5, { durableEventId: 5 }).seal(5);
  return builder.segment().events(5, { durableEventId: 10 }).meta({ durableEventId: 10 });
}

/**
 * Changes a structure and makes its checksum right again: what a newer version may have written.
 */
function patchChecked(path: string, layoutBytes: number, patch: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  patch(bytes);
  bytes.writeBigUInt64LE(xxh64(bytes.subarray(0, layoutBytes - 8), 0n), layoutBytes - 8);
  writeFileSync(path, bytes);
}

describe('a folder without a log', () => {
  test('is a new one, with an id that is not 0 and never the same', (t) => {
    const dir = temporaryFolder(t);
    const { log } = new Recovery(t, dir);
    assert.deepEqual(
      { verdict: log.verdict, nextEventId: log.nextEventId, last: log.last, notes: log.notes },
      { verdict: 'new', nextEventId: 1, last: undefined, notes: [] },
    );
    assert.notEqual(log.logId, 0n);
    assert.notEqual(new Recovery(t, dir).log.logId, log.logId);
  });

  test('keeps the id that its meta has: a crash came before the first segment', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).meta().write();
    const { log } = new Recovery(t, builder.dir);
    assert.deepEqual([log.verdict, log.logId], ['new', builder.logId]);
  });

  test('is noted to hold what is not ours', (t) => {
    const dir = temporaryFolder(t);
    writeFileSync(join(dir, 'notes.txt'), 'x');
    assert.deepEqual(new Recovery(t, dir).log.notes, ['notes.txt is not part of the log.']);
  });

  test('but with a meta that speaks of events has lost its segments', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(5).meta();
    builder.write().remove(1);
    const { message } = refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
    assert.match(message, /no segment, but events up to 5 were durable: all of them are lost/);
  });

  test('but with a meta that names a segment has lost it, even one without events', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().meta().write().remove(1);
    refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
  });

  test('but with a region that knows of durable events has lost them', (t) => {
    refused(temporaryFolder(t), 'ERR_FLASHSTRIKE_CORRUPT', MODES, { region: 3 });
  });

  test('but with a LOCK that an opening wrote, damaged or not, cannot be judged; tolerance begins a new log', (t) => {
    const dir = temporaryFolder(t);
    writeFileSync(join(dir, 'LOCK'), '');
    assert.equal(new Recovery(t, dir, 'strict').log.verdict, 'new', 'an opening that began');
    for (const text of [JSON.stringify({ regions: [] }), '{"regions":[', '\0'.repeat(4096)]) {
      writeFileSync(join(dir, 'LOCK'), text);
      const { message, path } = refused(dir, 'ERR_FLASHSTRIKE_UNDECIDABLE', ['default', 'strict']);
      assert.match(message, /LOCK shows that a log was opened here.*tolerate-tail/);
      assert.equal(path, dir);
    }
    const { log } = new Recovery(t, dir, 'tolerate-tail');
    assert.equal(log.verdict, 'new');
    assert.match(log.notes.join(), /could not be determined/);
  });

  test('but with a damaged meta cannot be judged; tolerance begins a new log', (t) => {
    const dir = temporaryFolder(t);
    for (const content of [
      Buffer.alloc(0),
      Buffer.alloc(META_BYTES),
      Buffer.alloc(META_BYTES, 0xff),
    ]) {
      writeFileSync(metaOf(dir), content);
      const error = refused(dir, 'ERR_FLASHSTRIKE_UNDECIDABLE', ['default', 'strict']);
      assert.equal(error.path, metaOf(dir));
      assert.equal(new Recovery(t, dir, 'tolerate-tail').log.verdict, 'new');
    }
  });
});

describe('wal.meta', () => {
  test('missing: the blocks themselves tell where the log ends', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).write();
    for (const mode of MODES) {
      const { log } = new Recovery(t, builder.dir, mode);
      assert.deepEqual([log.verdict, log.nextEventId], ['clean', 10]);
      assert.deepEqual(log.notes, ['wal.meta is missing.']);
    }
  });

  test('missing and the first block unreadable: undecidable; tolerance goes on from there', (t) => {
    const builder = threeBlocks(temporaryFolder(t));
    const body = builder.fileOf(1);
    body.fill(0xee, SEGMENT_HEADER_PAGE_BYTES);
    builder.write();
    const error = refused(builder.dir, 'ERR_FLASHSTRIKE_UNDECIDABLE', ['default', 'strict']);
    assert.equal(error.path, builder.pathOf(1));
    assert.equal(error.offset, SEGMENT_HEADER_PAGE_BYTES);
    const { log } = new Recovery(t, builder.dir, 'tolerate-tail');
    assert.deepEqual([log.verdict, log.nextEventId], ['torn-tail', 1]);
    assert.equal(log.last?.canContinue, false);
  });

  test('missing and the first segment empty: undecidable', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().write();
    refused(builder.dir, 'ERR_FLASHSTRIKE_UNDECIDABLE', ['default', 'strict']);
    assert.equal(new Recovery(t, builder.dir, 'tolerate-tail').log.nextEventId, 1);
  });

  test('missing and a later segment empty, or sealed without a successor: undecidable', (t) => {
    const sealed = new LogBuilder(temporaryFolder(t)).segment().events(3).seal().write();
    const empty = new LogBuilder(temporaryFolder(t)).segment().events(3).seal().segment().write();
    for (const { dir } of [sealed, empty]) {
      refused(dir, 'ERR_FLASHSTRIKE_UNDECIDABLE', ['default', 'strict']);
      const { log } = new Recovery(t, dir, 'tolerate-tail');
      assert.deepEqual([log.nextEventId, log.last?.canContinue], [4, false]);
    }
  });

  test('damaged in any byte: noted, and D is gathered without it', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta().write();
    const sound = readFileSync(metaOf(builder.dir));
    for (let at = 0; at < META_BYTES; at += 5) {
      const damaged = Buffer.from(sound);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(metaOf(builder.dir), damaged);
      const { log } = new Recovery(t, builder.dir);
      assert.deepEqual([log.verdict, log.nextEventId], ['clean', 10]);
      assert.equal(log.notes.length, 1);
      assert.match(log.notes[0] ?? '', /wal\.meta is not valid/);
    }
  });

  test('of any wrong length: noted', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta().write();
    const sound = readFileSync(metaOf(builder.dir));
    for (const content of [Buffer.alloc(0), sound.subarray(0, 63), Buffer.concat([sound, sound])]) {
      writeFileSync(metaOf(builder.dir), content);
      assert.equal(new Recovery(t, builder.dir).log.notes.length, 1);
    }
  });

  test('of another log: refused', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta({ logId: 99n }).write();
    const { path } = refused(builder.dir, 'ERR_FLASHSTRIKE_WRONG_LOG');
    assert.equal(path, metaOf(builder.dir));
  });

  test('of a newer version: refused, the version named', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta().write();
    patchChecked(metaOf(builder.dir), META_BYTES, (bytes) => {
      bytes.writeUInt16LE(3, WalMetaLayout.offset.version);
    });
    assert.match(refused(builder.dir, 'ERR_FLASHSTRIKE_UNSUPPORTED').message, /version 3\b/);
  });

  test('that is old does no harm: the blocks know more', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta({ durableEventId: 2 }).write();
    assert.equal(new Recovery(t, builder.dir, 'strict').log.nextEventId, 10);
  });

  test('that calls events durable which are not there: corruption', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta({ durableEventId: 12 }).write();
    const { message, offset } = refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
    assert.match(message, /Events 10 to 12 are lost\. Reported durable by wal\.meta \(12\)/);
    const last = builder.blockOf(1, -1);
    assert.equal(offset, last.offset + last.bytes);
  });

  test('that is a folder, a link, or a FIFO: refused without hanging', (t) => {
    const unsafe: Record<string, (path: string, dir: string) => unknown> = {
      folder: (path) => mkdirSync(path),
      link: (path, dir) => symlinkSync(join(dir, 'elsewhere'), path),
      FIFO: (path) => assert.equal(spawnSync('mkfifo', [path]).status, 0),
    };
    for (const [what, make] of Object.entries(unsafe)) {
      const dir = temporaryFolder(t);
      threeBlocks(dir).write();
      make(metaOf(dir), dir);
      assert.equal(refused(dir, 'ERR_FLASHSTRIKE_UNSAFE_FILE').path, metaOf(dir), what);
    }
  });
});

describe('segments', () => {
  test('in order: the last one is opened, and tells where to go on', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write();
    const { log } = new Recovery(t, builder.dir);
    const last = builder.blockOf(3, -1);
    assert.deepEqual([log.verdict, log.nextEventId, log.logId], ['clean', 16, builder.logId]);
    assert.equal(log.last?.file.path, builder.pathOf(3));
    assert.equal(log.last?.endOffset, last.offset + last.bytes);
    assert.equal(log.last?.durableClaim, 10);
    assert.equal(log.last?.canContinue, true);
  });

  test('taken away at the front are noted, and not missed', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write().remove(1);
    const { log } = new Recovery(t, builder.dir);
    assert.equal(log.nextEventId, 16);
    assert.deepEqual(log.notes, [
      'The log begins with 0000000002.wal: it does not have the segments before it.',
    ]);
  });

  test('missing in the middle: corruption, the range named', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write().remove(2);
    assert.match(
      refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT').message,
      /0000000002\.wal is missing\..*flashstrike salvage.* Events 6 to 10 are lost\./,
    );
  });

  test('missing at the end: corruption, because meta knows of it', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write().remove(3);
    const { message } = refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
    assert.match(message, /A later segment existed/);
  });

  test('missing at the end, although no event of it was durable: corruption all the same', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(5).seal().segment();
    builder.meta({ durableEventId: 5 }).write().remove(2);
    refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
  });

  test('renamed: the file says which one it is', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write();
    renameSync(builder.pathOf(3), builder.pathOf(4));
    refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
    renameSync(builder.pathOf(4), builder.pathOf(3));
    renameSync(builder.pathOf(2), `${builder.pathOf(2)}.saved`);
    writeFileSync(builder.pathOf(2), readFileSync(builder.pathOf(1)));
    const { message, path } = refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
    assert.match(message, /contains segment 1: the file was renamed or replaced/);
    assert.equal(path, builder.pathOf(2));
  });

  test('swapped: told at the first one', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write();
    const [second, third] = [readFileSync(builder.pathOf(2)), readFileSync(builder.pathOf(3))];
    writeFileSync(builder.pathOf(2), third);
    writeFileSync(builder.pathOf(3), second);
    const { message, path } = refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
    assert.equal(path, builder.pathOf(2));
    assert.match(message, /0000000003\.wal contains segment 2/);
  });

  test('of another log, the last or the one before: refused', (t) => {
    for (const index of [2, 3]) {
      const builder = threeSegments(temporaryFolder(t)).write();
      const other = new LogBuilder(temporaryFolder(t), { logId: 5n });
      for (let each = 1; each <= index; each++) other.segment().events(5);
      writeFileSync(builder.pathOf(index), other.fileOf(index));
      refused(builder.dir, 'ERR_FLASHSTRIKE_WRONG_LOG');
    }
  });

  test('shortened before the end that the successor pins: corruption', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write();
    const pinned = builder.blockOf(2, 0);
    const pin = pinned.offset + pinned.bytes;
    truncateSync(builder.pathOf(2), pin);
    assert.equal(new Recovery(t, builder.dir).log.nextEventId, 16, 'cut exactly there is whole');
    truncateSync(builder.pathOf(2), pin - 1);
    const { message, path } = refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
    assert.match(message, new RegExp(`has events up to 10, offset ${pin}`));
    assert.match(message, /Events 6 to 10 are lost\./);
    assert.equal(path, builder.pathOf(2));
  });

  test('with a header page that does not validate: corruption, for a name comes after it', (t) => {
    for (const index of [2, 3]) {
      for (const content of [0x00, 0xff]) {
        const builder = threeSegments(temporaryFolder(t));
        builder.fileOf(index).fill(content, 0, SEGMENT_HEADER_PAGE_BYTES);
        builder.write();
        const { path, offset } = refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
        assert.deepEqual([path, offset], [builder.pathOf(index), 0]);
      }
    }
  });

  test('empty files, and files of a header alone', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write();
    truncateSync(builder.pathOf(3), 0);
    refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
    builder.write();
    truncateSync(builder.pathOf(3), SEGMENT_HEADER_PAGE_BYTES);
    assert.equal(new Recovery(t, builder.dir).log.nextEventId, 11, 'nothing of it was durable');
    builder.meta({ durableEventId: 11 }).write();
    truncateSync(builder.pathOf(3), SEGMENT_HEADER_PAGE_BYTES);
    refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
  });

  test('of a newer version, or with a feature that is not known: refused by name', (t) => {
    const at = SegmentHeaderLayout.offset;
    const builder = threeSegments(temporaryFolder(t)).write();
    patchChecked(builder.pathOf(3), SegmentHeaderLayout.size, (bytes) => {
      bytes.writeUInt16LE(7, at.version);
    });
    assert.match(refused(builder.dir, 'ERR_FLASHSTRIKE_UNSUPPORTED').message, /version 7\b/);
    builder.write();
    patchChecked(builder.pathOf(3), SegmentHeaderLayout.size, (bytes) => {
      bytes.writeUInt32LE(1 << 4, at.incompatibleFlags);
    });
    assert.match(refused(builder.dir, 'ERR_FLASHSTRIKE_UNSUPPORTED').message, /bit 4|feature/);
  });

  test('that are named as compressed and are not: refused', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write().remove(1);
    writeFileSync(`${builder.pathOf(1)}.lz4`, 'x');
    assert.match(
      refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT').message,
      /0000000001\.wal\.lz4 is not valid: an LZ4 frame of 1 bytes/,
    );
  });

  test('that are folders, links or FIFOs: refused without hanging', (t) => {
    const make: readonly ((path: string) => unknown)[] = [
      (path) => mkdirSync(path),
      (path) => symlinkSync(`${path}.saved`, path),
      (path) => assert.equal(spawnSync('mkfifo', [path]).status, 0),
    ];
    for (const index of [2, 3]) {
      for (const unsafe of make) {
        const builder = threeSegments(temporaryFolder(t)).write();
        renameSync(builder.pathOf(index), `${builder.pathOf(index)}.saved`);
        unsafe(builder.pathOf(index));
        const { path } = refused(builder.dir, 'ERR_FLASHSTRIKE_UNSAFE_FILE');
        assert.equal(path, builder.pathOf(index));
      }
    }
  });
});

describe('the end of the last segment', () => {
  test('sealed without a successor: clean, and a new segment must follow', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).seal().meta().write();
    const { log } = new Recovery(t, builder.dir);
    assert.deepEqual([log.verdict, log.nextEventId], ['clean', 10]);
    assert.equal(log.last?.canContinue, false);
    const last = builder.blockOf(1, 2);
    assert.equal(log.last?.walk.end.endOffset, last.offset + last.bytes, 'the seal is not pinned');
  });

  test('cut off behind a block: the file is shorter than it was made, which is noted', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta({ durableEventId: 5 }).write();
    const { offset } = builder.blockOf(1, 2);
    truncateSync(builder.pathOf(1), offset);
    const { log } = new Recovery(t, builder.dir);
    assert.deepEqual([log.verdict, log.nextEventId], ['clean', 6]);
    assert.deepEqual(log.notes, [
      `0000000001.wal has ${offset} of its 65536 bytes: it was truncated.`,
    ]);
  });

  test('torn: kept up to there by default, dropped events counted; refused when strict', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta({ durableEventId: 5 });
    const torn = builder.blockOf(1, -1);
    builder.fileOf(1)[torn.offset + 100] = 0xee;
    builder.write();
    const before = readFileSync(builder.pathOf(1));
    const error = refused(builder.dir, 'ERR_FLASHSTRIKE_TORN_TAIL', ['strict']);
    assert.deepEqual([error.path, error.offset], [builder.pathOf(1), torn.offset]);
    for (const mode of ['default', 'tolerate-tail'] as const) {
      const { log } = new Recovery(t, builder.dir, mode);
      const { verdict, nextEventId, droppedEvents, droppedBytes } = log;
      assert.deepEqual(
        { verdict, nextEventId, droppedEvents, droppedBytes },
        { verdict: 'torn-tail', nextEventId: 6, droppedEvents: 4, droppedBytes: torn.bytes },
      );
      assert.equal(log.last?.canContinue, false, 'never append behind garbage');
      assert.deepEqual(readFileSync(builder.pathOf(1)), before);
    }
  });

  test('torn where a header behind it calls it durable: corruption in every mode', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
    builder.events(4, { durableEventId: 5 }).meta({ durableEventId: 2 });
    builder.fileOf(1)[builder.blockOf(1, 1).offset + 100] = 0xee;
    builder.write();
    const { message } = refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT');
    assert.match(message, /Events 3 to 5 are lost\. Reported durable by a block after it \(5\)/);
  });

  test('where the region of this boot knows of more: corruption in every mode', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta().write();
    assert.equal(new Recovery(t, builder.dir, 'default', { region: 9 }).log.verdict, 'clean');
    refused(builder.dir, 'ERR_FLASHSTRIKE_CORRUPT', MODES, { region: 10 });
  });

  test('while another process goes on with the log: refused as locked', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(3).meta().write();
    const before = readFileSync(builder.pathOf(1));
    builder.seal().segment();
    const next = builder.fileOf(2);
    const storage = new FaultyStorage(nodeStorage);
    storage.onCall = ({ kind, path }) => {
      if (kind === 'statusAt' && path === builder.pathOf(2)) writeFileSync(path, next);
    };
    assert.throws(() => recoverLog(storage, builder.dir, 'default', {}), {
      code: 'ERR_FLASHSTRIKE_LOCKED',
    });
    assert.deepEqual([...storage.openFiles], []);
    assert.deepEqual(readFileSync(builder.pathOf(1)), before);
  });
});

describe('the accepted prefix is written again, in place, and synced', () => {
  /** What was written is what stood there. */
  function assertSame(builder: LogBuilder): void {
    assert.ok(readFileSync(builder.pathOf(1)).equals(builder.fileOf(1)));
  }

  test('from the block that holds the last durable event', (t) => {
    const builder = threeBlocks(temporaryFolder(t));
    const offsets = [0, 1, 2].map((position) => builder.blockOf(1, position).offset);
    const [first, second, third] = offsets;
    const last = builder.blockOf(1, 2);
    const from = [first, first, first, second, second, second, third, third, third, third];
    from.forEach((offset, durableEventId) => {
      builder.meta({ durableEventId }).write();
      const recovery = new Recovery(t, builder.dir);
      assert.deepEqual(recovery.writes, [offset], `durable up to ${durableEventId}`);
      assert.equal(recovery.writtenBytes, last.offset + last.bytes - (offset ?? 0));
      assert.equal(recovery.syncs, 1);
      assertSame(builder);
    });
  });

  test('before it counts: the sync is the last thing that is done to the files', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta({ durableEventId: 2 }).write();
    const { storage } = new Recovery(t, builder.dir);
    assert.deepEqual(storage.story(...CHANGES).slice(-2), [
      'write 0000000001.wal@4096',
      'sync 0000000001.wal',
    ]);
  });

  test('in pieces of a megabyte', (t) => {
    const builder = new LogBuilder(temporaryFolder(t), {
      segmentBytes: 4 * MIB,
      payloadBytes: 1_000,
    });
    builder.segment();
    for (let block = 0; block < 5; block++) builder.events(500);
    builder.meta({ durableEventId: 0 }).write();
    const recovery = new Recovery(t, builder.dir);
    assert.deepEqual(recovery.writes, [4096, 4096 + MIB, 4096 + 2 * MIB]);
    assertSame(builder);
  });

  test('also behind a torn end, and not beyond it', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta({ durableEventId: 2 });
    const torn = builder.blockOf(1, -1);
    builder.fileOf(1)[torn.offset + 100] = 0xee;
    builder.write();
    const recovery = new Recovery(t, builder.dir);
    assert.deepEqual(recovery.writes, [4096]);
    assert.equal(recovery.writtenBytes, torn.offset - 4096);
    assertSame(builder);
  });

  test('also where meta is gone: nothing is known to be durable then', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).write();
    assert.deepEqual(new Recovery(t, builder.dir).writes, [4096]);
  });

  test('an empty segment is synced all the same', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().meta().write();
    const recovery = new Recovery(t, builder.dir);
    assert.deepEqual([recovery.writes, recovery.syncs], [[], 1]);
  });

  test('unless meta proves a clean close: this segment, this end, all of its events', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta({ cleanlyClosed: true }).write();
    const closed = new Recovery(t, builder.dir);
    assert.deepEqual([closed.writes, closed.syncs], [[], 0]);
    const last = builder.blockOf(1, -1);
    const unproven = [
      { cleanlyClosed: false },
      { cleanlyClosed: true, durableEventId: 8 },
      { cleanlyClosed: true, offset: last.offset },
    ];
    for (const meta of unproven) {
      builder.meta(meta).write();
      assert.equal(new Recovery(t, builder.dir).syncs, 1, JSON.stringify(meta));
    }
  });

  test('not where meta speaks of the segment before', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(3);
    builder.seal().segment().meta({ cleanlyClosed: true, segmentIndex: 1 }).write();
    assert.equal(new Recovery(t, builder.dir).syncs, 1);
  });

  test('an error of that refuses the open', (t) => {
    for (const kind of ['write', 'sync'] as const) {
      const builder = threeBlocks(temporaryFolder(t)).write();
      const storage = new FaultyStorage(nodeStorage);
      storage.fail({ code: 'EIO', when: (call) => call.kind === kind });
      assert.throws(() => recoverLog(storage, builder.dir, 'default', {}), { code: 'EIO' });
      assert.deepEqual([...storage.openFiles], []);
    }
  });

  test('doing it twice is doing it once', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta({ durableEventId: 2 }).write();
    const [one, two] = [new Recovery(t, builder.dir), new Recovery(t, builder.dir)];
    assert.deepEqual(one.writes, two.writes);
    assert.equal(one.log.nextEventId, two.log.nextEventId);
    assertSame(builder);
  });
});

describe('files with a second name, as a snapshot by hard links leaves them', () => {
  test('are read; behind the last one a new segment must follow, and that is noted', (t) => {
    const builder = threeSegments(temporaryFolder(t)).write();
    const snapshot = temporaryFolder(t);
    for (const name of readdirSync(builder.dir)) {
      linkSync(join(builder.dir, name), join(snapshot, name));
    }
    for (const dir of [builder.dir, snapshot]) {
      const { log } = new Recovery(t, dir);
      assert.deepEqual([log.verdict, log.nextEventId], ['clean', 16]);
      assert.equal(log.last?.canContinue, false);
      assert.match(log.notes.join(), /0000000003\.wal has 2 names.*continues in a new segment/);
      assert.deepEqual(
        readFileSync(join(snapshot, '0000000003.wal')),
        Buffer.from(builder.fileOf(3)),
      );
    }
  });

  test('left over: the name goes, the content stays under the other one', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta().write();
    const elsewhere = join(temporaryFolder(t), 'file');
    writeFileSync(elsewhere, 'x');
    for (const name of ['prepared-3.tmp', 'wal.meta.tmp']) {
      linkSync(elsewhere, join(builder.dir, name));
    }
    removeLeftovers(nodeStorage, builder.dir);
    assert.deepEqual(readdirSync(builder.dir).sort(), ['0000000001.wal', 'LOCK', 'wal.meta']);
    assert.equal(readFileSync(elsewhere, 'utf8'), 'x');
  });
});

describe('left-overs of a crash', () => {
  test('are removed, and nothing else is', (t) => {
    const builder = threeBlocks(temporaryFolder(t)).meta().write();
    const names = ['prepared-3.tmp', 'prepared-12.tmp', 'wal.meta.tmp', 'prepared-x.tmp', 'LOCK'];
    for (const name of names) writeFileSync(join(builder.dir, name), 'x');
    assert.equal(removeLeftovers(nodeStorage, builder.dir), 13);
    assert.deepEqual(readdirSync(builder.dir).sort(), [
      '0000000001.wal',
      'LOCK',
      'prepared-x.tmp',
      'wal.meta',
    ]);
  });

  test('a segment that was removed on purpose and came back without the next one', (t) => {
    const builder = threeSegments(temporaryFolder(t));
    const firstKeptEventId = builder.lastEventId - 4;
    builder.meta({ firstKeptEventId }).write();
    rmSync(builder.pathOf(2));
    const { log } = new Recovery(t, builder.dir);
    assert.deepEqual([log.verdict, log.nextEventId], ['clean', builder.lastEventId + 1]);
    assert.match(log.notes.join(), /0000000001.wal is not read: it was removed on purpose/);
    removeLeftovers(nodeStorage, builder.dir);
    assert.deepEqual(readdirSync(builder.dir).sort(), ['0000000003.wal', 'LOCK', 'wal.meta']);
  });

  test('none: tickets begin with 1', (t) => {
    assert.equal(removeLeftovers(nodeStorage, temporaryFolder(t)), 1);
  });

  test('tickets start over before they run out', (t) => {
    const dir = temporaryFolder(t);
    writeFileSync(join(dir, 'prepared-4294967295.tmp'), 'x');
    assert.equal(removeLeftovers(nodeStorage, dir), 1);
  });
});
