// Replicates a log that another process writes, until that is gone; tells when it has begun.
import { natsStream, replicate } from '../../src/nats.js';

const [directory = '', stream = '', ...servers] = process.argv.slice(2);
process.once('disconnect', () => process.exit());
if (!process.connected) process.exit();
const replica = await replicate(directory, {
  stream: natsStream({ servers, stream, create: {} }),
});
await replica.claimed();
process.send?.('claimed');
await replica.ended();
