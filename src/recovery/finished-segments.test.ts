// What every open sees of the segments before the last one, without reading their blocks, and what
// it takes to go on all the same.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { refusalOf } from '../../test/support/refusal-of.js';
import type { WalError } from '../errors.js';
import { SEGMENT_HEADER_PAGE_BYTES, SegmentHeaderLayout } from '../segment/segment-header.js';
import { nodeStorage } from '../storage/node-storage.js';
import { KIB } from '../units.js';
import { verify } from '../verification/verify.js';
import { type RecoveryMode, recoverLog, type VerifyMode } from './recover-log.js';
import { lossText, type SegmentLoss } from './segment-losses.js';

const MODES: readonly RecoveryMode[] = ['default', 'strict', 'tolerate-tail'];
const SEGMENTS = 5;
const EVENTS = 4;

/** Events 1 … 4, 5 … 8, …, all durable; the last finished segment ends in a torn seal. */
function fiveSegments(dir: string, options: { logId?: bigint; payloadBytes?: number } = {}) {
  const builder = new LogBuilder(dir, options);
  for (let index = 1; index <= SEGMENTS; index++) {
    const before = (index - 1) * EVENTS;
    builder.segment().events(3, { durableEventId: before }).events(1, { durableEventId: before });
    builder.watermark();
    if (index < SEGMENTS) builder.seal();
  }
  const seal = builder.blockOf(4, -1);
  builder.fileOf(4).fill(0xee, seal.offset, seal.offset + 200);
  return builder.meta();
}

const written = (t: TestContext): LogBuilder => fiveSegments(temporaryFolder(t)).write();

interface Opened {
  readonly nextEventId: number;
  readonly losses: readonly SegmentLoss[];
}

function open(
  dir: string,
  mode: RecoveryMode = 'default',
  verifyMode: VerifyMode = 'tail',
): Opened {
  const storage = new FaultyStorage(nodeStorage);
  const { last, nextEventId, losses } = recoverLog(
    storage,
    dir,
    mode,
    {},
    undefined,
    undefined,
    verifyMode,
  );
  assert.ok(last !== undefined);
  storage.close(last.file.fd);
  assert.deepEqual([...storage.openFiles], []);
  return { nextEventId, losses };
}

/** Refused in every mode that accepts no loss, with nothing changed and nothing left open. */
function refused(dir: string, what: string, modes = MODES): WalError {
  let error: WalError | undefined;
  for (const mode of modes) {
    const storage = new FaultyStorage(nodeStorage);
    error = refusalOf(() => recoverLog(storage, dir, mode, {}));
    assert.ok(error !== undefined, `${what}: ${mode} opens`);
    assert.deepEqual([storage.story('write', 'sync', 'unlink'), [...storage.openFiles]], [[], []]);
  }
  assert.ok(error !== undefined);
  return error;
}

/** Finished segments, which is all of them but the last. */
const FINISHED = Array.from({ length: SEGMENTS - 1 }, (_, at) => at + 1);

/** The older state of a file: one block, or none, and nothing behind it. */
function olderCopy(builder: LogBuilder, index: number, blocks: number): Buffer {
  const bytes = Buffer.from(builder.fileOf(index));
  return bytes.fill(0, builder.blockOf(index, blocks).offset);
}

const DAMAGE: Record<string, (builder: LogBuilder, index: number, t: TestContext) => Uint8Array> = {
  zeroed: (builder, index) => Buffer.alloc(builder.fileOf(index).length),
  emptied: () => Buffer.alloc(0),
  'cut in the header page': (builder, index) => builder.fileOf(index).subarray(0, 4095),
  'cut behind the header page': (builder, index) => builder.fileOf(index).subarray(0, 4096),
  'cut before its last block': (builder, index) =>
    builder.fileOf(index).subarray(0, builder.blockOf(index, 1).offset),
  'its header overwritten': (builder, index) =>
    Buffer.from(builder.fileOf(index)).fill(0xff, 0, SegmentHeaderLayout.size),
  'an older copy of itself, with a block less': (builder, index) => olderCopy(builder, index, 1),
  'an older copy of itself, empty': (builder, index) => olderCopy(builder, index, 0),
  "another log's": (_builder, index, t) =>
    fiveSegments(temporaryFolder(t), { logId: 5n }).fileOf(index),
  'of another life of this log': (_builder, index, t) =>
    fiveSegments(temporaryFolder(t), { payloadBytes: 48 }).fileOf(index),
  'its neighbour': (builder, index) => builder.fileOf(index + 1),
};

