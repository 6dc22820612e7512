import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

const HISTORIES = 10_000;
const THREADS = 2;

async function runHistories(from: number, to: number): Promise<Record<string, number>> {
  const worker = new Worker(new URL('./history-worker.js', import.meta.url), {
    workerData: { from, to },
  });
  const [total] = await once(worker, 'message');
  return total as Record<string, number>;
}

test('ten thousand histories: each event is in the stream once and in order', async (t) => {
  const each = HISTORIES / THREADS;
  const parts = await Promise.all(
    Array.from({ length: THREADS }, (_, index) =>
      runHistories(index * each + 1, (index + 1) * each),
    ),
  );
  const names = Object.keys(parts[0] ?? {});
  assert.ok(names.length > 5);
  for (const name of names) {
    const count = parts.reduce((sum, part) => sum + (part[name] ?? 0), 0);
    t.diagnostic(`${name}: ${count}`);
    assert.ok(count > 100, `${name}: ${count}`);
  }
});
