// The HTTP service: answers each POST once a peer has recorded its body. Started by http.bench.ts,
// which it tells its port and which thread is which; it ends when its parent goes.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { threadsOfLog } from '../harness/log-threads.js';
import { peerNamed } from '../peers/all.js';

export interface Started {
  readonly port: number;
  /** Pairs of a thread's id and what it does; all others are the runtime's. */
  readonly threads: readonly (readonly [thread: string, role: string])[];
}

export interface Ended {
  readonly recorded: number;
  readonly found: number;
}

const [name = '', path = ''] = process.argv.slice(2);
const { log: store, threads: ofLog } = await threadsOfLog(() => peerNamed(name).open(path));
/** What a peer starts is the runtime's: nobody knows the roles of its threads. */
const own = name.startsWith('Flashstrike') ? ofLog : [];
let received = 0;
let recorded = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', async () => {
    const id = ++received;
    await store.record(Buffer.concat(chunks));
    recorded++;
    response.end(`{"id":${id}}`);
  });
});

server.listen(0, '127.0.0.1', () => {
  const threads = [[String(process.pid), 'application'] as const, ...own];
  process.send?.({ port: (server.address() as AddressInfo).port, threads } satisfies Started);
});

process.once('message', async () => {
  server.close();
  server.closeAllConnections();
  // A client may be gone before its answer: what it sent is recorded all the same.
  while (recorded < received) await new Promise((resolve) => setImmediate(resolve));
  const found = await store.countAndClose();
  process.send?.({ recorded, found } satisfies Ended, () => process.disconnect());
});
process.once('disconnect', () => process.exit());
if (!process.connected) process.exit();
