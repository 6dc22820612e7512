// What every adapter of the storage port must do: the file systems of the kernel, and the disk of
// the simulation, which can be trusted as far as it passes this. A new adapter runs this suite and
// adds tests only for what it alone promises.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PAGE_BYTES } from '../units.js';
import type { OpenMode } from './storage.js';
import {
  bytesOf,
  contentOf,
  type MakePlace,
  namesIn,
  put,
  type StoragePlace,
  textAt,
} from './storage-place.conformance.js';
import { storageReadingConformance } from './storage-reading.conformance.js';

const MODES: readonly OpenMode[] = ['read', 'write', 'rewrite', 'create', 'open-or-create'];
const WRITING: readonly OpenMode[] = ['write', 'rewrite', 'create', 'open-or-create'];
/** A name that must not exist is refused as one that does, whatever it is. */
const refusalOf = (mode: OpenMode) => ({
  code: mode === 'create' ? 'EEXIST' : 'ERR_FLASHSTRIKE_UNSAFE_FILE',
});

/**
 * @param make a new place for each test
 * @param unavailable why the adapter cannot run on this machine
 */
export function storageConformance(name: string, make: MakePlace, unavailable?: string): void {
  storageReadingConformance(name, make, unavailable);
  const options = unavailable === undefined ? {} : { skip: unavailable };

  describe(`storage, ${name}`, options, () => {
    test('opens what is there, creates what is not, as the mode says', (t) => {
      const { storage, folder, at } = opened(make(t));
      for (const mode of ['read', 'write', 'rewrite'] as const) {
        assert.throws(() => storage.open(at('file'), mode), { code: 'ENOENT' }, mode);
      }
      assert.deepEqual(namesIn(storage, folder), []);
      put(storage, at('file'), 'text');
      assert.throws(() => storage.open(at('file'), 'create'), { code: 'EEXIST' });
      for (const mode of ['read', 'write', 'rewrite', 'open-or-create'] as const) {
        storage.close(storage.open(at('file'), mode));
        assert.equal(textAt(storage, at('file')), 'text', `${mode} keeps what is there`);
      }
      storage.close(storage.open(at('other'), 'open-or-create'));
      assert.equal(textAt(storage, at('other')), '');
      assert.deepEqual(namesIn(storage, folder), ['file', 'other']);
      for (const mode of MODES) {
        assert.throws(() => storage.open(at('none', 'file'), mode), { code: 'ENOENT' }, mode);
        assert.throws(() => storage.open(at('file', 'below'), mode), { code: 'ENOTDIR' }, mode);
      }
    });

    test('what is opened to be written can be written, what is opened to be read cannot', (t) => {
      const { storage, at } = opened(make(t));
      for (const mode of WRITING) {
        if (mode !== 'create' && mode !== 'open-or-create') put(storage, at(mode), '');
        const fd = storage.open(at(mode), mode);
        storage.write(fd, [bytesOf(mode)], 0);
        assert.equal(contentOf(storage, fd), mode);
        storage.close(fd);
      }
      const fd = storage.open(at('write'), 'read');
      // Which of the two it is depends on the call, and on what makes it.
      const refused = { code: /^(EBADF|EINVAL)$/ };
      assert.throws(() => storage.write(fd, [bytesOf('no')], 0), { code: 'EBADF' });
      assert.throws(() => storage.write(fd, [new Uint8Array(2 * PAGE_BYTES)], 0), {
        code: 'EBADF',
      });
      assert.throws(() => storage.truncate(fd, 0), refused);
      assert.throws(() => storage.allocate(fd, PAGE_BYTES), refused);
      storage.sync(fd);
      assert.equal(contentOf(storage, fd), 'write');
      storage.close(fd);
    });

    test('writes all parts one behind the other, anywhere', (t) => {
      const { storage, at } = opened(make(t));
      const fd = storage.open(at('file'), 'create');
      storage.write(fd, [bytesOf('one'), new Uint8Array(0), bytesOf('two')], 5);
      assert.equal(contentOf(storage, fd), '\0\0\0\0\0onetwo', 'zeros where nobody wrote');
      storage.write(fd, [bytesOf('X')], 6);
      assert.equal(contentOf(storage, fd), '\0\0\0\0\0oXetwo');
      storage.write(fd, [bytesOf('longer')], 9);
      assert.equal(contentOf(storage, fd), '\0\0\0\0\0oXetlonger');
      storage.close(fd);
    });

    test('writes zeros over what is there, and behind the end', (t) => {
      const { storage, at } = opened(make(t));
      const fd = storage.open(at('file'), 'create');
      const before = new Uint8Array(40_000).fill(7);
      storage.write(fd, [before], 0);
      storage.writeZeros(fd, 10, 20_000);
      storage.writeZeros(fd, 39_990, 20_010);
      storage.writeZeros(fd, 70_000, 0);
      const target = new Uint8Array(60_001);
      assert.equal(storage.read(fd, target, 0), 60_000);
      const zeros = target.map((byte) => (byte === 0 ? 1 : 0));
      assert.ok(zeros.subarray(0, 10).every((isZero) => isZero === 0));
      assert.ok(zeros.subarray(10, 20_010).every((isZero) => isZero === 1));
      assert.ok(zeros.subarray(20_010, 39_990).every((isZero) => isZero === 0));
      assert.ok(zeros.subarray(39_990).every((isZero) => isZero === 1));
      storage.close(fd);
    });

    test('a write of nothing does nothing', (t) => {
      const { storage, at } = opened(make(t));
      const fd = storage.open(at('file'), 'create');
      for (const parts of [[], [new Uint8Array(0)], [new Uint8Array(0), new Uint8Array(0)]]) {
        storage.write(fd, parts, PAGE_BYTES);
        assert.equal(storage.statusOf(fd).bytes, 0);
      }
      storage.close(fd);
    });

    test('parts may be many and large, and are the caller’s again afterwards', (t) => {
      const { storage, at } = opened(make(t));
      const fd = storage.open(at('file'), 'create');
      // One call of the system takes 1,024 parts.
      const many = Array.from({ length: 3_000 }, (_, index) => bytesOf(`${index},`.padStart(5)));
      const large = [70_000, 0, 1, 300_000].map((size, index) => new Uint8Array(size).fill(index));
      const expected = Buffer.concat([...many, ...large]);
      storage.write(fd, many, 0);
      storage.write(fd, large, expected.length - 370_001);
      for (const part of [...many, ...large]) part.fill(0xff);
      const target = new Uint8Array(expected.length + 1);
      assert.equal(storage.read(fd, target, 0), expected.length);
      assert.ok(expected.equals(target.subarray(0, expected.length)));
      storage.close(fd);
    });

    test('where writing to the disk was asked to begin, everything stays what it is', (t) => {
      const { storage, at } = opened(make(t));
      put(storage, at('file'), 'text');
      const fd = storage.open(at('file'), 'write');
      for (const bytes of [4, 0, 8192]) storage.startWriteback(fd, 0, bytes);
      storage.close(fd);
      assert.equal(textAt(storage, at('file')), 'text');
    });

    test('tells of a file that somebody else has open, and changes nothing by that', (t) => {
      const { storage, at } = opened(make(t));
      put(storage, at('file'), 'text');
      for (const mode of ['read', 'write', 'rewrite'] as const) {
        const fd = storage.open(at('file'), 'write');
        const other = storage.open(at('file'), mode);
        assert.equal(storage.isOpenElsewhere(fd), true, mode);
        storage.close(other);
        // Where the system does not tell, it stays so.
        const isTold = !storage.isOpenElsewhere(fd);
        assert.equal(storage.isOpenElsewhere(fd), !isTold, 'asking leaves nothing behind');
        const again = storage.open(at('file'), mode);
        assert.equal(storage.isOpenElsewhere(fd), true, `${mode}, again`);
        storage.close(again);
        storage.close(fd);
      }
      assert.equal(textAt(storage, at('file')), 'text');
    });

    test('allocates zeros up to a length, keeps what is there, and never cuts', (t) => {
      const { storage, at } = opened(make(t));
      const fd = storage.open(at('file'), 'create');
      storage.write(fd, [bytesOf('abc')], 0);
      for (const bytes of [8192, 8192, 4096, 1]) {
        storage.allocate(fd, bytes);
        assert.equal(storage.statusOf(fd).bytes, 8192, `${bytes}`);
      }
      assert.equal(contentOf(storage, fd), `abc${'\0'.repeat(8189)}`);
      storage.close(fd);
    });

    test('truncates to a length, shorter or longer; what was cut does not come back', (t) => {
      const { storage, at } = opened(make(t));
      const fd = storage.open(at('file'), 'create');
      storage.write(fd, [bytesOf('abcdef')], 0);
      storage.sync(fd);
      storage.truncate(fd, 2);
      assert.equal(contentOf(storage, fd), 'ab');
      storage.truncate(fd, 4);
      assert.equal(contentOf(storage, fd), 'ab\0\0');
      storage.truncate(fd, 1);
      storage.write(fd, [bytesOf('x')], 3);
      assert.equal(contentOf(storage, fd), 'a\0\0x');
      storage.truncate(fd, 0);
      storage.allocate(fd, 3);
      assert.equal(contentOf(storage, fd), '\0\0\0');
      storage.close(fd);
    });

    test('a file stays the same file whatever is written to it and whatever its name', (t) => {
      const { storage, at } = opened(make(t));
      const fd = storage.open(at('file'), 'create');
      const { device, inode, birthNs, owner } = storage.statusOf(fd);
      storage.write(fd, [bytesOf('text')], 0);
      storage.truncate(fd, 3);
      storage.sync(fd);
      storage.rename(at('file'), at('renamed'));
      const renamed = { kind: 'file', bytes: 3, device, inode, links: 1, owner, birthNs };
      assert.deepEqual(storage.statusOf(fd), renamed);
      assert.deepEqual(storage.statusAt(at('renamed')), renamed);
      storage.unlink(at('renamed'));
      assert.deepEqual(storage.statusOf(fd), { ...renamed, links: 0 });
      storage.write(fd, [bytesOf('still')], 0);
      storage.sync(fd);
      assert.equal(contentOf(storage, fd), 'still');
      storage.close(fd);
    });

    test('no call takes a descriptor that was closed', (t) => {
      const { storage, at, closedCode: code } = opened(make(t));
      const fd = storage.open(at('file'), 'create');
      storage.close(fd);
      assert.throws(() => storage.read(fd, new Uint8Array(1), 0), { code });
      assert.throws(() => storage.write(fd, [bytesOf('x')], 0), { code });
      assert.throws(() => storage.write(fd, [new Uint8Array(2 * PAGE_BYTES)], 0), { code });
      assert.throws(() => storage.allocate(fd, 1), { code });
      assert.throws(() => storage.truncate(fd, 1), { code });
      assert.throws(() => storage.sync(fd), { code });
      assert.throws(() => storage.statusOf(fd), { code });
      assert.throws(() => storage.close(fd), { code });
      assert.equal(textAt(storage, at('file')), '');
    });

    test('renames to a free name, over a file, into another folder', (t) => {
      const { storage, folder, at } = opened(make(t));
      storage.makeDirectory(at('folder'));
      for (const name of ['one', 'two']) put(storage, at(name), name);
      storage.rename(at('one'), at('free'));
      storage.rename(at('free'), at('two'));
      assert.deepEqual(namesIn(storage, folder), ['folder', 'two']);
      assert.equal(textAt(storage, at('two')), 'one');
      storage.rename(at('two'), at('two'));
      storage.rename(at('two'), at('folder', 'moved'));
      assert.deepEqual(namesIn(storage, folder), ['folder']);
      assert.equal(textAt(storage, at('folder', 'moved')), 'one');
    });

    for (const call of ['rename', 'renameNoReplace'] as const) {
      test(`${call} needs a source, and a folder for its target`, (t) => {
        const { storage, folder, at } = opened(make(t));
        for (const name of ['file', 'other']) put(storage, at(name), name);
        const rename = (source: string, target: string): void => storage[call](source, target);
        assert.throws(() => rename(at('none'), at('free')), { code: 'ENOENT' });
        assert.throws(() => rename(at('none'), at('other')), { code: 'ENOENT' });
        assert.throws(() => rename(at('none', 'file'), at('free')), { code: 'ENOENT' });
        assert.throws(() => rename(at('file', 'below'), at('free')), { code: 'ENOTDIR' });
        assert.throws(() => rename(at('file'), at('none', 'file')), { code: 'ENOENT' });
        assert.throws(() => rename(at('file'), at('other', 'below')), { code: 'ENOTDIR' });
        assert.deepEqual(namesIn(storage, folder), ['file', 'other']);
        assert.equal(textAt(storage, at('other')), 'other');
      });
    }

    test('a rename replaces like by like: no folder by a file, none that is not empty', (t) => {
      const { storage, folder, at } = opened(make(t));
      put(storage, at('file'), 'text');
      for (const name of ['empty', 'full']) storage.makeDirectory(at(name));
      storage.makeDirectory(at('full', 'inner'));
      assert.throws(() => storage.rename(at('file'), at('empty')), { code: 'EISDIR' });
      assert.throws(() => storage.rename(at('empty'), at('file')), { code: 'ENOTDIR' });
      assert.throws(() => storage.rename(at('empty'), at('full')), { code: 'ENOTEMPTY' });
      assert.throws(() => storage.rename(at('full'), at('full', 'inner')), { code: 'EINVAL' });
      assert.throws(() => storage.rename(at('full'), at('full', 'new')), { code: 'EINVAL' });
      assert.deepEqual(namesIn(storage, folder), ['empty', 'file', 'full']);
      storage.rename(at('full'), at('empty'));
      assert.deepEqual(namesIn(storage, folder), ['empty', 'file']);
      assert.deepEqual(namesIn(storage, at('empty')), ['inner']);
    });

    test('a rename from one name of a file to the other leaves both', (t) => {
      const { storage, folder, at, place } = opened(make(t));
      put(storage, at('one'), 'text');
      place.link(at('one'), at('two'));
      storage.rename(at('one'), at('two'));
      assert.deepEqual(namesIn(storage, folder), ['one', 'two']);
      assert.equal(storage.statusAt(at('one'))?.links, 2);
    });

    test('renameNoReplace takes a free name, and no other, whatever has it', (t) => {
      const { storage, folder, at, place } = opened(make(t));
      for (const name of ['file', 'taken']) put(storage, at(name), name);
      storage.makeDirectory(at('folder'));
      place.symlink?.('nowhere', at('link'));
      for (const name of namesIn(storage, folder)) {
        const taken = () => storage.renameNoReplace(at('file'), at(name));
        assert.throws(taken, { code: 'EEXIST' }, name);
      }
      assert.equal(textAt(storage, at('taken')), 'taken');
      storage.renameNoReplace(at('file'), at('free'));
      assert.equal(textAt(storage, at('free')), 'file');
      assert.equal(storage.statusAt(at('file')), undefined);
    });

    test('unlink removes the name of a file, and of nothing else', (t) => {
      const { storage, folder, at, place } = opened(make(t));
      storage.makeDirectory(at('folder'));
      for (const name of ['file', 'other']) put(storage, at(name), name);
      place.symlink?.('other', at('link'));
      if (place.symlink !== undefined) storage.unlink(at('link'));
      storage.unlink(at('file'));
      assert.deepEqual(namesIn(storage, folder), ['folder', 'other']);
      assert.throws(() => storage.unlink(at('file')), { code: 'ENOENT' });
      assert.throws(() => storage.unlink(at('none', 'file')), { code: 'ENOENT' });
      assert.throws(() => storage.unlink(at('other', 'below')), { code: 'ENOTDIR' });
      assert.throws(() => storage.unlink(at('folder')), { code: /^(EISDIR|EPERM)$/ });
      assert.deepEqual(namesIn(storage, folder), ['folder', 'other']);
    });

    test('makes folders with their parents, and tells the first that it made', (t) => {
      const { storage, folder, at } = opened(make(t));
      put(storage, at('file'), 'text');
      assert.equal(storage.makeDirectory(folder), undefined);
      assert.equal(storage.makeDirectory(at('a', 'b', 'c')), at('a'));
      assert.equal(storage.makeDirectory(at('a', 'b', 'c')), undefined);
      assert.equal(storage.makeDirectory(at('a', 'd')), at('a', 'd'));
      assert.deepEqual(namesIn(storage, at('a')), ['b', 'd']);
      assert.throws(() => storage.makeDirectory(at('file')), { code: 'EEXIST' });
      assert.throws(() => storage.makeDirectory(at('file', 'below')), { code: 'ENOTDIR' });
      assert.throws(() => storage.makeDirectory(at('file', 'x', 'y')), { code: 'ENOTDIR' });
    });

    test('syncs a folder, and nothing else that has a name', (t) => {
      const { storage, folder, at, place } = opened(make(t));
      put(storage, at('file'), 'text');
      storage.syncDirectory(folder);
      place.fifo?.(at('fifo'));
      for (const name of namesIn(storage, folder)) {
        assert.throws(() => storage.syncDirectory(at(name)), { code: 'ENOTDIR' }, name);
      }
      assert.throws(() => storage.syncDirectory(at('none')), { code: 'ENOENT' });
      assert.equal(textAt(storage, at('file')), 'text');
    });

    test('a folder is refused as a file, in each mode', (t) => {
      const { storage, at } = opened(make(t));
      storage.makeDirectory(at('folder'));
      for (const mode of MODES) {
        assert.throws(() => storage.open(at('folder'), mode), refusalOf(mode), mode);
      }
      assert.deepEqual(namesIn(storage, at('folder')), []);
    });

    test('a file with a second name is opened where nothing in it changes', (t) => {
      const { storage, at, place } = opened(make(t));
      put(storage, at('one'), 'keep');
      place.link(at('one'), at('two'));
      for (const path of [at('one'), at('two')]) {
        for (const mode of ['write', 'create', 'open-or-create'] as const) {
          assert.throws(() => storage.open(path, mode), refusalOf(mode), mode);
        }
        for (const mode of ['read', 'rewrite'] as const) storage.close(storage.open(path, mode));
        assert.equal(textAt(storage, path), 'keep');
      }
      storage.unlink(at('two'));
      storage.close(storage.open(at('one'), 'write'));
    });

    test('a symbolic link is refused in each mode, wherever it leads', (t) => {
      const { storage, folder, at, place } = opened(make(t));
      const { symlink } = place;
      if (symlink === undefined) return t.skip('it has no symbolic links');
      put(storage, at('file'), 'keep');
      for (const target of ['file', 'nowhere', '.']) symlink(target, at(`to-${target}`));
      const before = namesIn(storage, folder);
      for (const target of ['file', 'nowhere', '.']) {
        for (const mode of MODES) {
          assert.throws(() => storage.open(at(`to-${target}`), mode), refusalOf(mode), mode);
        }
      }
      assert.deepEqual(namesIn(storage, folder), before, 'nothing is created through it');
      assert.equal(textAt(storage, at('file')), 'keep');
    });

    test('a FIFO is refused in each mode without waiting', (t) => {
      const { storage, at, place } = opened(make(t));
      if (place.fifo === undefined) return t.skip('it has no FIFOs');
      place.fifo(at('fifo'));
      for (const mode of MODES) {
        assert.throws(() => storage.open(at('fifo'), mode), refusalOf(mode), mode);
      }
    });
  });
}

function opened(place: StoragePlace) {
  const { storage, folder, closedCode = 'EBADF' } = place;
  const at = (...names: string[]): string => join(folder, ...names);
  return { place, storage, folder, closedCode, at };
}
