// `salvage`: copies what provably belongs to a damaged log into a new one. Each gap is reported on
// stderr when it is found, and a summary at the end; with --json the whole report goes to stdout.

import { printable } from '../../errors.js';
import { type SalvageGap, type SalvageReport, salvageTo } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatBytes, formatCount, formatEvents } from '../quantities.js';
import { tellWaitingEvents } from '../region-notice.js';

interface SalvageOptions {
  readonly output: string;
  readonly json: boolean;
}

const range = (first: number, last: number): string =>
  first === last ? formatCount(first) : `${formatCount(first)} to ${formatCount(last)}`;

function lostIn({ firstEventId, lastEventId, lost }: SalvageGap): string {
  if (lost === 0) return 'no event missing';
  if (firstEventId === undefined) return 'number of missing events unknown';
  if (lastEventId === undefined)
    return `events from ${formatCount(firstEventId)} on, if there were any`;
  return `${formatEvents(lost ?? 0)} missing: ${range(firstEventId, lastEventId)}`;
}

/** A gap in one line. */
function describeGap(gap: SalvageGap): string {
  const { file, offset, bytes, code, message } = gap;
  const at = offset === undefined ? '' : ` at offset ${formatCount(offset)}`;
  const size = bytes === undefined || bytes === 0 ? '' : `, ${formatBytes(bytes)}`;
  return `${printable(file)}${at}${size}: ${lostIn(gap)}. ${code}: ${printable(message)}`;
}

function* renderSalvage(report: SalvageReport): Generator<string> {
  const { events, firstEventId, lastEventId, gaps, lost, ranges, complete } = report;
  const ids =
    events === 0 ? '' : `, ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
  yield `salvaged  ${formatEvents(events)}${ids}, to ${printable(report.output)}`;
  const unknown = gaps.filter((gap) => gap.lost === undefined).length;
  const more = unknown === 0 ? '' : `, and an unknown number in ${formatCount(unknown)} of them`;
  yield gaps.length === 0
    ? 'gaps      none'
    : `gaps      ${formatCount(gaps.length)}, ${formatEvents(lost)} known to be missing${more}`;
  for (const { firstEventId: first, lastEventId: last, newFirstEventId } of ranges) {
    if (first === newFirstEventId) continue;
    const now = range(newFirstEventId, newFirstEventId + last - first);
    yield `ids       ${range(first, last)} ${first === last ? 'is' : 'are'} now ${now}`;
  }
  if (!complete) yield 'stopped early: the copy is incomplete';
}

export async function salvage(
  dir: string,
  { output, json }: SalvageOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  try {
    const report = await salvageTo(dir, output, {
      signal: interruption.signal,
      onGap: (gap) => terminal.line(`${terminal.yellow('gap')} ${describeGap(gap)}`),
      onProgress: (events) => terminal.progress(() => `${formatEvents(events)} copied`),
    });
    for (const line of renderSalvage(report)) terminal.line(line);
    tellWaitingEvents(terminal, dir);
    if (json) await writeLines(stdout, formatJson(report));
    return interruption.exitCode ?? EXIT.done;
  } finally {
    interruption.dispose();
  }
}
