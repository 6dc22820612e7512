// Pages that are told of each look by server-sent events. One that does not keep up is told nothing
// until it has taken what it was sent, then all that it has missed at once: nothing queues up. One
// that takes nothing at all is dropped by the server's time limit.

import type { ServerResponse } from 'node:http';
import type { Watcher } from './board.js';

/** Milliseconds after which a page connects again. */
const RETRY_MS = 1_000;

export class EventStream implements Watcher {
  readonly #response: ServerResponse;
  /** The last second that the page knows of; undefined: nothing yet. */
  #known: number | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
  }

  tell(push: (known: number | undefined) => string, through: number): void {
    if (this.#response.writableNeedDrain || this.#response.destroyed) return;
    this.#response.write(`data: ${push(this.#known)}\n\n`);
    this.#known = through;
  }
}
