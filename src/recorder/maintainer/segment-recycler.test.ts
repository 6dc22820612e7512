import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import type { StorageCall } from '../../../test/support/interposed-storage.js';
import { isZero } from '../../memory/zeros.js';
import { encodeSegmentHeader } from '../../segment/segment-header.js';
import { KIB, PAGE_BYTES } from '../../units.js';
import { offer, takeFrom } from '../threads/prepared-segments.js';
import { Signals } from '../threads/signals.js';
import { SegmentRecycler } from './segment-recycler.js';

const SEGMENT_BYTES = 64 * KIB;
const SEGMENT = '/log/0000000005.wal';
const TICKET = 2 ** 31 + 5;
const PREPARED = `/log/prepared-${TICKET}.tmp`;

/** A folder with segment 5, whose life is over. */
class Bench {
  readonly disk = new SimulatedDisk();
  readonly storage = new FaultyStorage(this.disk);
  readonly signals = new Signals();
  failures = 0;
  areNamesDurable = true;
  readonly recycler = new SegmentRecycler(
    this.storage,
    this.signals,
    () => this.failures++,
    () => this.areNamesDurable,
  );
  readonly inode: bigint;

  constructor(segmentBytes = SEGMENT_BYTES, fileBytes = segmentBytes) {
    this.disk.makeDirectory('/log');
    const file = new Uint8Array(fileBytes).fill(0xab);
    const page = encodeSegmentHeader({
      segmentIndex: 5,
      segmentBytes,
      firstEventId: 101,
      incompatibleFlags: 0,
      compatibleFlags: 0,
      checksumKind: 1,
      blockAlignment: 8,
      logId: 1n,
      salt: 2n,
      createdTsNs: 3n,
      previousLastEventId: 100,
      previousEndOffset: 4096,
      previousBlockChecksum: 4n,
    });
    file.set(page);
    const fd = this.disk.open(SEGMENT, 'create');
    this.disk.write(fd, [file], 0);
    this.disk.sync(fd);
    this.inode = this.disk.statusOf(fd).inode;
    this.disk.close(fd);
    this.disk.syncDirectory('/');
    this.disk.syncDirectory('/log');
    this.signals.set('recycledPages', SEGMENT_BYTES / PAGE_BYTES);
  }

  /** As the maintainer removes it. @returns whether its file is used again */
  remove(): boolean {
    this.recycler.removeName(SEGMENT, 5);
    this.storage.syncDirectory('/log');
    return this.recycler.onNameGone();
  }

  get names(): string[] {
    return this.disk.list('/log').map(({ name }) => name);
  }

  get offered() {
    return takeFrom(this.signals.recycledQueue);
  }
}

const of =
  (kind: string) =>
  (call: StorageCall): boolean =>
    call.kind === kind;

test('a removed segment becomes a prepared file: its name goes durably, then its header', () => {
  const bench = new Bench();
  const woken = bench.signals.wakeCount('preparer');
  assert.equal(bench.remove(), true);
  const changes = ['renameNoReplace', 'unlink', 'syncDirectory', 'write', 'sync'] as const;
  assert.deepEqual(bench.storage.story(...changes), [
    `renameNoReplace 0000000005.wal prepared-${TICKET}.tmp`,
    'syncDirectory log',
    `write prepared-${TICKET}.tmp@0`,
    `sync prepared-${TICKET}.tmp`,
  ]);
  const written = { writtenBytes: SEGMENT_BYTES, isRecycled: true };
  const { inode } = bench;
  assert.deepEqual(bench.offered, {
    ticket: TICKET,
    inode,
    segmentBytes: SEGMENT_BYTES,
    ...written,
  });
  assert.equal(bench.signals.wakeCount('preparer'), woken + 1);
  bench.disk.cutPower();
  const content = bench.disk.contentOf(PREPARED);
  assert.ok(isZero(content, 0, PAGE_BYTES), 'no header is left, whatever happens then');
  assert.equal(content[PAGE_BYTES], 0xab);
  bench.recycler.close();
  assert.deepEqual(bench.names, [`prepared-${TICKET}.tmp`]);
});

test('it just goes: where none is wanted, or one of another size; where it was cut to no page', () => {
  for (const bench of [
    new Bench(),
    new Bench(128 * KIB),
    new Bench(SEGMENT_BYTES, 2 * SEGMENT_BYTES),
    new Bench(SEGMENT_BYTES, 5000),
  ]) {
    if (bench.disk.statusAt(SEGMENT)?.bytes === SEGMENT_BYTES)
      bench.signals.set('recycledPages', 0);
    assert.equal(bench.remove(), false);
    assert.deepEqual(bench.names, []);
    assert.equal(bench.offered, undefined);
  }
});

test('where folders cannot be synced nothing is written to it: its name may come back', () => {
  const bench = new Bench();
  bench.areNamesDurable = false;
  assert.equal(bench.remove(), false);
  assert.deepEqual(bench.storage.story('write'), []);
  assert.deepEqual(bench.names, []);
  assert.equal(bench.offered, undefined);
});

