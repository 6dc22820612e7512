// `verify`: walks every byte of a log and says in plain words whether it is whole, and if not, what
// is lost and what to do. Exit 0: sound; 1: corrupt; 3: it could not be read, so nothing is known.

import { printable, serializeError, WalError } from '../../errors.js';
import { type VerifyReport, verify as verifyLog } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatBytes, formatCount, formatEvents } from '../quantities.js';
import { reportError } from '../report-error.js';
import { showEvent, typedText } from '../typed/shown-event.js';

interface VerifyOptions {
  readonly json: boolean;
}

/** Each may need a look at some hundred megabytes. */
const SHOWN_EVENTS_MAX = 5;

type Problem = VerifyReport['problems'][number];

const VERDICTS: Readonly<Record<string, string>> = {
  clean: 'sound: every block is valid',
  'torn-tail': 'sound, with a torn tail: the last write is torn, nothing durable is missing',
  'live-copy': 'a COPY of a log that was being written: sound, but its last events are missing',
  corruption: 'CORRUPT: durable data is damaged or missing',
  undecidable: 'UNDECIDABLE: whether durable events are missing cannot be determined',
};

function lostBy({ lost, firstEventId, lastEventId }: Problem): string {
  if (lost === undefined) return 'unknown';
  if (firstEventId === undefined || lastEventId === undefined) return formatEvents(lost);
  const ids =
    lost === 1
      ? formatCount(firstEventId)
      : `${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
  return `${formatEvents(lost)}, ${ids}`;
}

/** An event as a line of text; undefined where the log does not say what it is made of. */
type EventText = (eventId: number) => string | undefined;

function* describeProblem(problem: Problem, index: number, textOf: EventText): Generator<string> {
  const offset = problem.offset === undefined ? '' : ` at offset ${formatCount(problem.offset)}`;
  yield '';
  yield `problem ${index + 1}: ${printable(problem.file ?? 'the folder')}${offset}`;
  yield `  ${printable(problem.code)}: ${printable(problem.message)}`;
  yield `  lost: ${lostBy(problem)}`;
  const before = (problem.firstEventId ?? 0) - 1;
  const text = before > 0 && index < SHOWN_EVENTS_MAX ? textOf(before) : undefined;
  if (text !== undefined) yield `  before it: event ${formatCount(before)}, ${text}`;
}

/** What a shared region may hold, or may have held, comes first: an opening decides over it. */
function* describeShared({ problems, notes, advice, verdict }: VerifyReport): Generator<string> {
  for (const { code, message } of problems) {
    if (code === 'ERR_FLASHSTRIKE_REGION_UNCERTAIN') yield* [printable(message), ''];
  }
  const isNews = verdict === 'clean' && !advice.startsWith('Nothing to do');
  if (isNews || notes.some((note) => advice.startsWith(note))) yield* [printable(advice), ''];
}

export function* renderReport(
  dir: string,
  report: VerifyReport,
  textOf: EventText = () => undefined,
): Generator<string> {
  yield* describeShared(report);
  const { events, firstEventId, lastEventId, durableEventId, problems, verdict } = report;
  yield `${printable(dir)} is ${VERDICTS[verdict] ?? printable(verdict)}`;
  yield `events    ${
    events === 0
      ? 'none'
      : `${formatCount(events)}, ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`
  }`;
  yield `durable   ${durableEventId === 0 ? 'none known' : `up to ${formatCount(durableEventId)}`}`;
  yield `segments  ${formatCount(report.segments)}`;
  if (report.tornTail !== undefined) {
    const { file, offset, lastEventId: last, droppedBytes, droppedEvents } = report.tornTail;
    const events = droppedEvents === 0 ? 'no complete event' : formatEvents(droppedEvents);
    yield `tail      ${printable(file)} at offset ${formatCount(offset)}, after event ` +
      `${formatCount(last)}: ${formatBytes(droppedBytes)} dropped, ${events} in it, none of them ` +
      'durable';
    const text = last > 0 ? textOf(last) : undefined;
    if (text !== undefined) yield `          event ${formatCount(last)} is ${text}`;
  }
  if (report.missingTail !== undefined) {
    const { firstEventId: first, lastEventId: last } = report.missingTail;
    yield last < first
      ? 'missing   the last events; how many is unknown'
      : `missing   ids ${formatCount(first)} to ${formatCount(last)}, and any that the original ` +
        'has after them';
  }
  if (report.waitingEvents > 0) {
    yield `waiting   ${formatEvents(report.waitingEvents)} in shared memory, left by the last ` +
      'process; the next open writes them to disk';
  }
  for (const { eventId, contentBytes, problem } of report.snapshots) {
    if (problem !== undefined || contentBytes === undefined) continue;
    yield `snapshot  of event ${formatCount(eventId)}: sound, ${formatBytes(contentBytes)}`;
  }
  for (const note of report.notes) yield `note      ${printable(note)}`;
  for (const [index, problem] of problems.entries()) yield* describeProblem(problem, index, textOf);
  if (verdict !== 'clean') yield* ['', printable(report.advice)];
}

export async function verify(
  dir: string,
  { json }: VerifyOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  let report: VerifyReport;
  try {
    report = await verifyLog(dir);
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    if (json) {
      const unread = { ok: false, verdict: 'unreadable', error: serializeError(error) };
      await writeLines(stdout, formatJson(unread));
    }
    reportError(terminal, error);
    return EXIT.unreadable;
  }
  const textOf = (eventId: number): string | undefined => {
    const typed = showEvent(dir, eventId, terminal)?.typed;
    return typed && typedText(typed);
  };
  const text = json ? formatJson(report) : `${[...renderReport(dir, report, textOf)].join('\n')}\n`;
  await writeLines(stdout, text);
  return report.ok ? EXIT.done : EXIT.failed;
}
