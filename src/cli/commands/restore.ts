// `restore`: makes a new log from a backup, a stream or objects, up to an event or a time.

import { restore as restoreLog } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatEvents } from '../quantities.js';
import type { ObjectOptions } from '../replication/object-place.js';
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

interface Sources {
  readonly stream: StreamOptions | undefined;
  readonly objects: ObjectOptions | undefined;
}

export async function restoreFrom(
  { stream, objects }: Sources,
  target: string,
  options: RestoreOptions & { readonly follow: boolean },
  context: CommandContext,
): Promise<number> {
  const { rebuild } = await import('../replication/rebuilding.js');
  // Each is loaded where it is asked for.
  const store =
    objects && (await (await import('../replication/object-place.js')).storeAt(objects));
  const { streamToRead } = await import('../replication/stream-options.js');
  const given = { ...options, objects: store };
  return rebuild(stream && streamToRead(stream), target, given, context);
}
