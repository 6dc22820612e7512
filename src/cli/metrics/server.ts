// The endpoint that Prometheus scrapes: one address by its own name, one path, two methods,
// and a bound on all that a client may send or hold.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { KIB } from '../../units.js';
import { toWalError } from '../report-error.js';
import { namesServer } from './host-header.js';
import type { Scrape } from './scrape.js';

export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

const PATH = '/metrics';
const TIMEOUT_MS = 5_000;
const CONNECTIONS_MAX = 16;
const HEADER_BYTES_MAX = 8 * KIB;

export class MetricsServer {
  readonly #server: Server;
  readonly #scrape: () => Scrape;

  private constructor(scrape: () => Scrape) {
    this.#scrape = scrape;
    this.#server = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: TIMEOUT_MS,
        requestTimeout: TIMEOUT_MS,
        keepAliveTimeout: TIMEOUT_MS,
        connectionsCheckingInterval: TIMEOUT_MS / 5,
      },
      (request, response) => this.#answer(request, response),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
    // A client that takes no bytes is not waited for.
    this.#server.setTimeout(2 * TIMEOUT_MS);
  }

  /** @throws WalError ERR_FLASHSTRIKE_IO or _ACCESS when the address is not available */
  static async start({ host, port }: ListenAddress, scrape: () => Scrape): Promise<MetricsServer> {
    const server = new MetricsServer(scrape);
    try {
      server.#server.listen(port, host);
      await once(server.#server, 'listening');
    } catch (error) {
      throw toWalError(error, `${host}:${port}`);
    }
    return server;
  }

  /** `http://127.0.0.1:9464/metrics` */
  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') return '';
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}${PATH}`;
  }

  /** Whether the request was sent to this machine by name, and not to a name that leads here. */
  #isMeant({ headersDistinct }: IncomingMessage): boolean {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') return false;
    return namesServer(headersDistinct['host'] ?? [], address);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    if (!this.#isMeant(request)) {
      response.setHeader('Connection', 'close');
      respond(response, 403, 'use localhost, 127.0.0.1 or [::1]: other names are refused\n');
    } else if (
      headers['transfer-encoding'] !== undefined ||
      Number(headers['content-length'] ?? 0) > 0
    ) {
      // Not read: the connection ends with the answer.
      response.setHeader('Connection', 'close');
      respond(response, 413, 'request bodies are not accepted\n');
    } else if (url.split('?', 1)[0] !== PATH) {
      respond(response, 404, `not found: the only path is ${PATH}\n`);
    } else if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      respond(response, 405, 'only GET and HEAD are allowed\n');
    } else {
      const { text, contentType } = this.#scrape();
      respond(response, 200, text, contentType);
    }
  }

  /** Resolves once every connection has ended; those that are idle end at once. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Node leaves the body out by itself where the request was HEAD. */
function respond(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}
