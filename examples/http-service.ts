// An HTTP service that answers once the order is on disk, with its metrics for Prometheus.
//   npm run build && node dist/examples/http-service.js ./orders 8080
//   curl -d '{"item":"tea","count":2}' http://127.0.0.1:8080/orders
//   curl http://127.0.0.1:8080/metrics
// Each answer 201 has an id that a power cut does not take back: kill it with `kill -9`, and look
// with `flashstrike replay ./orders`. Ctrl-C ends it: what was taken in is answered first.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Wal, WalError } from '../src/index.js';
import { PrometheusCollector } from '../src/prometheus.js';

const [folder = './orders', port = '8080'] = process.argv.slice(2);
const LONGEST_BODY = 64 * 1024;

const wal = await Wal.open(folder);

/** The body, or undefined where it is too long. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > LONGEST_BODY) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function isOrder(text: string): boolean {
  try {
    const order: unknown = JSON.parse(text);
    return typeof order === 'object' && order !== null && 'item' in order;
  } catch {
    return false;
  }
}

async function takeOrder(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  if (body === undefined) return answer(response, 413, { error: 'too long' });
  if (!isOrder(body.toString())) return answer(response, 400, { error: 'not an order' });
  // `tryAppend`, because `append` would block the event loop while a full ring waits for the disk.
  const id = wal.tryAppend(body);
  if (id === undefined) {
    response.setHeader('retry-after', '1');
    return answer(response, 503, { error: 'the disk is slow or full' });
  }
  // Here the order is acted on; nobody is told before it is on disk. All who wait share a sync.
  await wal.durable(id);
  answer(response, 201, { id });
}

function showMetrics(response: ServerResponse): void {
  const collector = new PrometheusCollector();
  wal.telemetry.collect('flashstrike_wal_recorder', collector);
  response.writeHead(200, { 'content-type': collector.contentType });
  response.end(collector.toString());
}

const server = createServer((request, response) => {
  const { method, url } = request;
  if (method === 'GET' && url === '/metrics') return showMetrics(response);
  if (method !== 'POST' || url !== '/orders') return answer(response, 404, { error: 'not found' });
  takeOrder(request, response).catch((error: unknown) => {
    // A log that has failed refuses everything: whoever watches the service starts it anew.
    const code = error instanceof WalError ? error.code : 'unexpected';
    console.error(error);
    if (!response.headersSent) answer(response, 503, { error: code });
  });
});

const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
// Only this machine reaches it; a proxy in front of it asks who is there.
server.listen(Number(port), '127.0.0.1');
await once(server, 'listening');
const { port: bound } = server.address() as AddressInfo;
console.log(`http://127.0.0.1:${bound} after event ${wal.lastEventId}`);

await asked;
server.close();
server.closeIdleConnections();
await once(server, 'close');
await wal.close();
