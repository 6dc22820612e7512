// Goal: what an append costs at a steady pace while group commit runs without pause, with telemetry
// on and off and while other processes read it; all in one run, the ways taking turns. The producer
// keeps to its schedule (open loop): the response time counts from when an append was due, so a
// stall is charged to every append that it kept waiting (no coordinated omission). Non-goal:
// throughput.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Wal, type WalOptions } from '../src/index.js';
import { attachTelemetry } from '../src/telemetry.js';
import { NS_PER_MS } from '../src/units.js';
import { percentile, printMachine, scaled, withFolder } from './harness.js';

const EVENTS = scaled(1_000_000);
const WARM_UP = scaled(200_000);
const RATE = 1_000_000;
const READERS = 8;
const READER_INTERVAL_MS = 10;
const ROUNDS = 3;
const PAYLOAD = new Uint8Array(40).fill(0x5a);
const NS_PER_EVENT = 1e9 / RATE;

interface Way {
  readonly name: string;
  readonly options: WalOptions;
  readonly readers: number;
}

const WAYS: readonly Way[] = [
  {
    name: 'telemetry of append off (appendSampling 0)',
    options: { appendSampling: 0 },
    readers: 0,
  },
  { name: 'telemetry on, 1 append in 64 timed (default)', options: {}, readers: 0 },
  { name: 'telemetry on, every append timed', options: { appendSampling: 1 }, readers: 0 },
  {
    name: `default, ${READERS} processes read it 100 times per second`,
    options: {},
    readers: READERS,
  },
];

interface Latencies {
  readonly service: Float64Array;
  readonly response: Float64Array;
}

/** Appends at the given pace; `durable` is asked for all the time, so that commits never pause. */
async function paced(wal: Wal, events: number): Promise<Latencies> {
  const service = new Float64Array(events);
  const response = new Float64Array(events);
  const endedAt = { is: false };
  const committing = commitWithoutPause(wal, endedAt);
  const BATCH = 10_000;
  for (let from = 0; from < events; from += BATCH) {
    const startMs = performance.now();
    const to = Math.min(from + BATCH, events);
    for (let event = from; event < to; event++) {
      const dueMs = startMs + ((event - from) * NS_PER_EVENT) / NS_PER_MS;
      let nowMs = performance.now();
      while (nowMs < dueMs) nowMs = performance.now();
      wal.append(PAYLOAD);
      const endMs = performance.now();
      service[event] = (endMs - nowMs) * NS_PER_MS;
      response[event] = (endMs - dueMs) * NS_PER_MS;
    }
    // The event loop must turn for durable() to be asked for again.
    await new Promise((resolve) => setImmediate(resolve));
  }
  endedAt.is = true;
  await committing;
  return { service, response };
}

async function commitWithoutPause(wal: Wal, ended: { readonly is: boolean }): Promise<void> {
  while (!ended.is) {
    await wal.durable();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function startReaders(directory: string, count: number): Promise<ChildProcess[]> {
  const readers = Array.from({ length: count }, () =>
    fork(fileURLToPath(import.meta.url), ['read', directory]),
  );
  const ready = readers.map(
    (reader) =>
      new Promise((resolve, reject) => {
        reader.once('message', resolve);
        reader.once('exit', (code) => reject(new Error(`a reader ended with ${code}`)));
      }),
  );
  await Promise.all(ready);
  return readers;
}

async function run(folder: string, { options, readers }: Way): Promise<Latencies> {
  const directory = join(folder, 'log');
  // Required, because the readers are other processes.
  const wal = await Wal.open(directory, {
    sync: { mode: 'every-block' },
    sharedMemory: 'required',
    ...options,
  });
  await paced(wal, WARM_UP);
  const processes = await startReaders(directory, readers);
  const latencies = await paced(wal, EVENTS);
  for (const reader of processes) reader.kill();
  await wal.close();
  return latencies;
}

const QUANTILES = [0.5, 0.99, 0.999] as const;

function row(samples: Float64Array): number[] {
  const sorted = samples.sort();
  return QUANTILES.map((quantile) => percentile(sorted, quantile));
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function measure(): Promise<void> {
  printMachine(`append: ${EVENTS} events of 40 bytes at ${RATE} per second, commits without pause`);
  console.log('service and response time in ns, including two clock readings; median of rounds');
  await withFolder(async (folder) => {
    const rows = WAYS.map((): { service: number[][]; response: number[][] } => ({
      service: [],
      response: [],
    }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, way] of WAYS.entries()) {
        const { service, response } = await run(folder, way);
        rows[index]?.service.push(row(service));
        rows[index]?.response.push(row(response));
      }
    }
    for (const [index, { name }] of WAYS.entries()) {
      for (const kind of ['service', 'response'] as const) {
        const cells = QUANTILES.map((quantile, at) => {
          const values = rows[index]?.[kind].map((each) => each[at] ?? Number.NaN) ?? [];
          return `p${quantile * 100} ${median(values).toFixed(0).padStart(7)}`;
        });
        console.log(`  ${name.padEnd(50)} ${kind.padEnd(8)} ${cells.join('  ')}`);
      }
    }
    const p99 = (index: number): number =>
      median(rows[index]?.service.map((each) => each[1] ?? Number.NaN) ?? []);
    console.log(
      `p99 with ${READERS} readers / without: ${(p99(3) / p99(1)).toFixed(2)} (goal: 1.10)`,
    );
  });
}

/** One reader: the log's telemetry from outside, a hundred times a second. */
function read(directory: string): void {
  const telemetry = attachTelemetry(directory);
  process.send?.('reading');
  setInterval(() => telemetry.refresh(), READER_INTERVAL_MS);
}

const [task, directory] = process.argv.slice(2);
if (task === 'read' && directory !== undefined) read(directory);
else await measure();
