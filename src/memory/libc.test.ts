import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type * as Koffi from 'koffi';
import { bindLibc, libc } from './libc.js';

/** koffi over a libc that has no functions of these names, as musl. */
function without(...names: readonly string[]): typeof Koffi {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const load = (path: string | null): Koffi.LibraryHandle => {
    const lib = koffi.load(path);
    const func = (prototype: string): unknown => {
      const absent = names.find((name) => prototype.includes(` ${name}(`));
      if (absent !== undefined) throw new Error(`Cannot find function '${absent}'`);
      return lib.func(prototype);
    };
    return { ...lib, func } as Koffi.LibraryHandle;
  };
  return { ...koffi, load } as typeof Koffi;
}

const skip = libc() === undefined ? 'libc is bound on Linux with koffi only' : false;

test('a libc without renameat2, as musl: a rename replaces nothing', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-libc-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const source = join(folder, 'source');
  const taken = join(folder, 'taken');
  const free = join(folder, 'free');
  writeFileSync(source, 'source');
  writeFileSync(taken, 'taken');
  const { renameNoReplace } = bindLibc(without('renameat2'));
  assert.throws(() => renameNoReplace(source, taken), { code: 'EEXIST', syscall: 'renameat2' });
  assert.equal(readFileSync(taken, 'utf8'), 'taken');
  renameNoReplace(source, free);
  assert.equal(readFileSync(free, 'utf8'), 'source');
});

test('a libc without statx, as musl before 1.2.5: it tells the same of a file', { skip }, () => {
  const [had, called] = [bindLibc(without()), bindLibc(without('statx'))].map((native) => {
    const status = new Uint8Array(256);
    assert.equal(native.statusAt(fileURLToPath(import.meta.url), status), true);
    assert.equal(native.statusAt('/none/none', new Uint8Array(256)), false);
    return status;
  });
  assert.ok(had?.some((byte) => byte !== 0));
  assert.deepEqual(called, had);
});

test('on a machine whose numbers are not known, a call fails as one that is not had', {
  skip,
}, (t) => {
  const name = process.arch;
  t.after(() => Object.defineProperty(process, 'arch', { value: name }));
  Object.defineProperty(process, 'arch', { value: 'none' });
  const native = bindLibc(without('statx', 'renameat2'));
  assert.throws(() => native.renameNoReplace('/none', '/other'), { code: 'ENOSYS' });
  assert.equal(native.statusAt('/', new Uint8Array(256)), false);
});