describe('a finished segment is judged at every open, in every position', () => {
  test('a sound log opens, a torn seal or a file that was cut at its pin included', (t) => {
    const builder = written(t);
    assert.deepEqual(open(builder.dir), { nextEventId: SEGMENTS * EVENTS + 1, losses: [] });
    const { offset } = builder.blockOf(2, -1);
    truncateSync(builder.pathOf(2), offset);
    assert.equal(open(builder.dir, 'strict', 'all').nextEventId, SEGMENTS * EVENTS + 1);
  });

  for (const [what, damage] of Object.entries(DAMAGE)) {
    test(`${what}: refused, and named where the loss is accepted`, (t) => {
      for (const index of FINISHED) {
        const builder = written(t);
        writeFileSync(builder.pathOf(index), damage(builder, index, t));
        const error = refused(builder.dir, `segment ${index}`);
        assert.equal(error.path, builder.pathOf(index), error.message);
        assert.match(error.message, /salvage.*accept-loss/);
        const { nextEventId, losses } = open(builder.dir, 'accept-loss');
        assert.equal(nextEventId, SEGMENTS * EVENTS + 1);
        const lost = losses.reduce((sum, { firstEventId = 1, lastEventId }) => {
          return sum + lastEventId - firstEventId + 1;
        }, 0);
        assert.ok(lost > 0 && lost <= EVENTS, `segment ${index}: ${lost} lost`);
        for (const loss of losses) {
          const { firstEventId = 0, lastEventId } = loss;
          assert.match(lossText(loss), new RegExp(`\\b${firstEventId}\\b.*\\b${lastEventId}\\b`));
          assert.ok(firstEventId > (index - 1) * EVENTS && lastEventId <= index * EVENTS);
        }
      }
    });
  }

  test('every bit of its header: refused', (t) => {
    const builder = written(t);
    const path = builder.pathOf(2);
    const sound = readFileSync(path);
    for (let bit = 0; bit < SegmentHeaderLayout.size * 8; bit++) {
      const bytes = Buffer.from(sound);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(path, bytes);
      // Another version or feature is no damage, but no bit alone makes one: its checksum differs.
      assert.equal(refused(builder.dir, `bit ${bit}`, ['default']).path, path);
    }
  });

  test('missing: refused, and its events are named; all of them in one where two are gone', (t) => {
    const builder = written(t).remove(2).remove(3);
    assert.match(
      refused(builder.dir, 'two').message,
      /0000000002\.wal to 0000000003\.wal are missing/,
    );
    const { losses } = open(builder.dir, 'accept-loss');
    assert.deepEqual(
      losses.map(({ firstEventId, lastEventId }) => [firstEventId, lastEventId]),
      [[5, 12]],
    );
    unlinkSync(builder.pathOf(1));
    assert.deepEqual(open(builder.dir).losses, [], 'what is taken at the front is no damage');
  });

  test('missing beside one that is damaged: one loss, and each file is told', (t) => {
    const builder = written(t).remove(2);
    writeFileSync(builder.pathOf(3), '');
    const { losses } = open(builder.dir, 'accept-loss');
    assert.equal(losses.length, 1);
    assert.match(lossText(losses[0] as SegmentLoss), /0000000002.*0000000003.*5 to 12 are lost/);
  });

  test('several: the first is told, and where there is more', (t) => {
    const builder = written(t);
    for (const index of [1, 3, 4]) writeFileSync(builder.pathOf(index), '');
    const { message, path } = refused(builder.dir, 'three');
    assert.equal(path, builder.pathOf(1));
    assert.match(
      message,
      /Events 1 to 4 are lost\. There is more damage: 0000000003\.wal, 0000000004\.wal\./,
    );
  });

  test("another log's segment in front: most segments decide whose log it is", (t) => {
    const builder = written(t);
    const other = fiveSegments(temporaryFolder(t), { logId: 5n });
    writeFileSync(builder.pathOf(1), other.fileOf(1));
    const error = refused(builder.dir, 'in front');
    assert.deepEqual([error.code, error.path], ['ERR_FLASHSTRIKE_WRONG_LOG', builder.pathOf(1)]);
    assert.doesNotMatch(error.message, /0000000002/);
  });

  test("the last segment's header damaged: refused also where losses are accepted", (t) => {
    const builder = written(t);
    truncateSync(builder.pathOf(SEGMENTS), 100);
    const error = refusalOf(() => open(builder.dir, 'accept-loss'));
    assert.equal(error?.path, builder.pathOf(SEGMENTS));
  });

  test('damage at the end of the log is refused also where losses are accepted', (t) => {
    const builder = written(t).meta({ durableEventId: 99 }).write();
    writeFileSync(builder.pathOf(1), '');
    assert.match(
      refusalOf(() => open(builder.dir, 'accept-loss'))?.message ?? '',
      /Events 21 to 99 are lost/,
    );
  });

  test('a folder in its place is no damage to go on over', (t) => {
    const builder = written(t);
    renameSync(builder.pathOf(2), join(builder.dir, 'elsewhere'));
    mkdirSync(builder.pathOf(2));
    for (const mode of [...MODES, 'accept-loss'] as const) {
      const { code } = refusalOf(() => open(builder.dir, mode)) ?? {};
      assert.equal(code, 'ERR_FLASHSTRIKE_UNSAFE_FILE', mode);
    }
  });
});

