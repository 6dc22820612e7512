// Latency and processor time of durable events against their rate, to saturation: an open loop, in
// which an event counts from when it was due until its durable() has resolved.
import { join } from 'node:path';
import { Wal } from '../src/index.js';
import { logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { Latencies } from './harness/latencies.js';
import { sumOf, threadTimes, usedNs } from './harness/processor-time.js';
import { benchmark } from './harness/run.js';
import { sweep } from './harness/sweep.js';
import type { Sample } from './harness/turns.js';

const RATES = scale < 1 ? [100, 1_000] : [100, 1_000, 10_000, 30_000, 100_000, 200_000, 400_000];
const TURN_MS = Math.max(100, scaled(1_500));
const PAYLOAD = new Uint8Array(40).fill(0x5a);

async function atRate(wal: Wal, rate: number): Promise<Sample> {
  const latencies = new Latencies();
  const usedBefore = threadTimes();
  const startMs = performance.now();
  let due = 0;
  let pending = 0;
  let nowMs = startMs;
  while (nowMs - startMs < TURN_MS) {
    const untilNow = ((nowMs - startMs) * rate) / 1e3;
    for (; due < untilNow; due++) {
      const dueMs = startMs + (due * 1e3) / rate;
      pending++;
      void wal.durable(wal.append(PAYLOAD)).then(() => {
        latencies.record((performance.now() - dueMs) * 1e6);
        pending--;
      });
    }
    await new Promise((resolve) => setImmediate(resolve));
    nowMs = performance.now();
  }
  while (pending > 0) await new Promise((resolve) => setImmediate(resolve));
  const elapsedMs = performance.now() - startMs;
  // The schedule is kept by a loop that never sleeps: its thread is left out.
  const main = String(process.pid);
  const used = usedNs(usedBefore, threadTimes(), (thread) => (thread === main ? 'loop' : 'log'));
  used.delete('loop');
  return {
    values: {
      done: (due / elapsedMs) * 1e3,
      'processor each, without the application': sumOf(used) / 1e3 / due,
      p50: latencies.percentileNs(50) / 1e3,
      p99: latencies.percentileNs(99) / 1e3,
      'p99.9': latencies.percentileNs(99.9) / 1e3,
    },
  };
}

await benchmark('growth-rate', (run) =>
  withFolder(async (folder) => {
    const wal = await Wal.open(join(folder, 'log'), logSizes);
    await sweep(run, {
      title: 'durable events by their rate',
      label: 'events a second that are due',
      sizes: RATES,
      columns: [
        { name: 'done', unit: '/s' },
        { name: 'processor each, without the application', unit: 'µs' },
        { name: 'p50', unit: 'µs' },
        { name: 'p99', unit: 'µs' },
        { name: 'p99.9', unit: 'µs' },
      ],
      nameOf: (rate) => `${rate.toLocaleString('en-US')} a second`,
      measure: (rate) => atRate(wal, rate),
    });
    await wal.close();
  }),
);
