// An HTTP server for this machine alone: it answers to its own name only, reads no bodies, and
// bounds all that a client may send or hold.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { codeOf, WalError } from '../../errors.js';
import { KIB } from '../../units.js';
import { toWalError } from '../report-error.js';
import { namesServer } from './host-header.js';

export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** One path, and what a GET of it is answered with; HEAD has the same without the body. */
export type Routes = ReadonlyMap<string, Answer>;

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const TIMEOUT_MS = 5_000;
const HEADER_BYTES_MAX = 8 * KIB;

export class LocalServer {
  readonly #server: Server;
  readonly #routes: Routes;

  private constructor(routes: Routes, connectionsMax: number) {
    this.#routes = routes;
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
    this.#server.maxConnections = connectionsMax;
    // A client that takes no bytes is not waited for.
    this.#server.setTimeout(2 * TIMEOUT_MS);
  }

  /** @throws WalError ERR_FLASHSTRIKE_IO or _ACCESS when the address is not available */
  static async start(
    { host, port }: ListenAddress,
    routes: Routes,
    connectionsMax: number,
  ): Promise<LocalServer> {
    const server = new LocalServer(routes, connectionsMax);
    try {
      server.#server.listen(port, host);
      await once(server.#server, 'listening');
    } catch (error) {
      throw notListening(error, `${host}:${port}`);
    }
    return server;
  }

  /** `http://127.0.0.1:9464` */
  get origin(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') return '';
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}`;
  }

  /** Whether the request was sent to this machine by name, and not to a name that leads here. */
  #isMeant({ headersDistinct }: IncomingMessage): boolean {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') return false;
    return namesServer(headersDistinct['host'] ?? [], address);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const answer = this.#routes.get(url.split('?', 1)[0] ?? '');
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
    } else if (answer === undefined) {
      const paths = [...this.#routes.keys()];
      const are = paths.length === 1 ? 'the only path is' : 'the paths are';
      respond(response, 404, `not found: ${are} ${paths.join(', ')}\n`);
    } else if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      respond(response, 405, 'only GET and HEAD are allowed\n');
    } else {
      answer(response, request);
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

function notListening(error: unknown, address: string): WalError {
  if (codeOf(error) !== 'EADDRINUSE') return toWalError(error, address);
  const message =
    `${address} is in use by another program (EADDRINUSE). Give another port to --listen, or 0 ` +
    'for any that is free.';
  return new WalError('ERR_FLASHSTRIKE_IO', message, { path: address, cause: error });
}

/** Node leaves the body out by itself where the request was HEAD. */
export function respond(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(text);
}
