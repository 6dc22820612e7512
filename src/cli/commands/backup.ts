// `backup`: copies a log, which may be in use, into a folder.

import { printable } from '../../errors.js';
import { type BackupReport, backup as backUp } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatBytes, formatCount, formatEvents } from '../quantities.js';
import { tellWaitingEvents } from '../region-notice.js';

interface BackupOptions {
  readonly prune: boolean;
  readonly lock: 'flock' | 'none';
  readonly json: boolean;
}

const segments = (count: number): string =>
  `${formatCount(count)} ${count === 1 ? 'segment' : 'segments'}`;

function* renderBackup(report: BackupReport): Generator<string> {
  const { firstEventId, lastEventId, copiedSegments, copiedBytes, reusedSegments } = report;
  if (!report.complete) {
    const copied = `${segments(copiedSegments)} copied, ${formatBytes(copiedBytes)}`;
    yield `stopped: ${copied}; the next run goes on from there`;
    return;
  }
  const events = lastEventId - firstEventId + 1;
  const ids =
    events === 0 ? '' : `, ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
  yield `backup    ${formatEvents(events)}${ids}, in ${printable(report.target)}`;
  yield `copied    ${segments(copiedSegments)}, ${formatBytes(copiedBytes)}; ` +
    `${formatCount(reusedSegments)} were there`;
  if (report.snapshots > 0) {
    const noun = report.snapshots === 1 ? 'snapshot' : 'snapshots';
    yield `state     ${formatCount(report.snapshots)} ${noun} of a state machine`;
  }
  if (report.removedSegments > 0) yield `removed   ${segments(report.removedSegments)}`;
}

export async function backup(
  dir: string,
  target: string,
  { prune, lock, json }: BackupOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  try {
    const report = await backUp(dir, target, {
      prune,
      lock,
      signal: interruption.signal,
      onProgress: ({ copiedSegments, copiedBytes }) =>
        terminal.progress(() => `${segments(copiedSegments)} copied, ${formatBytes(copiedBytes)}`),
    });
    for (const line of renderBackup(report)) terminal.line(line);
    tellWaitingEvents(terminal, dir);
    if (json) await writeLines(stdout, formatJson(report));
    return report.complete ? EXIT.done : (interruption.exitCode ?? EXIT.failed);
  } finally {
    interruption.dispose();
  }
}
