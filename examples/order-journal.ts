// A journal of orders: each command is recorded before it is acted on, and the positions of all
// accounts are rebuilt from the log. It matches nothing. Kill it with `kill -9` and start it again:
// it goes on with the positions that it had.
//   npm run build && node dist/examples/order-journal.js ./order-log
import { Wal } from '../src/index.js';

const positions = new Map<number, number>();

/** The one way in which state changes, live and in replay alike: that keeps the two equal. */
function apply(command: Uint8Array): void {
  const view = new DataView(command.buffer, command.byteOffset, command.byteLength);
  const account = view.getUint32(0, true);
  positions.set(account, (positions.get(account) ?? 0) + view.getInt32(4, true));
}

const wal = await Wal.open(process.argv[2] ?? './order-log');
for (const event of wal.replay()) apply(event.payload);
console.log(
  `${wal.lastEventId} commands replayed, ${positions.size} accounts (${wal.recovery.verdict})`,
);

const command = new Uint8Array(8);
const view = new DataView(command.buffer);
for (let count = 0; count < 100_000; count++) {
  view.setUint32(0, count % 1000, true);
  view.setInt32(4, (count % 7) - 3, true);
  wal.append(command); // recorded first: a crash behind this line loses nothing
  apply(command);
}
console.log(`durable up to event ${await wal.durable()}`);
await wal.close();
