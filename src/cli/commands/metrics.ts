// `metrics`: the telemetry of logs for Prometheus, from outside: once on stdout, or served on one
// address of this machine.

import { once } from 'node:events';
import { printable } from '../../errors.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { ScrapedLogs, type ScrapeOptions } from '../metrics/scrape.js';
import { METRICS_PATH, startMetricsServer } from '../metrics/server.js';
import { writeLines } from '../output.js';
import type { ListenAddress } from '../serving/local-server.js';

interface MetricsOptions extends ScrapeOptions {
  /** Where to serve; undefined: print once. */
  readonly listen?: ListenAddress | undefined;
}

export async function metrics(
  dirs: readonly string[],
  { listen, ...options }: MetricsOptions,
  context: CommandContext,
): Promise<number> {
  const { terminal, stdout } = context;
  const tell = (text: string): void => terminal.line(`note: ${printable(text)}`);
  const logs = new ScrapedLogs(dirs, options, tell);
  try {
    const [failure, ...failures] = logs.attach();
    // Of a log that is not to be seen now the first scrape tells: it may be opened later.
    if (listen !== undefined) return await serve(logs, listen, context);
    if (failure !== undefined && failures.length + 1 === dirs.length) throw failure;
    await writeLines(stdout, logs.scrape().text);
    return EXIT.done;
  } finally {
    logs.close();
  }
}

async function serve(
  logs: ScrapedLogs,
  listen: ListenAddress,
  { terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  try {
    const server = await startMetricsServer(listen, () => logs.scrape());
    try {
      terminal.line(`serving ${server.origin}${METRICS_PATH}, until Ctrl-C`);
      if (!interruption.happened) await once(interruption.signal, 'abort');
    } finally {
      await server.close();
    }
    return interruption.exitCode ?? EXIT.done;
  } finally {
    interruption.dispose();
  }
}