describe('the blocks of finished segments', () => {
  /** Byte `at` of the payload of the first block of segment 2. */
  function flipped(t: TestContext): LogBuilder {
    const builder = fiveSegments(temporaryFolder(t));
    const bytes = builder.fileOf(2);
    const at = builder.blockOf(2, 0).offset + 100;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return builder.write();
  }

  test("are read where it is asked for: verify: 'all'", (t) => {
    const { dir, pathOf } = flipped(t);
    assert.deepEqual(open(dir).losses, [], 'headers and sizes are sound');
    for (const mode of MODES) {
      const error = refusalOf(() => open(dir, mode, 'all'));
      assert.match(error?.message ?? '', /damaged from offset 4096.*Events 5 to 7 are lost\./);
    }
    const [loss, ...others] = open(dir, 'accept-loss', 'all').losses;
    assert.deepEqual([loss?.firstEventId, loss?.lastEventId, others], [5, 7, []]);
    assert.ok(pathOf !== undefined);
  });

  test('that fill their segment up to the pin with one large block, and no seal, are found', (t) => {
    const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 2048 * KIB });
    builder
      .segment()
      .events(1, { payloadBytes: 1000 * KIB })
      .segment()
      .events(1)
      .meta()
      .write();
    assert.equal(open(builder.dir).nextEventId, 3);
    const { offset } = builder.blockOf(1, 0);
    const bytes = Buffer.from(builder.fileOf(1)).fill(0, offset, offset + 64);
    writeFileSync(builder.pathOf(1), bytes);
    refused(builder.dir, 'its header is gone');
  });

  test('a segment without a block is pinned by its header', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().segment().events(1).meta().write();
    assert.equal(open(builder.dir).nextEventId, 2);
  });

  test('what the open refuses, verify calls corrupt', async (t) => {
    const builder = written(t);
    writeFileSync(builder.pathOf(2), olderCopy(builder, 2, 2));
    refused(builder.dir, 'older');
    assert.equal((await verify(builder.dir)).verdict, 'corruption');
    assert.ok(SEGMENT_HEADER_PAGE_BYTES > SegmentHeaderLayout.size);
  });
});
