import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { libc } from './libc.js';
import { nativePaths } from './native-module.js';
import { loadXxh64 } from './native-xxhash.js';

const skip = libc() === undefined && 'koffi has no binary for this machine';

interface Found {
  readonly hash: string;
  readonly hasLibc: boolean;
  /** All that the thread has loaded with `require`. */
  readonly loaded: readonly string[];
  readonly paths: Record<string, string>;
}

/** What a thread that loads both native parts finds, behind `before`. */
function onThread(before: string): Promise<Found> {
  const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const names = ['./libc.js', './native-xxhash.js', './native-module.js'];
  const modules = names.map((name) => `import(${module(name)})`).join();
  const worker = new Worker(
    `Promise.all([${modules}]).then(([{ libc }, { loadXxh64 }, natives]) => {
      const { parentPort, workerData } = require('node:worker_threads');
      const { createRequire } = require('node:module');
      const ofPackage = createRequire(${module('./libc.js')});
      ${before}
      const hash = String(loadXxh64()(Buffer.from('a'), 0n));
      const hasLibc = libc() !== undefined;
      const loaded = Object.keys(require.cache);
      parentPort.postMessage({ hash, hasLibc, loaded, paths: natives.nativePaths() });
    });`,
    { eval: true, workerData: nativePaths() },
  );
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

test('a thread that is told where the native parts are runs nothing to find them', {
  skip,
}, async () => {
  const hash = String(loadXxh64()(Buffer.from('a'), 0n));
  const paths = nativePaths();
  assert.deepEqual(Object.keys(paths).sort(), ['@node-rs/xxhash', 'koffi']);
  const found = await onThread('natives.takeNativePaths(workerData);');
  assert.deepEqual([...found.loaded].sort(), Object.values(paths).sort());
  assert.deepEqual([found.hash, found.hasLibc], [hash, true]);
  const alone = await onThread('');
  assert.ok(alone.loaded.length > 2, 'nobody has told it');
  assert.deepEqual(alone.paths, paths);
});

test('a binary that the application has loaded is not taken for ours', { skip }, async () => {
  const found = await onThread("ofPackage('koffi');");
  assert.equal(found.hasLibc, true);
  assert.deepEqual(Object.keys(found.paths), ['@node-rs/xxhash']);
});
