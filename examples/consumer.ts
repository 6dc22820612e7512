// A consumer that goes on where it was: `npm run build && node dist/examples/consumer.js`.
import { rmSync } from 'node:fs';
import { Wal } from '../src/index.js';

const folder = './flashstrike-example';
const wal = await Wal.open(folder);
for (const order of ['buy 100', 'sell 50', 'buy 20']) wal.append(Buffer.from(order));
await wal.durable();

/** Deals with `count` events; the log keeps all that come after the last one acknowledged. */
async function bill(count: number): Promise<void> {
  await using billing = await wal.registerConsumer('billing');
  for await (const { eventId, payload } of billing.follow()) {
    console.log(`bill event ${eventId}: ${Buffer.from(payload).toString()}`);
    await billing.acknowledge(eventId);
    if (--count === 0) break;
  }
}

await bill(2);
await bill(1); // as after a restart: it begins behind the second event
console.log(wal.consumers());
await wal.close();
rmSync(folder, { recursive: true });
