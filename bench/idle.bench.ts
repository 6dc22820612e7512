// Goal: what an idle log costs, each of its threads by itself, beside a thread that does nothing
// but sleep and wake as often as the writer. Non-goal: how soon an event is seen.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Wal } from '../src/index.js';
import { printMachine, scale, withFolder } from './harness.js';

const MEASURED_MS = 20_000 * scale;
/** The log has its spare segment and has not seen an event for longer than a second. */
const SETTLING_MS = 4_000 * Math.min(1, scale);
const ROUNDS = 3;
/** How often the writer of an idle log looks at its ring, by default. */
const LOOK_MS = 20;
const TASKS = '/proc/self/task';
/** In the order of their start, in which the kernel counts their numbers up. */
const NAMES = ['writer', 'preparer', 'housekeeping', `a bare sleep of ${LOOK_MS} ms, repeated`];
const BARE = `
const { workerData } = require('node:worker_threads');
for (;;) Atomics.wait(new Int32Array(workerData), 0, 0, ${LOOK_MS});
`;

const threads = (): string[] =>
  readdirSync(TASKS).sort((one, other) => Number(one) - Number(other));

/** Processor time of a thread so far. */
const usedNs = (thread: string): number =>
  Number(readFileSync(`${TASKS}/${thread}/schedstat`, 'utf8').split(' ')[0]);

async function measure(folder: string): Promise<void> {
  const before = new Set(threads());
  const wal = await Wal.open(join(folder, 'log'), { segmentBytes: 2 ** 20 });
  const bare = new Worker(BARE, { eval: true, workerData: new SharedArrayBuffer(4) });
  await wal.durable(wal.append(new Uint8Array(40)));
  await setTimeout(SETTLING_MS);
  const own = threads().filter((thread) => !before.has(thread));
  const usedBefore = own.map(usedNs);
  const startNs = process.hrtime.bigint();
  await setTimeout(MEASURED_MS);
  const elapsedNs = Number(process.hrtime.bigint() - startNs);
  const shares = own.map((thread, at) => (usedNs(thread) - (usedBefore[at] ?? 0)) / elapsedNs);
  await bare.terminate();
  await wal.close();
  const percent = (share: number): string => `${(100 * share).toFixed(3)} % of a core`;
  for (const [at, share] of shares.entries()) {
    console.log(`${(NAMES[at] ?? 'another thread').padEnd(44)} ${percent(share)}`);
  }
  const whole = shares.slice(0, 3).reduce((sum, share) => sum + share, 0);
  console.log(`${'the log (goal: below 0.5 %)'.padEnd(44)} ${percent(whole)}`);
}

printMachine(`idle: a log without events, ${MEASURED_MS / 1e3} s, ${ROUNDS} rounds`);
if (process.platform === 'linux') {
  for (let round = 0; round < ROUNDS; round++) await withFolder(measure);
} else {
  console.log('The time of a single thread is known on Linux only.');
}
