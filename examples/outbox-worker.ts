// An outbox: orders are recorded, and a worker acts on each of them exactly once, though it may die
// at any moment: it stores the id of the last order with what it has done, in one step.
//   npm run build && node dist/examples/outbox-worker.js ./outbox 1000
// Kill it with `kill -9` and start it again, as often as you like: the totals come out the same.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Consumer, Wal } from '../src/index.js';

const [folder = './outbox', wanted = '1000'] = process.argv.slice(2);
const ORDERS = Number(wanted);
/** Orders that are dealt with before their effect is stored. */
const BATCH = 50;

/** What the worker has done, and up to which order: a table and a row of it in a database. */
interface Effects {
  lastEventId: number;
  readonly totals: Record<string, number>;
}

const effectsFile = join(folder, 'totals.json');

function loadEffects(): Effects {
  try {
    return JSON.parse(readFileSync(effectsFile, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { lastEventId: 0, totals: {} };
  }
}

/** One step: after a crash there is the old file or the new one, each with its id. */
function storeEffects(effects: Effects): void {
  const temporary = `${effectsFile}.tmp`;
  const file = openSync(temporary, 'w');
  writeSync(file, JSON.stringify(effects));
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, effectsFile);
  const directory = openSync(folder, 'r');
  fsyncSync(directory);
  closeSync(directory);
}

async function work(consumer: Consumer): Promise<Effects> {
  const effects = loadEffects();
  if (effects.lastEventId >= ORDERS) return effects;
  for await (const { eventId, payload } of consumer.follow()) {
    // Stored, but not acknowledged before the process died: this one comes a second time.
    if (eventId > effects.lastEventId) {
      const { account, amount } = JSON.parse(Buffer.from(payload).toString());
      effects.totals[account] = (effects.totals[account] ?? 0) + amount;
      effects.lastEventId = eventId;
    }
    if (eventId % BATCH !== 0 && eventId < ORDERS) continue;
    storeEffects(effects);
    // Only now may the log remove it.
    await consumer.acknowledge(eventId);
    console.log(`done up to order ${eventId}`);
    if (eventId >= ORDERS) break;
  }
  return effects;
}

const wal = await Wal.open(join(folder, 'log'));
const consumer = await wal.registerConsumer('billing', { from: 1 });
const working = work(consumer);
while (wal.lastEventId < ORDERS) {
  const number = wal.lastEventId + 1;
  const order = { account: `account ${number % 7}`, amount: number };
  await wal.durable(wal.append(Buffer.from(JSON.stringify(order))));
}
const { lastEventId, totals } = await working;
console.log(JSON.stringify({ lastEventId, totals }));
await consumer.close();
await wal.close();
