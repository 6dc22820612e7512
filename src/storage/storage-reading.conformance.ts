// The reading half of the port's conformance suite, for adapters that only read as well.
import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  bytesOf,
  contentOf,
  type MakePlace,
  namesIn,
  put,
  type StoragePlace,
  textAt,
} from './storage-place.conformance.js';

const UNSAFE = { code: 'ERR_FLASHSTRIKE_UNSAFE_FILE' };

/**
 * @param make a new place for each test
 * @param unavailable why the adapter cannot run on this machine
 */
export function storageReadingConformance(
  name: string,
  make: MakePlace,
  unavailable?: string,
): void {
  const options = unavailable === undefined ? {} : { skip: unavailable };

  describe(`storage to read from, ${name}`, options, () => {
    test('a file is opened by its name; what is missing, or below a file, is not', (t) => {
      const { storage, writer, at } = prepared(make(t));
      put(writer, at('file'), 'text');
      assert.equal(textAt(storage, at('file')), 'text');
      assert.throws(() => storage.open(at('none'), 'read'), { code: 'ENOENT' });
      assert.throws(() => storage.open(at('none', 'file'), 'read'), { code: 'ENOENT' });
      assert.throws(() => storage.open(at('file', 'below'), 'read'), { code: 'ENOTDIR' });
    });

    test('a folder is no file', (t) => {
      const { storage, writer, at } = prepared(make(t));
      writer.makeDirectory(at('folder'));
      assert.throws(() => storage.open(at('folder'), 'read'), UNSAFE);
    });

    test('a read fills its target, or ends with the file, and touches nothing else', (t) => {
      const { storage, writer, at } = prepared(make(t));
      put(writer, at('file'), '0123456789');
      const fd = storage.open(at('file'), 'read');
      const memory = new Uint8Array(12).fill(0xff);
      const read = (targetBytes: number, offset: number): [number, string] => {
        memory.fill(0xff);
        const count = storage.read(fd, memory.subarray(2, 2 + targetBytes), offset);
        const [before, after] = [memory.subarray(0, 2), memory.subarray(2 + count)];
        assert.ok([...before, ...after].every((byte) => byte === 0xff));
        return [count, Buffer.from(memory.subarray(2, 2 + count)).toString()];
      };
      assert.deepEqual(read(10, 0), [10, '0123456789']);
      assert.deepEqual(read(3, 4), [3, '456']);
      assert.deepEqual(read(3, 4), [3, '456'], 'no position moves');
      assert.deepEqual(read(8, 7), [3, '789']);
      assert.deepEqual(read(8, 10), [0, '']);
      assert.deepEqual(read(8, 2 ** 40), [0, '']);
      assert.deepEqual(read(0, 0), [0, '']);
      storage.close(fd);
    });

    test('what is written later is read, through a descriptor from before', (t) => {
      const { storage, writer, at } = prepared(make(t));
      put(writer, at('file'), 'before');
      const fd = storage.open(at('file'), 'read');
      const other = writer.open(at('file'), 'write');
      writer.write(other, [bytesOf('afterwards')], 0);
      writer.close(other);
      assert.equal(contentOf(storage, fd), 'afterwards');
      storage.close(fd);
    });

    test('an open file stays what it is when its name goes, or leads to another', (t) => {
      const { storage, writer, at } = prepared(make(t));
      for (const name of ['removed', 'replaced', 'other']) put(writer, at(name), name);
      const removed = storage.open(at('removed'), 'read');
      const replaced = storage.open(at('replaced'), 'read');
      writer.unlink(at('removed'));
      writer.rename(at('other'), at('replaced'));
      assert.equal(contentOf(storage, removed), 'removed');
      assert.equal(contentOf(storage, replaced), 'replaced');
      assert.deepEqual(
        [removed, replaced].map((fd) => storage.statusOf(fd).links),
        [0, 0],
      );
      assert.equal(textAt(storage, at('replaced')), 'other');
      for (const fd of [removed, replaced]) storage.close(fd);
    });

    test('descriptors are apart from each other, and closed once', (t) => {
      const { storage, writer, at, closedCode } = prepared(make(t));
      put(writer, at('file'), 'text');
      const [one, two] = [storage.open(at('file'), 'read'), storage.open(at('file'), 'read')];
      assert.notEqual(one, two);
      storage.close(one);
      assert.equal(contentOf(storage, two), 'text');
      assert.throws(() => storage.read(one, new Uint8Array(1), 0), { code: closedCode });
      assert.throws(() => storage.statusOf(one), { code: closedCode });
      assert.throws(() => storage.close(one), { code: closedCode });
      storage.close(two);
    });

    test('a folder tells by a number that names came or went, and not what files hold', async (t) => {
      const { storage, writer, folder, at } = prepared(make(t));
      put(writer, at('file'), 'text');
      const changed = (): bigint | undefined => storage.folderChange(folder);
      // As coarse as its clock: what it says of now may hold for a moment.
      const another = async (before: bigint | undefined): Promise<boolean> => {
        for (let look = 0; look < 500 && changed() === before; look++) {
          put(writer, at('more'), '');
          writer.unlink(at('more'));
          await delay(10);
        }
        return changed() !== before;
      };
      const first = changed();
      assert.ok(first !== undefined && first > 0n);
      const fd = writer.open(at('file'), 'write');
      writer.write(fd, [bytesOf('other text')], 0);
      writer.sync(fd);
      writer.close(fd);
      assert.equal(changed(), first, 'the same names');
      assert.ok(await another(first), 'another name');
      assert.throws(() => storage.folderChange(at('none')), { code: 'ENOENT' });
    });

    test('status: of the open file and of its name the same; of no name, none', (t) => {
      const { storage, writer, folder, at } = prepared(make(t));
      put(writer, at('file'), 'text');
      const fd = storage.open(at('file'), 'read');
      const status = storage.statusOf(fd);
      assert.deepEqual(storage.statusAt(at('file')), status);
      assert.ok(storage.freeBytes(folder) > 0);
      assert.throws(() => storage.freeBytes(at('none')), { code: 'ENOENT' });
      assert.deepEqual([status.kind, status.bytes, status.links], ['file', 4, 1]);
      assert.ok(status.birthNs === undefined || status.birthNs > 0n);
      storage.close(fd);
      assert.equal(storage.statusAt(at('none')), undefined);
      assert.equal(storage.statusAt(at('none', 'below')), undefined);
      assert.throws(() => storage.statusAt(at('file', 'below')), { code: 'ENOTDIR' });
      const above = storage.statusAt(folder);
      assert.deepEqual([above?.kind, above?.device], ['directory', status.device]);
    });

    test('the folder itself is named with a point as well, a file is not', (t) => {
      const { storage, writer, folder, at } = prepared(make(t));
      put(writer, at('file'), 'text');
      assert.equal(storage.statusAt(`${folder}/.`)?.inode, storage.statusAt(folder)?.inode);
      assert.throws(() => storage.statusAt(`${at('file')}/.`), { code: 'ENOTDIR' });
    });

    test('each file is another one, by its inode', (t) => {
      const { storage, writer, folder, at } = prepared(make(t));
      for (const name of ['one', 'two']) put(writer, at(name), 'text');
      const paths = [at('one'), at('two'), folder];
      assert.equal(new Set(paths.map((path) => storage.statusAt(path)?.inode)).size, 3);
    });

    test('the real path, or none where it leads nowhere', (t) => {
      const { storage, writer, folder, at, realFolder } = prepared(make(t));
      put(writer, at('file'), 'text');
      assert.equal(storage.realPath(folder), realFolder);
      assert.equal(storage.realPath(`${folder}/.`), realFolder);
      assert.equal(storage.realPath(at('file')), join(realFolder, 'file'));
      for (const names of [['none'], ['none', 'below'], ['file', 'below']]) {
        assert.equal(storage.realPath(at(...names)), undefined);
      }
    });

    test('a listing is sorted, has each entry with its kind, and nothing else', (t) => {
      const { storage, writer, folder, at } = prepared(make(t));
      assert.deepEqual(storage.list(folder), []);
      const names = ['z', 'a', '0000000002.wal', '0000000010.wal', 'ä', '\u001b[31m', 'LOCK', '.x'];
      for (const name of names) put(writer, at(name), name);
      writer.makeDirectory(at('m', 'inner'));
      const expected = [...names, 'm']
        .sort()
        .map((name) => ({ name, kind: name === 'm' ? 'directory' : 'file' }));
      assert.deepEqual(storage.list(folder), expected);
      assert.deepEqual(namesIn(storage, at('m')), ['inner']);
      assert.throws(() => storage.list(at('none')), { code: 'ENOENT' });
      assert.throws(() => storage.list(at('a')), { code: 'ENOTDIR' });
    });

    test('a file with two names is one file, and is read by either', (t) => {
      const { storage, writer, at, place } = prepared(make(t));
      put(writer, at('one'), 'text');
      place.link(at('one'), at('two'));
      const [one, two] = [storage.statusAt(at('one')), storage.statusAt(at('two'))];
      assert.equal(one?.links, 2);
      assert.deepEqual(one, two);
      for (const name of ['one', 'two']) assert.equal(textAt(storage, at(name)), 'text');
      writer.unlink(at('one'));
      assert.equal(storage.statusAt(at('two'))?.links, 1);
      assert.equal(textAt(storage, at('two')), 'text');
    });

    test('a symbolic link is seen and not followed, but where it leads to a folder above', (t) => {
      const { storage, writer, folder, at, place } = prepared(make(t));
      const { symlink } = place;
      if (symlink === undefined) return t.skip('it has no symbolic links');
      writer.makeDirectory(at('folder'));
      put(writer, at('folder', 'file'), 'text');
      symlink('folder', at('to-folder'));
      symlink(join('folder', 'file'), at('to-file'));
      symlink('nowhere', at('dangling'));
      for (const name of ['dangling', 'to-file', 'to-folder']) {
        assert.throws(() => storage.open(at(name), 'read'), UNSAFE, name);
        assert.equal(storage.statusAt(at(name))?.kind, 'symlink', name);
        assert.equal(storage.list(folder).find((each) => each.name === name)?.kind, 'symlink');
      }
      const [link, real] = [at('to-folder', 'file'), at('folder', 'file')];
      assert.equal(textAt(storage, link), 'text');
      assert.deepEqual(storage.statusAt(link), storage.statusAt(real));
      assert.deepEqual(namesIn(storage, at('to-folder')), [basename(real)]);
      assert.equal(storage.statusAt(`${at('to-folder')}/.`)?.kind, 'directory');
      for (const path of [link, at('to-file')]) {
        assert.equal(storage.realPath(path), storage.realPath(real));
      }
      assert.equal(storage.realPath(at('dangling')), undefined);
    });

    test('a FIFO is refused without waiting for the other end', (t) => {
      const { storage, folder, at, place } = prepared(make(t));
      if (place.fifo === undefined) return t.skip('it has no FIFOs');
      place.fifo(at('fifo'));
      assert.throws(() => storage.open(at('fifo'), 'read'), UNSAFE);
      assert.equal(storage.statusAt(at('fifo'))?.kind, 'other');
      assert.deepEqual(storage.list(folder), [{ name: 'fifo', kind: 'other' }]);
    });
  });
}

function prepared(place: StoragePlace) {
  const { storage, folder, writer = storage, realFolder = folder, closedCode = 'EBADF' } = place;
  const at = (...names: string[]): string => join(folder, ...names);
  return { place, storage, folder, writer, realFolder, closedCode, at };
}
