import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../clock/fake-clock.js';
import { RegionHeaderLayout } from '../region/region-layout.js';
import { NS_PER_MS, PAGE_BYTES } from '../units.js';
import {
  elsewhereOf,
  heartbeatOf,
  NEVER_SEEN,
  readThreads,
  SERVING_THREADS,
  THREAD_NAMES,
  wrappedMs,
} from './heartbeats.js';

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

test('a thread that is at another log is so until its next beat, or until that is told', () => {
  const words = page();
  const clock = new FakeClock((2 ** 32 - 5) * NS_PER_MS);
  const logId = 0xfedc_ba98_7654_3210n;
  for (const thread of SERVING_THREADS) {
    heartbeatOf({ words }, thread, clock)();
    clock.advanceNs(2 * NS_PER_MS);
    const tell = elsewhereOf({ words }, thread);
    const read = () => readThreads(words, clock.nowNs())[thread].elsewhere;
    assert.equal(read(), undefined);
    tell({ logId, sinceMs: wrappedMs(clock.nowNs()) });
    clock.advanceNs(700 * NS_PER_MS);
    assert.deepEqual(read(), { logId: 'fedcba9876543210', ageNs: 700 * NS_PER_MS });
    heartbeatOf({ words }, thread, clock)();
    assert.equal(read(), undefined, 'it has been here since');
    clock.advanceNs(NS_PER_MS);
    tell({ logId: 0n, sinceMs: wrappedMs(clock.nowNs()) });
    assert.deepEqual(read(), { logId: '0000000000000000', ageNs: 0 });
    tell(undefined);
    assert.equal(read(), undefined);
  }
});
