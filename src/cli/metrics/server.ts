// The endpoint that Prometheus scrapes.

import { type Answer, type ListenAddress, LocalServer, respond } from '../serving/local-server.js';
import type { Scrape } from './scrape.js';

export const METRICS_PATH = '/metrics';
const CONNECTIONS_MAX = 16;

/** @throws WalError ERR_FLASHSTRIKE_IO or _ACCESS when the address is not available */
export function startMetricsServer(
  address: ListenAddress,
  scrape: () => Scrape,
): Promise<LocalServer> {
  const answer: Answer = (response) => {
    const { text, contentType } = scrape();
    respond(response, 200, text, { 'Content-Type': contentType });
  };
  return LocalServer.start(address, new Map([[METRICS_PATH, answer]]), CONNECTIONS_MAX);
}
