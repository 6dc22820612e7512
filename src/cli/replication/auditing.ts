// An audit as a command.
import { printable } from '../../errors.js';
import { type AuditReport, audit, type BlockStream } from '../../nats.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatCount, formatEvents } from '../quantities.js';

function* renderAudit(report: AuditReport): Generator<string> {
  const { ok, complete, stream, log, blocks, claims, epoch, events, expiredEvents } = report;
  const { firstEventId, lastEventId, isOwner, problems } = report;
  const verdict = complete ? 'is the same as' : 'was compared, in part, with';
  yield `stream ${printable(stream)} ${ok ? verdict : 'DIFFERS from'} ${printable(log)}`;
  const ids = `ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
  yield `events    ${lastEventId < firstEventId ? 'none' : `${ids}; ${formatCount(events)} alike`}`;
  if (expiredEvents > 0) {
    yield `removed   ${formatEvents(expiredEvents)} here, and so not compared`;
  }
  yield `blocks    ${formatCount(blocks)}, ${formatCount(claims)} of them claims`;
  yield `owner     ${isOwner ? 'this log' : 'another log'}, epoch ${epoch}`;
  for (const { code, message } of problems) yield `problem   ${code}: ${printable(message)}`;
}

/** Compares `stream` with the log in `dir`, and prints what was found. */
export async function tellAudit(
  dir: string,
  stream: BlockStream,
  { json }: { readonly json: boolean },
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  try {
    const report = await audit(dir, stream, {
      signal: interruption.signal,
      onProgress: (eventId) =>
        terminal.progress(() => `compared up to event ${formatCount(eventId)}`),
    });
    terminal.clearProgress();
    const text = json ? formatJson(report) : `${[...renderAudit(report)].join('\n')}\n`;
    await writeLines(stdout, text);
    const { problems, complete } = report;
    if (problems.some(({ code }) => code === 'ERR_FLASHSTRIKE_DIVERGED')) return EXIT.diverged;
    if (problems.length > 0) return EXIT.failed;
    return complete ? EXIT.done : (interruption.exitCode ?? EXIT.failed);
  } finally {
    interruption.dispose();
  }
}
