// The system may read and write less than it was asked to. Here it does: a few bytes a call.
import assert from 'node:assert/strict';
import fs, { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { KIB, MIB } from '../units.js';
import { nodeStorage } from './node-storage.js';

type Calls = { count: number };

/** Puts `short` in the place of a function of node:fs until the test ends. */
function replace<Name extends 'readSync' | 'writeSync' | 'writevSync'>(
  t: TestContext,
  name: Name,
  short: (original: (typeof fs)[Name]) => (typeof fs)[Name],
): void {
  const original = fs[name];
  fs[name] = short(original);
  syncBuiltinESMExports();
  t.after(() => {
    fs[name] = original;
    syncBuiltinESMExports();
  });
}

/** Each call takes at most so many bytes. */
function shorten(t: TestContext, mostBytes: number): Calls {
  const calls = { count: 0 };
  replace(t, 'writeSync', (original) => {
    const short = (fd: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
      calls.count++;
      return original(fd, bytes, offset, Math.min(length, mostBytes), at);
    };
    return short as typeof fs.writeSync;
  });
  const writeSync = fs.writeSync;
  replace(t, 'writevSync', () => (fd, parts, at) => {
    const [first] = parts;
    assert.ok(first !== undefined, 'nothing is written');
    return writeSync(fd, first, 0, first.byteLength, at);
  });
  replace(t, 'readSync', (original) => {
    const short = (fd: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
      calls.count++;
      return original(fd, bytes, offset, Math.min(length, mostBytes), at);
    };
    return short as typeof fs.readSync;
  });
  return calls;
}

const partsOf = (sizes: readonly number[]): Uint8Array[] =>
  sizes.map((size, index) => new Uint8Array(size).map((_, at) => index * 50 + at * 7 + 1));

for (const [what, sizes] of [
  ['a small write', [64, 0, 33, 100]],
  ['a vectored write', [64, 5000, 1, 3000]],
] as const) {
  test(`${what} that the system does in pieces is done whole, as is the read`, (t) => {
    const path = join(temporaryFolder(t), 'file');
    const fd = nodeStorage.open(path, 'create');
    const parts = partsOf(sizes);
    const whole = Buffer.concat(parts);
    const calls = shorten(t, 7);
    nodeStorage.write(fd, parts, 10);
    assert.ok(calls.count >= whole.length / 7, 'the writes were short');
    calls.count = 0;
    const target = new Uint8Array(whole.length + 5);
    assert.equal(nodeStorage.read(fd, target, 10), whole.length, 'up to the end of the file');
    assert.ok(calls.count >= whole.length / 7, 'the reads were short');
    assert.deepEqual(Buffer.from(target.subarray(0, whole.length)), whole);
    nodeStorage.close(fd);
    assert.deepEqual(readFileSync(path), Buffer.concat([new Uint8Array(10), whole]));
  });
}

test('zeros that the system takes in pieces are written whole', (t) => {
  const path = join(temporaryFolder(t), 'file');
  const fd = nodeStorage.open(path, 'create');
  nodeStorage.write(fd, [new Uint8Array(50_010).fill(7)], 0);
  shorten(t, 5_000);
  nodeStorage.writeZeros(fd, 5, 50_000);
  nodeStorage.close(fd);
  const found = readFileSync(path);
  assert.ok(found.subarray(5, 50_005).every((byte) => byte === 0));
  assert.deepEqual([...found.subarray(0, 5), ...found.subarray(50_005)], Array(10).fill(7));
});

test('zeros are written in small pieces, which is what the system keeps them in', (t) => {
  const fd = nodeStorage.open(join(temporaryFolder(t), 'file'), 'create');
  const lengths: number[] = [];
  replace(t, 'writeSync', (original) => {
    const noted = (to: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
      lengths.push(length);
      return original(to, bytes, offset, length, at);
    };
    return noted as typeof fs.writeSync;
  });
  nodeStorage.writeZeros(fd, 0, 2 * MIB);
  nodeStorage.close(fd);
  assert.ok(lengths.length > 0 && Math.max(...lengths) <= 16 * KIB, `${Math.max(...lengths)}`);
});

test('a system that writes nothing and tells no error is an error, not an endless loop', (t) => {
  const fd = nodeStorage.open(join(temporaryFolder(t), 'file'), 'create');
  replace(t, 'writevSync', () => () => 0);
  assert.throws(() => nodeStorage.write(fd, partsOf([5000]), 0), { code: 'EIO' });
  nodeStorage.close(fd);
});