test('a file that was cut at a page is used: it tells how much of it is written', () => {
  const bench = new Bench(SEGMENT_BYTES, 40 * KIB);
  assert.equal(bench.remove(), true);
  const { segmentBytes, writtenBytes } = bench.offered ?? {};
  assert.deepEqual([segmentBytes, writtenBytes], [SEGMENT_BYTES, 40 * KIB]);
});

test('a file with a second name is not written to: a snapshot stays what it is', () => {
  for (const when of ['before', 'behind the rename', 'behind the sync of the folder']) {
    const bench = new Bench();
    const before = Buffer.from(bench.disk.contentOf(SEGMENT));
    if (when === 'before') bench.disk.link(SEGMENT, '/snapshot');
    bench.recycler.removeName(SEGMENT, 5);
    if (when === 'behind the rename') bench.disk.link(PREPARED, '/snapshot');
    bench.storage.syncDirectory('/log');
    if (when === 'behind the sync of the folder') bench.disk.link(PREPARED, '/snapshot');
    assert.equal(bench.recycler.onNameGone(), false, when);
    assert.deepEqual(bench.names, [], when);
    assert.ok(before.equals(bench.disk.contentOf('/snapshot')), when);
    assert.equal(bench.offered, undefined);
  }
});

test('a file that somebody has open is not written to: who reads it reads on', () => {
  const bench = new Bench();
  const before = Buffer.from(bench.disk.contentOf(SEGMENT));
  const fd = bench.disk.open(SEGMENT, 'read');
  assert.equal(bench.remove(), false);
  assert.deepEqual(bench.names, []);
  const found = new Uint8Array(SEGMENT_BYTES);
  assert.equal(bench.disk.read(fd, found, 0), SEGMENT_BYTES);
  assert.ok(before.equals(found));
});

test('behind a failed sync of the folder it is never used: its name may come back', () => {
  const bench = new Bench();
  const before = Buffer.from(bench.disk.contentOf(SEGMENT));
  bench.storage.fail({ code: 'EIO', when: of('syncDirectory'), times: 1 });
  assert.throws(() => bench.remove(), { code: 'EIO' });
  // The next sync returns, and brings nothing to the disk.
  assert.equal(bench.remove(), false);
  assert.equal(bench.offered, undefined);
  assert.deepEqual(bench.storage.story('write'), []);
  assert.deepEqual(bench.names, []);
  const again = new Bench();
  again.storage.fail({ code: 'EIO', when: of('syncDirectory'), times: 1 });
  assert.throws(() => again.remove(), { code: 'EIO' });
  again.recycler.close();
  again.disk.cutPower();
  assert.deepEqual(again.names, ['0000000005.wal']);
  assert.ok(before.equals(again.disk.contentOf(SEGMENT)), 'the disk has it as it was');
});

test('another file under its new name, or in its place, is left alone', () => {
  const bench = new Bench();
  bench.disk.close(bench.disk.open(PREPARED, 'create'));
  assert.equal(bench.remove(), false);
  assert.deepEqual(bench.names, [`prepared-${TICKET}.tmp`]);
  const other = new Bench();
  other.recycler.removeName(SEGMENT, 5);
  other.disk.unlink(PREPARED);
  other.disk.close(other.disk.open(PREPARED, 'create'));
  assert.equal(other.recycler.onNameGone(), false);
  assert.deepEqual(other.storage.story('write'), []);
});

test('each call may fail: it is used or gone, nothing stays open, and what is left is told', () => {
  for (const kind of ['open', 'statusOf', 'write', 'sync']) {
    const bench = new Bench();
    const fault = bench.storage.fail({
      code: 'EIO',
      when: ({ kind: found, path }) => found === kind && path === PREPARED,
      times: 1,
    });
    assert.equal(bench.remove(), false, kind);
    assert.equal(fault.hits, 1, kind);
    assert.equal(bench.failures, 1, kind);
    assert.deepEqual(bench.names, [], kind);
    assert.equal(bench.offered, undefined, kind);
  }
  const bench = new Bench();
  bench.storage.fail({ code: 'EIO', when: of('write'), times: 1 });
  bench.storage.fail({ code: 'EACCES', when: of('unlink'), times: 1 });
  assert.equal(bench.remove(), false);
  assert.equal(bench.failures, 2);
  assert.deepEqual(bench.names, [`prepared-${TICKET}.tmp`]);
  // The next removal tries it again, and so does the end.
  bench.recycler.close();
  assert.deepEqual(bench.names, []);
});

test('more than the preparer takes are gone', () => {
  const bench = new Bench();
  const written = { segmentBytes: SEGMENT_BYTES, writtenBytes: SEGMENT_BYTES, isRecycled: true };
  for (let ticket = 1; ticket <= 4; ticket++) {
    assert.ok(offer(bench.signals.recycledQueue, { ticket, inode: 1n, ...written }));
  }
  assert.equal(bench.remove(), false);
  assert.deepEqual(bench.names, []);
});
