// `restore`: makes a new log from a backup, up to an event or a time.

import { printable } from '../../errors.js';
import { restore as restoreLog } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatCount, formatEvents } from '../quantities.js';

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
    const { events, firstEventId, lastEventId, complete } = report;
    const ids =
      events === 0 ? '' : `, ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
    terminal.line(`restored  ${formatEvents(events)}${ids}, to ${printable(report.target)}`);
    if (!complete) terminal.line('stopped early: the log is incomplete, remove it');
    if (json) await writeLines(stdout, formatJson(report));
    return complete ? EXIT.done : (interruption.exitCode ?? EXIT.failed);
  } finally {
    interruption.dispose();
  }
}
