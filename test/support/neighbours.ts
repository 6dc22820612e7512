// Loaded ahead of a test process, and of the scripts that it starts, by `npm run test:crew`: two
// further logs, open and at work, so that each log under test shares its threads with them.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { Wal } from '../../src/index.js';
import { TINY } from './adapters.js';

const LOGS = 2;
const PAUSE_MS = 5;
const EVENTS = 20;

/** Both write all the time, and one of them waits for its disk all the time. */
async function beAtWork(base: string): Promise<void> {
  const folder = mkdtempSync(join(base, `${process.pid}-`));
  const logs: Wal[] = [];
  for (let log = 0; log < LOGS; log++) {
    const directory = join(folder, `log-${log}`);
    // No region stays of a process that is killed.
    logs.push(await Wal.open(directory, { ...TINY, sharedMemory: 'off' }));
  }
  setInterval(() => {
    for (const [at, wal] of logs.entries()) {
      // A full ring waits for the disk, which is the test's as well.
      for (let count = 0; count < EVENTS; count++) wal.tryAppend(new Uint8Array(count * 10));
      if (at === 0) wal.durable().catch(() => undefined);
    }
  }, PAUSE_MS).unref();
}

const { FLASHSTRIKE_NEIGHBOURS: base, NODE_TEST_CONTEXT: context } = process.env;
// Not in the runner itself.
if (isMainThread && base !== undefined && context !== undefined) await beAtWork(base);
