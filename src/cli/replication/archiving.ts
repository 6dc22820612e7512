// Archiving as a command: what it tells a person, and how it ends.
import { printable } from '../../errors.js';
import { type ArchiveReport, archive, type ObjectStore } from '../../replication.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatBytes, formatCount } from '../quantities.js';

interface ArchivingOptions {
  readonly follow: boolean;
  readonly consumer?: string | undefined;
  readonly json: boolean;
}

const segments = (count: number): string =>
  `${formatCount(count)} ${count === 1 ? 'segment' : 'segments'}`;

function* renderArchive(report: ArchiveReport): Generator<string> {
  const { objects, bytes, presentSegments, firstEventId, lastEventId, complete } = report;
  const has =
    lastEventId < firstEventId
      ? 'no event yet'
      : `ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
  yield `archived  ${has}, in ${printable(objects)}`;
  yield `put       ${segments(report.segments)}, ${formatBytes(bytes)}; ` +
    `${formatCount(presentSegments)} were there`;
  if (!complete) yield 'stopped before the last finished segment; the next run goes on from there';
}

/** Puts the finished segments of the log in `dir` into `store`; with `follow` until a signal. */
export async function keepArchiving(
  dir: string,
  store: ObjectStore,
  { follow, consumer, json }: ArchivingOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  let trouble: string | undefined;
  try {
    const report = await archive(dir, store, {
      follow,
      consumer,
      signal: interruption.signal,
      onProgress: (eventId) => terminal.progress(() => `up to event ${formatCount(eventId)}`),
      onTrouble: (message) => {
        if (message === trouble) return;
        trouble = message;
        terminal.line(message === undefined ? 'goes on' : `waiting   ${printable(message)}`);
      },
    });
    for (const line of renderArchive(report)) terminal.line(line);
    if (json) await writeLines(stdout, formatJson(report));
    return interruption.exitCode ?? (report.complete ? EXIT.done : EXIT.failed);
  } finally {
    interruption.dispose();
  }
}
