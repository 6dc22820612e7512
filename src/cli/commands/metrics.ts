// `metrics`: a log's telemetry for Prometheus, from outside: once on stdout, or served on one
// address of this machine.

import { once } from 'node:events';
import { printable, WalError } from '../../errors.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { ScrapedLog, type ScrapeOptions } from '../metrics/scrape.js';
import { type ListenAddress, MetricsServer } from '../metrics/server.js';
import { writeLines } from '../output.js';

interface MetricsOptions extends ScrapeOptions {
  /** Where to serve; undefined: print once. */
  readonly listen?: ListenAddress | undefined;
}

export async function metrics(
  dir: string,
  { listen, ...options }: MetricsOptions,
  context: CommandContext,
): Promise<number> {
  const { terminal, stdout } = context;
  const tell = (text: string): void => terminal.line(`note: ${printable(text)}`);
  const log = new ScrapedLog(dir, options, tell);
  try {
    if (listen !== undefined) return await serve(log, listen, context);
    log.attach();
    await writeLines(stdout, log.scrape().text);
    return EXIT.done;
  } finally {
    log.close();
  }
}

async function serve(
  log: ScrapedLog,
  listen: ListenAddress,
  { terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  try {
    attachIfOpen(log);
    const server = await MetricsServer.start(listen, () => log.scrape());
    try {
      terminal.line(`serving ${server.url}, until Ctrl-C`);
      if (!interruption.happened) await once(interruption.signal, 'abort');
    } finally {
      await server.close();
    }
    return interruption.exitCode ?? EXIT.done;
  } finally {
    interruption.dispose();
  }
}

/** A log that is not open yet may be served; a folder that holds none is a mistyped path. */
function attachIfOpen(log: ScrapedLog): void {
  try {
    log.attach();
  } catch (error) {
    if (!(error instanceof WalError) || error.code !== 'ERR_FLASHSTRIKE_NO_TELEMETRY') throw error;
    // The first scrape says so.
  }
}
