// A log that is made of a stream, as a command; with `follow` a warm standby.
import { type BlockStream, restoreFrom } from '../../nats.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatCount } from '../quantities.js';
import { tellRestored } from '../restored.js';

interface RebuildingOptions {
  readonly toId?: number | undefined;
  readonly toTime?: bigint | undefined;
  readonly follow: boolean;
  readonly json: boolean;
}

export async function rebuild(
  stream: BlockStream,
  target: string,
  { toId, toTime, follow, json }: RebuildingOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  try {
    const report = await restoreFrom(stream, target, {
      toId,
      toTime,
      follow,
      signal: interruption.signal,
      onProgress: (eventId) => terminal.progress(() => `up to event ${formatCount(eventId)}`),
    });
    tellRestored(report, terminal);
    if (json) await writeLines(stdout, formatJson(report));
    return report.complete ? EXIT.done : (interruption.exitCode ?? EXIT.failed);
  } finally {
    interruption.dispose();
  }
}
