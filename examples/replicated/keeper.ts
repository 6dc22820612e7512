// A process that keeps orders in a log of its own, as one of two machines would: the first one
// records, the second one stands by and goes on when it is told to. walk.ts starts both.
import { setTimeout as delay } from 'node:timers/promises';
import { Wal } from '../../src/index.js';
import { type Replica, replicate, restoreFrom } from '../../src/nats.js';
import { streamOn } from './stream.js';

/** What a keeper is told. */
export type Letter = 'promote' | { readonly order: number; readonly text: string };
/** What it answers: that it takes orders, and into which log; that an order is safe. */
export type Answer = { readonly log: string } | { readonly acknowledged: number };

const [folder = '', role = '', ...servers] = process.argv.slice(2);
const answer = (given: Answer): void => {
  process.send?.(given);
};

/** An order that comes a second time is there already: its number is that of its event. */
async function keep(order: number, text: string, wal: Wal, replica: Replica): Promise<void> {
  if (order > wal.lastEventId) wal.append(Buffer.from(text));
  // `wal.durable` would mean this disk. This means that two of three servers have it.
  await replica.replicated(order);
  answer({ acknowledged: order });
}

async function serve(log: string): Promise<void> {
  const wal = await Wal.open(log);
  const stream = streamOn(servers);
  const replica = await replicate(wal, { stream, takeover: role === 'standby' });
  try {
    // From here on whoever had the stream before writes no more.
    await replica.claimed();
  } catch (error) {
    await replica.close();
    await wal.close();
    throw error;
  }
  process.on('message', (letter: Letter) => {
    if (letter !== 'promote') void keep(letter.order, letter.text, wal, replica);
  });
  answer({ log });
}

/** Takes what comes until it is promoted, then goes on where the stream ends. */
async function standBy(): Promise<void> {
  const promotion = new AbortController();
  process.on('message', (letter: Letter) => {
    if (letter === 'promote') promotion.abort();
  });
  for (let attempt = 1; ; attempt++) {
    const log = `${folder}-${attempt}`;
    try {
      await restoreFrom(streamOn(servers), log, { follow: true, signal: promotion.signal });
      await serve(log);
      return;
    } catch (error) {
      // What the first one had sent may still have been stored behind the end that was read. Only
      // the claim is proof, and it was refused: once more from the beginning.
      if (attempt === 10) throw error;
      await delay(200);
    }
  }
}

// Whoever started it is gone.
process.once('disconnect', () => process.exit());
// Whose parent was killed while it loaded its modules is told no more.
if (!process.connected) process.exit();
await (role === 'standby' ? standBy() : serve(folder));
