// A process that follows a log until it has seen the event whose id it is told, and says so.
import { follow } from '../../src/index.js';

const events = follow(process.argv[2] ?? '.', { from: 1, reuse: true });
process.send?.('ready');
const last = await new Promise<number>((resolve) => {
  process.once('message', (id) => resolve(Number(id)));
});
for await (const event of events) {
  if (event.eventId >= last) break;
}
process.send?.('seen', () => process.disconnect());
