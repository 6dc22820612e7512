// A durable state machine: events a second, recorded, applied and durable, beside the same events
// appended alone; and how long it takes to open again, from a snapshot and from all events.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type MachineOptions, openMachine, Wal } from '../src/index.js';
import { logSizes, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import type { Sample, Way } from './harness/turns.js';

/** With FLASHSTRIKE_BENCH_SCALE=50 fifty millions. */
const EVENTS = scaled(1_000_000);
/** Submitted in one turn of the event loop, and waited for together. */
const AT_ONCE = 1000;
const ACCOUNTS = 1000;
const PAYLOAD_BYTES = 40;
const SUBMIT = `submit, ${AT_ONCE} at once`;
const NOW = 'applyNow, durable at the end';
const ALONE = 'append alone, durable at the end';
const SNAPSHOT = 'from a snapshot of the last event';
const REPLAYED = 'from all events';

interface Balances {
  readonly balances: Float64Array;
}

const payload = new Uint8Array(PAYLOAD_BYTES);
const view = new DataView(payload.buffer);

/** The same object each time: it is copied. */
function order(event: number): Uint8Array {
  view.setUint32(0, event % ACCOUNTS, true);
  view.setFloat64(8, event * 0.5, true);
  return payload;
}

const options: MachineOptions<Balances, number> = {
  initial: () => ({ balances: new Float64Array(ACCOUNTS) }),
  apply: ({ balances }, event) => {
    const fields = new DataView(event.payload.buffer, event.payload.byteOffset);
    const account = fields.getUint32(0, true);
    const balance = (balances[account] ?? 0) + fields.getFloat64(8, true);
    balances[account] = balance;
    return balance;
  },
  snapshot: ({ balances }) => new Uint8Array(balances.buffer),
  restore: (content) => ({ balances: new Float64Array(content.bytes().slice().buffer) }),
  snapshots: { everyEvents: 0 },
  wal: logSizes,
};

let folders = 0;

async function timed(folder: string, work: (directory: string) => Promise<void>): Promise<Sample> {
  const directory = join(folder, `run-${++folders}`);
  const startMs = performance.now();
  await work(directory);
  const elapsedMs = performance.now() - startMs;
  rmSync(directory, { recursive: true });
  return { values: { rate: (EVENTS / elapsedMs) * 1e3 } };
}

async function submitAll(directory: string): Promise<void> {
  const machine = await openMachine(directory, options);
  for (let event = 0; event < EVENTS; event += AT_ONCE) {
    const waiting: Promise<number>[] = [];
    for (let each = event; each < Math.min(event + AT_ONCE, EVENTS); each++) {
      waiting.push(machine.submit(order(each)));
    }
    await Promise.all(waiting);
  }
  await machine.close();
}

async function applyAll(directory: string, snapshot = false): Promise<void> {
  const machine = await openMachine(directory, options);
  for (let event = 0; event < EVENTS; event++) machine.applyNow(order(event));
  await machine.wal.durable();
  await machine.close({ snapshot });
}

async function appendAll(directory: string): Promise<void> {
  const wal = await Wal.open(directory, logSizes);
  for (let event = 0; event < EVENTS; event++) wal.append(order(event));
  await wal.durable();
  await wal.close();
}

async function reopen(directory: string): Promise<Sample> {
  const startMs = performance.now();
  const machine = await openMachine(directory, options);
  const ms = performance.now() - startMs;
  if (machine.eventId !== EVENTS) throw new Error('the machine has all events');
  await machine.close();
  return { values: { ms } };
}

await benchmark('machine', (run) =>
  withFolder(async (folder) => {
    const recording: Way[] = [
      { name: ALONE, run: () => timed(folder, appendAll) },
      { name: NOW, run: () => timed(folder, applyAll) },
      { name: SUBMIT, run: () => timed(folder, submitAll) },
    ];
    const title = `${EVENTS} events of ${PAYLOAD_BYTES} bytes, open and close included`;
    const rates = await run.compare(title, [{ name: 'rate', unit: '/s' }], recording, ALONE);
    const rateOf = (name: string): number => median(rates.get(name)?.values['rate'] ?? []);
    run.goal('applied', rateOf(NOW) / rateOf(ALONE));
    const [all, snapshot] = [join(folder, 'all'), join(folder, 'snapshot')];
    await applyAll(all);
    await applyAll(snapshot, true);
    const opening: Way[] = [
      { name: REPLAYED, run: () => reopen(all) },
      { name: SNAPSHOT, run: () => reopen(snapshot) },
    ];
    const columns = [{ name: 'ms', unit: 'ms' as const }];
    const times = await run.compare(`opening, ${EVENTS} events`, columns, opening, REPLAYED);
    const msOf = (name: string): number => median(times.get(name)?.values['ms'] ?? []);
    run.goal('recovery', msOf(REPLAYED) / msOf(SNAPSHOT));
  }),
);
