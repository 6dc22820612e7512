// The quick start of README as a program: `npm run build && node dist/examples/quick-start.js`.
import { rmSync } from 'node:fs';
import { replay, Wal } from '../src/index.js';

const folder = './flashstrike-example';
const wal = await Wal.open(folder); // creates the log, or recovers it
const id = wal.append(Buffer.from('buy 100 @ 580.01')); // from here on it survives kill -9
await wal.durable(id); // from here on it survives a power cut
await wal.close();

for (const event of replay(folder)) {
  console.log(event.eventId, event.timestampNs, Buffer.from(event.payload).toString());
}
rmSync(folder, { recursive: true });
