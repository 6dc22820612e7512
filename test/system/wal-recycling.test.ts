// The files of removed segments are those of the next ones: whoever holds on to the old content
// keeps it, and nothing old shows in what is new.
import assert from 'node:assert/strict';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { openCursor, verify, Wal, type WalOptions } from '../../src/index.js';
import { decodeSegmentHeader, hasRecycledBody } from '../../src/segment/segment-header.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import { LogReader } from '../golden/independent-reader.js';
import { onBothAdapters, type Variant } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';

/** Why no file is used again here, or false. */
const noLeases: string | false = (() => {
  const path = join(mkdtempSync(join(tmpdir(), 'flashstrike-')), 'file');
  const fd = openSync(path, 'wx+');
  try {
    return nodeStorage.isOpenElsewhere(fd) && 'there are no file leases here';
  } finally {
    closeSync(fd);
    rmSync(dirname(path), { recursive: true });
  }
})();

const RECYCLING: WalOptions = { preallocate: 'recycle', retention: { segments: 3 } };
const LONGEST_MS = 120_000;
/** Ten and a half of them fill a segment; each tells which one it is. */
const payloadOf = (eventId: number): Uint8Array => new Uint8Array(5000).fill(eventId % 251);

const segmentsIn = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.wal'))
    .sort();

const isRecycled = (path: string): boolean => {
  const header = decodeSegmentHeader(readFileSync(path));
  return !('defect' in header) && hasRecycledBody(header);
};

/** Appends until `isReached`. */
async function appendUntil(what: string, wal: Wal, isReached: () => boolean): Promise<void> {
  const deadline = performance.now() + LONGEST_MS;
  while (!isReached()) {
    assert.ok(performance.now() < deadline, what);
    await wal.durable(wal.append(payloadOf(wal.lastEventId + 1)));
  }
}

/** Appends until so many files were used again. */
async function recycle(wal: Wal, files: number): Promise<void> {
  const { segmentPreparer } = wal.telemetry;
  const wanted = segmentPreparer.recycledSegments + files;
  const isReached = () => segmentPreparer.recycledSegments >= wanted;
  await appendUntil('files of removed segments are used again', wal, isReached);
}

function assertHolds(dir: string, lastEventId: number): void {
  const cursor = openCursor(dir);
  let last = 0;
  try {
    while (cursor.next()) {
      assert.deepEqual(cursor.payload, payloadOf(cursor.eventId));
      last = cursor.eventId;
    }
  } finally {
    cursor.close();
  }
  assert.equal(last, lastEventId);
}

function recyclingOnBoth(
  name: string,
  body: (context: TestContext, variant: Variant) => Promise<void>,
): void {
  onBothAdapters(name, body, noLeases);
}

recyclingOnBoth(
  'a log goes on in the files of its removed segments, and reads sound',
  async (t, v) => {
    const dir = temporaryFolder(t);
    const wal = await Wal.open(dir, { ...v.options, ...RECYCLING });
    await recycle(wal, 20);
    assert.equal((await verify(dir)).verdict, 'clean');
    // Of those that are kept none need be: a busy machine makes new ones where no old one is free.
    const last = (): string => join(dir, segmentsIn(dir).at(-1) ?? '');
    await appendUntil('such a file is written to', wal, () => isRecycled(last()));
    const lastEventId = wal.lastEventId;
    await wal.close();
    const { ok, verdict } = await verify(dir);
    assert.deepEqual([ok, verdict], [true, 'clean']);
    assertHolds(dir, lastEventId);
    const names = segmentsIn(dir);
    const recycled = names.filter((name) => isRecycled(join(dir, name)));
    assert.ok(recycled.length > 0);
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.startsWith('prepared')),
      [],
      'a closed log has no prepared files',
    );
    // What reads the format from its text alone finds the same.
    const reader = new LogReader();
    const reading = reader.read(dir);
    let step = reading.next();
    while (step.done !== true) step = reading.next();
    assert.deepEqual([step.value.word, reader.lastEventId], ['clean', lastEventId]);
    // Another opening may say something else.
    const again = await Wal.open(dir, { ...v.options, preallocate: 'allocate' });
    assert.equal(again.recovery.verdict, 'clean');
    await again.durable(again.append(payloadOf(lastEventId + 1)));
    await again.close();
    assertHolds(dir, lastEventId + 1);
  },
);

recyclingOnBoth('close cuts a file that is used again behind its events', async (t, v) => {
  const dir = temporaryFolder(t);
  const wal = await Wal.open(dir, { ...v.options, ...RECYCLING });
  const last = (): string => join(dir, segmentsIn(dir).at(-1) ?? '');
  await appendUntil('such a file is written to', wal, () => isRecycled(last()));
  await wal.close();
  assert.ok(isRecycled(last()));
  assert.ok(statSync(last()).size < 64 * 1024, 'old bytes are no reason to keep the space');
  assert.equal((await verify(dir)).verdict, 'clean');
});

recyclingOnBoth('a snapshot by hard links keeps what it has, byte for byte', async (t, v) => {
  const dir = temporaryFolder(t);
  const snapshot = join(temporaryFolder(t), 'snapshot');
  const wal = await Wal.open(dir, { ...v.options, ...RECYCLING });
  await recycle(wal, 3);
  mkdirSync(snapshot);
  const kept = new Map<string, Buffer>();
  // The segment that is written to goes on, and so may the maintainer meanwhile.
  for (const name of segmentsIn(dir).slice(1, -1)) {
    const path = join(snapshot, name);
    try {
      linkSync(join(dir, name), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    kept.set(path, readFileSync(path));
  }
  assert.ok(kept.size > 0);
  await appendUntil('all of them are removed', wal, () => {
    const names = segmentsIn(dir);
    return [...kept.keys()].every((path) => !names.includes(basename(path)));
  });
  await recycle(wal, 5);
  await wal.close();
  for (const [path, content] of kept) assert.ok(content.equals(readFileSync(path)), path);
});

recyclingOnBoth(
  'a reader in the midst of a segment that goes reads it to its end',
  async (t, v) => {
    const dir = temporaryFolder(t);
    const wal = await Wal.open(dir, { ...v.options, ...RECYCLING });
    await recycle(wal, 3);
    const cursor = openCursor(dir);
    try {
      assert.ok(cursor.next());
      const first = cursor.eventId;
      let last = first;
      const [oldest = ''] = segmentsIn(dir);
      await recycle(wal, 8);
      assert.ok(!segmentsIn(dir).includes(oldest), 'what it reads is removed');
      assert.throws(
        () => {
          while (cursor.next()) {
            assert.equal(cursor.eventId, ++last);
            assert.deepEqual(cursor.payload, payloadOf(last));
          }
        },
        { code: 'ERR_FLASHSTRIKE_EXPIRED' },
      );
      assert.ok(last > first + 3, 'its segment, of which it had a part');
    } finally {
      cursor.close();
    }
    await wal.close();
  },
);
