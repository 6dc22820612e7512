import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../clock/fake-clock.js';
import { RegionHeaderLayout } from '../region/region-layout.js';
import { NS_PER_MS, PAGE_BYTES } from '../units.js';
import { heartbeatOf, NEVER_SEEN, readThreads, THREAD_NAMES } from './heartbeats.js';

const page = (): Int32Array => new Int32Array(PAGE_BYTES / Int32Array.BYTES_PER_ELEMENT);

test('each thread has a heartbeat on lines of its own, and stays in its place', () => {
  const words = page();
  const changed = THREAD_NAMES.map((thread, index) => {
    const before = words.slice();
    const beat = heartbeatOf({ words }, thread, new FakeClock((1e12 + index + 0.9) * NS_PER_MS));
    for (let count = 0; count <= index; count++) beat();
    return [...words.keys()].filter((word) => words[word] !== before[word]);
  });
  const lines = changed.map((all) => new Set(all.map((word) => Math.floor((word * 4) / 128))));
  assert.ok(lines.every(({ size }) => size === 1));
  assert.equal(new Set(lines.flatMap((all) => [...all])).size, THREAD_NAMES.length);
  const { offset, size } =
    RegionHeaderLayout.fields.find(({ name }) => name === 'heartbeats') ?? assert.fail();
  assert.ok(changed.flat().every((word) => word * 4 >= offset && word * 4 < offset + size));
  const threads = readThreads(words, (1e12 + 10) * NS_PER_MS);
  for (const [index, thread] of THREAD_NAMES.entries()) {
    assert.deepEqual(threads[thread], { beats: index + 1, ageNs: (10 - index) * NS_PER_MS });
  }
});

test('a thread that has not beaten has no age', () => {
  assert.deepEqual(readThreads(page(), 5e9), NEVER_SEEN);
});

test('milliseconds wrap at 2^32, and a beat a moment ahead of the reader is new', () => {
  const words = page();
  const beat = heartbeatOf({ words }, 'writer', new FakeClock((2 ** 32 - 1) * NS_PER_MS));
  beat();
  assert.equal(readThreads(words, (2 ** 32 + 2) * NS_PER_MS).writer.ageNs, 3 * NS_PER_MS);
  assert.equal(readThreads(words, (2 ** 32 - 2) * NS_PER_MS).writer.ageNs, 0);
});
