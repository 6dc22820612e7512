// `trim`: removes the oldest segments of a log that is closed.

import { printable } from '../../errors.js';
import { trim as trimLog } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatBytes, formatCount } from '../quantities.js';

interface TrimOptions {
  readonly before: number;
  readonly lock: 'flock' | 'none';
  readonly json: boolean;
}

export async function trim(
  dir: string,
  { before, lock, json }: TrimOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const report = await trimLog(dir, before, { lock });
  const { firstEventId, removedSegments, freedBytes } = report;
  const noun = removedSegments === 1 ? 'segment' : 'segments';
  const segments = `${formatCount(removedSegments)} ${noun}`;
  terminal.line(
    `removed ${segments}, ${formatBytes(freedBytes)}, from ${printable(dir)}; its first event is ` +
      `now ${formatCount(firstEventId)}`,
  );
  if (json) await writeLines(stdout, formatJson(report));
  return EXIT.done;
}
