import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { kernelPlace, simulatedPlace } from '../../test/support/storage-places.js';
import { AssertionFailure } from '../errors.js';
import { PAGE_BYTES } from '../units.js';
import { ReadOnlyStorage } from './read-only-storage.js';
import type { OpenMode } from './storage.js';
import { contentOf, namesIn, put, type StoragePlace } from './storage-place.conformance.js';
import { storageReadingConformance } from './storage-reading.conformance.js';

const readOnly = (place: StoragePlace): StoragePlace => ({
  ...place,
  storage: new ReadOnlyStorage(place.storage),
  writer: place.storage,
});

storageReadingConformance('read only, node:fs', (t) => readOnly(kernelPlace(temporaryFolder(t))));
storageReadingConformance('read only, the simulated disk', () => readOnly(simulatedPlace()));

test('it changes nothing, whatever is asked of it', () => {
  const place = simulatedPlace();
  const { storage: writer, folder } = place;
  const { storage } = readOnly(place);
  const file = join(folder, 'file');
  put(writer, file, 'text');
  const fd = storage.open(file, 'read');
  const changes: readonly (() => unknown)[] = [
    ...(['write', 'rewrite', 'create', 'open-or-create'] satisfies OpenMode[]).map(
      (mode) => () => storage.open(file, mode),
    ),
    () => storage.write(fd, [new Uint8Array(1)], 0),
    () => storage.writeZeros(fd, 0, 1),
    () => storage.allocate(fd, 8),
    () => storage.truncate(fd, 0),
    () => storage.startWriteback(fd, 0, 1),
    () => storage.sync(fd),
    () => storage.syncDirectory(folder),
    () => storage.rename(file, join(folder, 'other')),
    () => storage.renameNoReplace(file, join(folder, 'other')),
    () => storage.unlink(file),
    () => storage.makeDirectory(join(folder, 'new')),
  ];
  for (const change of changes) assert.throws(change, AssertionFailure);
  assert.equal(contentOf(storage, fd), 'text');
  assert.deepEqual(namesIn(storage, folder), ['file']);
});

test('a page that cannot be read is told from the others, and asked for once', () => {
  const { storage: disk, folder } = simulatedPlace();
  const file = join(folder, 'file');
  put(disk, file, 'a'.repeat(3 * PAGE_BYTES));
  const faulty = new FaultyStorage(disk);
  const storage = new ReadOnlyStorage(faulty);
  const bad = faulty.fail({
    code: 'EIO',
    when: ({ kind, offset = 0 }) => kind === 'read' && offset === PAGE_BYTES,
  });
  const whole = faulty.fail({ code: 'EIO', times: 1, when: ({ kind }) => kind === 'read' });
  const fd = storage.open(file, 'read');
  const target = new Uint8Array(3 * PAGE_BYTES);
  for (const round of [1, 2]) {
    target.fill(0);
    assert.equal(storage.read(fd, target, 0), target.length);
    const pages = [0, 1, 2].map((page) => target.slice(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
    const [first, second, third] = pages;
    for (const page of [first, third]) assert.ok(page?.every((byte) => byte === 97));
    assert.ok(second?.every((byte) => byte !== 97 && byte !== 0));
    assert.deepEqual([bad.hits, whole.hits], [1, 1], `round ${round}`);
  }
  const isBad = [0, 1, 2].map((page) => storage.hasUnreadable(fd, page * PAGE_BYTES, 1));
  assert.deepEqual(isBad, [false, true, false]);
  storage.close(fd);
});
