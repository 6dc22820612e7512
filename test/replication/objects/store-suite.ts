// What every store keeps to, whatever is behind it.
import assert from 'node:assert/strict';
import {
  type ObjectBody,
  ObjectFailure,
  type ObjectStore,
} from '../../../src/replication/objects/object-store.js';

/** Bytes that differ from place to place. */
export const bytesOf = (length: number, salt = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + (at >>> 8) * 7 + salt) & 0xff);

export const bodyOf = (bytes: Uint8Array, pieceBytes = 70_000): ObjectBody => ({
  bytes: bytes.length,
  async *read() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.slice(at, at + pieceBytes);
  },
});

/** A check for assert.rejects: what passes, by its reason. */
export const failure =
  (reason: string) =>
  (error: unknown): true => {
    assert.ok(error instanceof ObjectFailure, String(error));
    assert.equal(error.reason, reason);
    return true;
  };

/** All of an object; undefined where there is none. */
export async function contentIn(store: ObjectStore, key: string): Promise<Buffer | undefined> {
  const found = await store.get(key);
  if (found === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  for await (const piece of found) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** @param several several may put the same object at once */
export async function assertKeepsObjects(store: ObjectStore, several = true): Promise<void> {
  const key = '0123456789abcdef/0000000042-0000000000012345.wal.lz4';
  assert.equal(await contentIn(store, key), undefined);
  assert.equal(await contentIn(store, 'log'), undefined);
  for (const length of [1, 4096, 3_000_000, 0]) {
    const bytes = bytesOf(length, length);
    await store.put(key, bodyOf(bytes));
    assert.deepEqual(await contentIn(store, key), Buffer.from(bytes), `${length} bytes`);
  }
  await store.put('log', bodyOf(bytesOf(10)));
  assert.deepEqual(await contentIn(store, 'log'), Buffer.from(bytesOf(10)));
  assert.deepEqual(await contentIn(store, key), Buffer.alloc(0), 'each by itself');
  // Who has seen enough leaves.
  await store.put(key, bodyOf(bytesOf(3_000_000)));
  for await (const piece of (await store.get(key)) ?? []) {
    assert.ok(piece.length > 0);
    break;
  }
  // Several at once: one of them is there, whole.
  const salts = several ? [1, 2, 3, 4] : [1];
  await Promise.all(salts.map((salt) => store.put(key, bodyOf(bytesOf(200_000, salt)))));
  const last = await contentIn(store, key);
  assert.ok(salts.some((salt) => last?.equals(bytesOf(200_000, salt))));
  const broken = new Error('the log could not be read');
  const failing: ObjectBody = {
    bytes: 100,
    // biome-ignore lint/correctness/useYield: it fails before
    async *read() {
      throw broken;
    },
  };
  await assert.rejects(store.put(key, failing));
  assert.deepEqual(await contentIn(store, key), last, 'what was there stays');
}
