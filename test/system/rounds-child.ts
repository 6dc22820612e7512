// A process that opens and closes a log all its life, in its main thread or each time in a new
// worker, and tells how much more it holds after each round: maps, KiB of address space,
// descriptors, threads. V8 returns pages of its heap, or takes some, in one step of dozens of maps:
// what stays of each round shows in each window of rounds, so the window with the least growth
// tells.
//
//     node rounds-child.js main|worker FOLDER OPTIONS ROUNDS
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { isMainThread, Worker } from 'node:worker_threads';
import { follow, replay, Wal } from '../../src/index.js';
import { attachTelemetry } from '../../src/telemetry.js';

const [where, directory = '', options = '{}', rounds = '0'] = process.argv.slice(2);
const WINDOWS = 3;

function look(): number[] {
  const vmSize = /VmSize:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return [
    readFileSync('/proc/self/maps', 'utf8').split('\n').length,
    Number(vmSize),
    readdirSync('/proc/self/fd').length,
    readdirSync('/proc/self/task').length,
  ];
}

/** Iterators that are not read to their end. */
async function giveUpReading(wal: Wal): Promise<void> {
  for (const iterator of [replay(directory), wal.replay()]) {
    for (const _event of iterator) break;
  }
  for await (const _event of follow(directory)) break;
  const abort = new AbortController();
  const waiting = follow(directory, { from: wal.lastEventId + 1, signal: abort.signal }).next();
  abort.abort();
  await waiting.catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
  });
}

async function round(): Promise<void> {
  const wal = await Wal.open(directory, JSON.parse(options));
  await wal.durable(wal.append(Buffer.alloc(100)));
  if (wal.capabilities.sharedMemory === 'mapped') attachTelemetry(directory).close();
  await giveUpReading(wal);
  const { telemetry } = wal;
  await wal.close();
  // What the application keeps may be read, and changes nothing.
  JSON.stringify(telemetry);
}

const roundInAWorker = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
    worker.once('error', reject).once('exit', () => resolve());
  });

if (isMainThread) {
  const again = where === 'worker' ? roundInAWorker : round;
  for (let count = 0; count < Number(rounds); count++) await again();
  const growths: number[][] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const before = look();
    for (let count = 0; count < Number(rounds); count++) await again();
    growths.push(look().map((each, at) => (each - (before[at] ?? 0)) / Number(rounds)));
  }
  const [first = []] = growths;
  const least = first.map((_, at) => Math.min(...growths.map((growth) => growth[at] ?? 0)));
  writeSync(1, `${JSON.stringify(least)}\n`);
} else {
  await round();
}
