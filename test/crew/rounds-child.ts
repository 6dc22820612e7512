// A process that opens logs, appends to them and closes them, one after the other and round after
// round, and tells now and then what it holds of the machine. Argument: a RoundsPlan as JSON.
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Wal } from '../../src/index.js';
import { payloadOf, typeOf } from '../crash/payloads.js';
import { descriptors, threads } from '../support/process-resources.js';
import { type Held, logFolder, type RoundsPlan } from './rounds-plan.js';

const plan = JSON.parse(process.argv[2] ?? '') as RoundsPlan;
const { folder, logs, rounds, events, options } = plan;

function statusKib(field: string): number {
  const line = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1]);
}

function filesBelow(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  ).length;
}

/** What came with the runtime, at most once: the heap's pages, sockets of the event loop. */
function look(done: number): Held {
  globalThis.gc?.();
  return {
    done,
    rssKib: statusKib('VmRSS'),
    maps: readFileSync('/proc/self/maps', 'utf8').split('\n').length,
    descriptors: descriptors().length,
    threads: threads().length,
    regions: readdirSync(options.sharedMemoryDirectory).length,
    files: filesBelow(folder),
  };
}

async function round(log: number, last: number): Promise<void> {
  const wal = await Wal.open(join(folder, logFolder(log)), options);
  try {
    if (wal.lastEventId !== last) {
      throw new Error(`log ${log} has ${wal.lastEventId} events, not ${last}`);
    }
    for (let id = last + 1; id <= last + events; id++) wal.append(payloadOf(id), typeOf(id));
    await wal.durable();
  } finally {
    await wal.close();
  }
}

let done = 0;
const lookEvery = Math.max(1, Math.floor((rounds * logs) / plan.looks));
for (let last = 0; last < rounds * events; last += events) {
  for (let log = 0; log < logs; log++) {
    await round(log, last);
    if (++done % lookEvery === 0) writeSync(1, `${JSON.stringify(look(done))}\n`);
  }
}
// Threads that serve no log end after a while; what they held goes with them.
for (const before = look(done).threads; threads().length === before; ) await delay(50);
await delay(500);
writeSync(1, `${JSON.stringify(look(done))}\n`);
