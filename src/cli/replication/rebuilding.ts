// A log that is made of a stream, of objects, or of both, as a command; with `follow` a standby.
import { type BlockStream, type ObjectStore, restoreFrom } from '../../replication.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatCount } from '../quantities.js';
import { tellRestored } from '../restored.js';

interface RebuildingOptions {
  readonly objects?: ObjectStore | undefined;
  readonly toId?: number | undefined;
  readonly toTime?: bigint | undefined;
  readonly follow: boolean;
  readonly json: boolean;
}

export async function rebuild(
  stream: BlockStream | undefined,
  target: string,
  { objects, toId, toTime, follow, json }: RebuildingOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  try {
    const report = await restoreFrom(stream, target, {
      objects,
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
