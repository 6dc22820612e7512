// `restore`: makes a new log from a backup or a stream, up to an event or a time.

import { restore as restoreLog } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatEvents } from '../quantities.js';
import type { StreamOptions } from '../replication/stream-options.js';
import { tellRestored } from '../restored.js';

interface RestoreOptions {
  readonly toId?: number | undefined;
  readonly toTime?: bigint | undefined;
  readonly json: boolean;
}

export async function restore(
  source: string,
  target: string,
  { toId, toTime, json }: RestoreOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  try {
    const report = await restoreLog(source, target, {
      toId,
      toTime,
      signal: interruption.signal,
      onProgress: (events) => terminal.progress(() => `${formatEvents(events)} restored`),
    });
    tellRestored(report, terminal);
    if (json) await writeLines(stdout, formatJson(report));
    return report.complete ? EXIT.done : (interruption.exitCode ?? EXIT.failed);
  } finally {
    interruption.dispose();
  }
}

export async function restoreStream(
  source: StreamOptions,
  target: string,
  options: RestoreOptions & { readonly follow: boolean },
  context: CommandContext,
): Promise<number> {
  const [{ rebuild }, { streamToRead }] = await Promise.all([
    import('../replication/rebuilding.js'),
    import('../replication/stream-options.js'),
  ]);
  return rebuild(streamToRead(source), target, options, context);
}
