// The page and what it is told, for browsers of this machine.

import type { IncomingMessage } from 'node:http';
import {
  type Answer,
  type ListenAddress,
  LocalServer,
  type Routes,
  respond,
} from '../serving/local-server.js';
import type { Board } from './board.js';
import { EventStream } from './event-stream.js';
import type { PageFile } from './page-file.js';

const EVENTS_PATH = '/events';
/** Pages that are open at once; each has one stream, and for a moment a connection for itself. */
const STREAMS_MAX = 16;
const CONNECTIONS_MAX = 2 * STREAMS_MAX;

/** @throws WalError ERR_FLASHSTRIKE_IO or _ACCESS when the address is not available */
export function startDashboardServer(
  address: ListenAddress,
  board: Board,
  page: PageFile,
): Promise<LocalServer> {
  const routes: Routes = new Map([
    ['/', (response) => respond(response, 200, page.html, page.headers)],
    [EVENTS_PATH, streamsOf(board)],
  ]);
  return LocalServer.start(address, routes, CONNECTIONS_MAX);
}

function streamsOf(board: Board): Answer {
  let streams = 0;
  return (response, request) => {
    if (isForeign(request)) {
      respond(response, 403, 'pages of other sites are told nothing\n');
      return;
    }
    if (request.method === 'HEAD') {
      respond(response, 200, '', { 'Content-Type': 'text/event-stream; charset=utf-8' });
      return;
    }
    if (streams >= STREAMS_MAX) {
      const text = `${streams} pages are open already: close one\n`;
      respond(response, 503, text, { 'Retry-After': '5' });
      return;
    }
    if (response.socket === null) {
      // Behind another answer of its connection: such a one is not told when that ends.
      response.setHeader('Connection', 'close');
      respond(response, 503, 'a connection has one stream\n');
      return;
    }
    streams++;
    const stream = new EventStream(response);
    response.once('close', () => {
      streams--;
      board.remove(stream);
    });
    board.add(stream);
  };
}

/** A page of another site could not read the answer, but hold a stream. */
function isForeign({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  return (
    (origin !== undefined && origin !== `http://${host}`) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none')
  );
}
