// The ten worst appends at 200,000 events a second while commits run without pause, each with what
// the system and the runtime say about it. An open loop; the minute grows with the scale (10: ten).
import { join } from 'node:path';
import { Wal } from '../src/index.js';
import { logSizes, scaled, withFolder } from './harness/folder.js';
import { Latencies } from './harness/latencies.js';
import { formatNs } from './harness/quantities.js';
import { benchmark, type Run } from './harness/run.js';
import { type Evidence, Witness } from './tails/evidence.js';
import { Worst } from './tails/worst.js';

const RATE = 200_000;
const SECONDS = 60;
const EVENTS = scaled(SECONDS * RATE);
/** Ten milliseconds; between two, the event loop turns, and the evidence is read. */
const BATCH = RATE / 100;
const INTERVAL_MS = 1e3 / RATE;
const KEPT = 10;
/** Nothing below this is a tail. */
const LEAST_NS = 20_000;
const PAYLOAD = new Uint8Array(40).fill(0x5a);

interface Measured {
  readonly service: Latencies;
  readonly response: Latencies;
  readonly worst: Worst;
}

async function appendAll(wal: Wal, witness: Witness): Promise<Measured> {
  const [service, response] = [new Latencies(), new Latencies()];
  const worst = new Worst(KEPT, LEAST_NS);
  const startMs = performance.now();
  for (let done = 0; done < EVENTS; done += BATCH) {
    const before = witness.look();
    appendBatch(wal, startMs + done * INTERVAL_MS, { service, response, worst }, before, witness);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { service, response, worst };
}

function appendBatch(
  wal: Wal,
  startMs: number,
  { service, response, worst }: Measured,
  before: Evidence,
  witness: Witness,
): void {
  for (let event = 0; event < BATCH; event++) {
    const dueMs = startMs + event * INTERVAL_MS;
    let nowMs = performance.now();
    while (nowMs < dueMs) nowMs = performance.now();
    wal.append(PAYLOAD);
    const endMs = performance.now();
    const ns = (endMs - nowMs) * 1e6;
    service.record(ns);
    response.record((endMs - dueMs) * 1e6);
    if (ns > worst.thresholdNs) worst.add({ startMs: nowMs, ns, before, after: witness.look() });
  }
}

async function commitWithoutPause(wal: Wal, ended: { readonly is: boolean }): Promise<void> {
  while (!ended.is) {
    await wal.durable();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function measure(run: Run, folder: string): Promise<void> {
  const wal = await Wal.open(join(folder, 'log'), logSizes);
  const witness = new Witness(wal);
  const ended = { is: false };
  const committing = commitWithoutPause(wal, ended);
  const { service, response, worst } = await appendAll(wal, witness);
  ended.is = true;
  await committing;
  // Collections are told to their observer a turn later.
  await new Promise((resolve) => setImmediate(resolve));
  run.table({
    title: `${EVENTS} appends, ${RATE} a second`,
    columns: [],
    rows: [
      { way: 'service time', values: {}, latency: service.summary() },
      { way: 'response time, from when it was due', values: {}, latency: response.summary() },
    ],
  });
  for (const slow of worst.all) run.note(`${formatNs(slow.ns)}: ${witness.causeOf(slow)}`);
  witness.close();
  run.hash.add(wal.lastEventId);
  await wal.close();
}

await benchmark('tails', async (run) => {
  if (process.platform === 'linux') await withFolder((folder) => measure(run, folder));
  else run.note('what a thread waited for is known on Linux only');
});
