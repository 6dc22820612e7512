// What a log is and does right now, a row each, in the order of an event's way. Rows say what is so
// and what is not the rule; what is well, and counters that stand at 0, have no words.

import { printable } from '../../errors.js';
import { NS_PER_MS } from '../../units.js';
import type { Figures } from '../diagnosis/figures.js';
import { HEART_NAMES, isStale, stoppedNs } from '../diagnosis/hearts.js';
import type { Look } from '../diagnosis/look.js';
import { furthestBehind } from '../diagnosis/maintenance.js';
import { preparedAhead } from '../diagnosis/prepared-ahead.js';
import { formatAge, formatNs, formatShare, formatUptime } from '../diagnosis/quantity.js';
import { recoveryVerdict } from '../diagnosis/recovery-verdict.js';
import { standingOf, stateOf } from '../diagnosis/state.js';
import type { Trouble } from '../diagnosis/trouble.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatEvents,
  formatRate,
} from '../quantities.js';
import { namedCause } from '../stalls/stall-words.js';
import { fillBar } from './bars.js';
import { maintenanceOf } from './maintenance-row.js';
import {
  cutText,
  type Piece,
  piece,
  type TextLine,
  type Tint,
  textWidth,
  wrapText,
} from './text-line.js';

const LABEL_WIDTH = 12;
const BAR_WIDTH = 20;
const SEPARATOR = '   ';
/** A commit that no header tells of is due sooner, while the log is in use. */
const LONG_UNTOLD_NS = 1e9;

/** Which log, whose process, and all that is wrong with it, whole; then a blank line. */
export function head(
  look: Look,
  figures: Figures,
  troubles: readonly Trouble[],
  columns: number,
): TextLine[] {
  return [
    title(look, columns),
    ...process(look, figures, columns),
    ...troubles.flatMap((trouble) => troubleLines(trouble, columns)),
    [],
  ];
}

/** As many lines as it takes. */
function troubleLines({ severity, text, remedy }: Trouble, columns: number): TextLine[] {
  const tint = severity === 'error' ? 'red' : 'yellow';
  const mark = columns > 10 ? '! ' : '';
  return wrapText(printable(`${text}. ${remedy}.`), columns - mark.length).map((line, index) => [
    piece(`${index === 0 ? mark : ' '.repeat(mark.length)}${line}`, tint),
  ]);
}

const STANDING_TINTS = { well: 'green', warning: 'yellow', error: 'red' } as const;

function title(look: Look, columns: number): TextLine {
  const { directory } = look;
  const tint = STANDING_TINTS[standingOf(look)];
  const right = stateOf(look);
  const left = `flashstrike top  ${printable(directory)}`;
  const line = cutText(left, Math.max(0, columns - textWidth(right) - 2));
  const gap = ' '.repeat(Math.max(2, columns - textWidth(line) - textWidth(right)));
  return [piece(line, 'bold'), piece(gap), piece(right, tint)];
}

function process(
  { pid, uptimeNs, build }: Look,
  { seconds }: Figures,
  columns: number,
): TextLine[] {
  const interval = seconds === undefined ? 'since open' : `last ${formatDuration(seconds)}`;
  const parts = [
    `process ${pid}`,
    `up ${formatUptime(uptimeNs)}`,
    `flashstrike ${printable(build.version)}`,
    `node ${printable(build.node)}`,
    interval,
  ];
  return flow(
    [],
    parts.map((part) => piece(part, 'dim')),
    columns,
    0,
  );
}

/**
 * Parts beside each other, and below each other where there is no room for that. A part that is
 * wider than the screen is broken at its spaces.
 */
function flow(
  first: readonly Piece[],
  parts: readonly Piece[],
  columns: number,
  indent: number,
): TextLine[] {
  const lines: TextLine[] = [];
  const blank = piece(' '.repeat(indent));
  let line: Piece[] = [...first];
  let width = first.reduce((sum, { text }) => sum + textWidth(text), 0);
  let isEmpty = true;
  for (const { text, tint } of parts) {
    if (!isEmpty && width + SEPARATOR.length + textWidth(text) > columns) {
      lines.push(line);
      line = [blank];
      width = indent;
      isEmpty = true;
    }
    const [begin = '', ...more] = wrapText(text, Math.max(1, columns - indent));
    if (!isEmpty) line.push(piece(SEPARATOR));
    line.push(piece(begin, tint));
    width += (isEmpty ? 0 : SEPARATOR.length) + textWidth(begin);
    isEmpty = false;
    for (const each of more) {
      lines.push(line);
      line = [blank, piece(each, tint)];
      width = indent + textWidth(each);
    }
  }
  return [...lines, line];
}

/** Undefined: there is nothing to say. */
type Part = Piece | string | undefined;

/** No row where there are no parts. */
function row(label: string, parts: readonly Part[], columns: number): TextLine[] {
  const pieces = parts.flatMap((part) =>
    part === undefined ? [] : [typeof part === 'string' ? piece(part) : part],
  );
  if (pieces.length === 0) return [];
  return flow([piece(label.padEnd(LABEL_WIDTH), 'bold')], pieces, columns, LABEL_WIDTH);
}

/** What is so now. A log that does not run has no throughput. */
export function summary(look: Look, figures: Figures, columns: number): TextLine[] {
  return [
    ...(look.status === 'running' ? row('throughput', throughput(figures), columns) : []),
    ...row('appended', [lastEvent(look.appendedEventId)], columns),
    ...row('written', [lastEvent(look.writtenEventId), notWritten(look)], columns),
    ...row('durable', [lastEvent(look.durableEventId), notDurable(look)], columns),
    ...row('ring', ring(look), columns),
    ...row('last seen', hearts(look), columns),
    ...row('segments', segments(look), columns),
    ...row('maintenance', maintenanceOf(look, figures), columns),
    ...row('consumers', consumersOf(look), columns),
    ...row('replicated', replicationOf(look), columns),
  ];
}

/** What has been so since the log was opened. */
export function history(look: Look, columns: number): TextLine[] {
  return [
    ...row('commits', commits(look), columns),
    ...row('rotations', rotations(look), columns),
    ...row('stalls', stallsOf(look), columns),
    ...row('recovery', recoveryOf(look), columns),
  ];
}

/** Of the last hour; `flashstrike stalls` has all of each. */
function stallsOf({ stalls }: Look): Part[] {
  const last = stalls.at(-1);
  if (last === undefined) return [];
  const { durationMs, end, agoMs } = last;
  const took = formatNs(durationMs * NS_PER_MS);
  const when = end === 'lasts' ? 'now' : `${formatAge(agoMs * NS_PER_MS)} ago`;
  return [
    `${formatCount(stalls.length)} in the last hour`,
    `latest ${when}: ${took}, ${namedCause(last)}`,
  ];
}

function throughput(figures: Figures): Part[] {
  if (figures.seconds === undefined) return ['known at the next look'];
  const rate = (perSecond: number, what: string): string =>
    formatRate(perSecond).replace('/s', ` ${what}/s`);
  return [
    rate(figures.eventsPerSecond, 'events'),
    `${formatBytes(figures.bytesPerSecond)}/s`,
    rate(figures.blocksPerSecond, 'blocks'),
    rate(figures.syncsPerSecond, 'syncs'),
  ];
}

const lastEvent = (eventId: number): string =>
  eventId === 0 ? 'no event yet' : `event ${formatCount(eventId)}`;

function notWritten({ appendedEventId, writtenEventId, waitingBytes }: Look): Part {
  const events = appendedEventId - writtenEventId;
  if (events <= 0) return appendedEventId === 0 ? undefined : piece('all of them', 'dim');
  return `${formatEvents(events)} (${formatBytes(waitingBytes)}) in the ring alone`;
}

function notDurable({ appendedEventId, recorder, lasting, status }: Look): Part {
  const { durableLagEvents: events, durableLagBytes } = recorder.segmentWriter;
  if (events === 0) return appendedEventId === 0 ? undefined : piece('all of them', 'dim');
  // What nobody writes any more grows no older.
  const ageNs = status === 'running' ? lasting.durableLagNs : 0;
  const age = ageNs === 0 ? '' : ` for up to ${formatNs(ageNs)}`;
  return `${formatEvents(events)} (${formatBytes(durableLagBytes)}) behind${age}`;
}

function ring({ waitingBytes, ringBytes, recorder, lasting, status }: Look): Part[] {
  const { ringOccupancyBytesMax, ringStallOccupancyBytesMax, ringStall } = recorder.manager;
  const share = waitingBytes / ringBytes;
  const highest =
    Math.max(waitingBytes, ringOccupancyBytesMax, ringStallOccupancyBytesMax) / ringBytes;
  const { samples, totalNs } = ringStall;
  const nowNs = status === 'running' ? lasting.ringStallNs : 0;
  return [
    piece(fillBar(share, BAR_WIDTH), share > 0.75 ? 'red' : 'green'),
    `${formatShare(share)} of ${formatBytes(ringBytes)}, highest ${formatShare(highest)}`,
    nowNs === 0 ? undefined : piece(`an append waits, ${formatNs(nowNs)} by now`, 'red'),
    samples === 0
      ? undefined
      : piece(`${waits(samples)} for room since it opened, ${formatNs(totalNs)}`, 'yellow'),
  ];
}

const waits = (count: number): string => `${formatCount(count)} ${count === 1 ? 'wait' : 'waits'}`;

function segments({ status, recorder: { manager, segmentPreparer } }: Look): Part[] {
  const { getNextSegment, getNextSegmentReady: ready, preparedSegmentsLow } = segmentPreparer;
  const { getNextSegmentWaited: waited, getNextSegmentFailed: failed } = segmentPreparer;
  const { hurriedSegments } = segmentPreparer;
  const prepared = preparedAhead(segmentPreparer);
  const fewest =
    getNextSegment.samples === 0 ? '' : `, fewest so far ${formatCount(preparedSegmentsLow)}`;
  const counted = (count: number, what: string, tint: Tint): Part =>
    count === 0 ? undefined : piece(`${formatCount(count)} ${what}`, tint);
  return [
    `${formatCount(prepared)} prepared ahead${fewest}`,
    counted(ready, 'taken at once', 'plain'),
    counted(waited, 'waited for', 'yellow'),
    counted(failed, 'could not be made', 'red'),
    counted(hurriedSegments, 'not zeroed in time', 'yellow'),
    status === 'running' && manager.diskFreeBytes > 0
      ? `${formatBytes(manager.diskFreeBytes)} free`
      : undefined,
  ];
}

/** Nothing where there are none. The furthest behind stands for all; the command lists each. */
function consumersOf({ recorder, consumers: listed }: Look): Part[] {
  const { consumers } = recorder;
  const { activeConsumers, damagedConsumers, droppedConsumers } = consumers;
  const { consumerLagEvents, consumerLagBytes, consumerLagAge } = consumers;
  if (activeConsumers + droppedConsumers === 0) return [];
  const bytes = consumerLagBytes === 0 ? '' : `, ${formatBytes(consumerLagBytes)} of segments`;
  const age = consumerLagAge === 0 ? '' : `, ${formatNs(consumerLagAge)}`;
  const furthest = furthestBehind(listed);
  const name = furthest?.lag === undefined ? '' : ` (${printable(furthest.name)})`;
  return [
    formatCount(activeConsumers),
    consumerLagEvents === 0
      ? undefined
      : `${formatEvents(consumerLagEvents)} behind at most${name}${bytes}${age}`,
    damagedConsumers === 0
      ? undefined
      : piece(`${formatCount(damagedConsumers)} damaged: all events are kept`, 'red'),
    droppedConsumers === 0
      ? undefined
      : piece(`${formatCount(droppedConsumers)} dropped`, 'yellow'),
  ];
}

/** Nothing where this process feeds no stream. Of several the one furthest behind. */
function replicationOf({ recorder, lasting, state }: Look): Part[] {
  const { replication } = recorder;
  const { fedStreams, confirmedEventId, lagEvents, lagBytes, streamEpoch } = replication;
  const { acknowledge, acknowledgeHistogram, regressedEvents, fencedStreams } = replication;
  if (fedStreams + fencedStreams === 0) return [];
  const bytes = lagBytes === 0 ? '' : `, some ${formatBytes(lagBytes)}`;
  const age = lasting.replicationLagNs === 0 ? '' : `, ${formatNs(lasting.replicationLagNs)}`;
  const p99Ns = Math.min(acknowledgeHistogram.percentile(99), acknowledge.maxNs);
  return [
    lastEvent(confirmedEventId),
    lagEvents === 0 ? undefined : `${formatEvents(lagEvents)} behind${bytes}${age}`,
    acknowledge.samples === 0 ? undefined : `confirmed in ${formatNs(p99Ns)} (99 %)`,
    streamEpoch === 0 ? undefined : `epoch ${formatCount(streamEpoch)}`,
    lasting.engineWaitNs === 0
      ? undefined
      : piece(`the engine is waited for since ${formatNs(lasting.engineWaitNs)}`, 'yellow'),
    regressedEvents === 0
      ? undefined
      : piece(`${formatEvents(regressedEvents)} lost by the stream and sent again`, 'yellow'),
    state === 'fenced' ? piece('FENCED', 'red') : undefined,
  ];
}

/** Since the log was opened. The sum of all commits is exact, a percentile a cell's edge. */
function commits({ recorder: { segmentWriter }, lasting, status }: Look): Part[] {
  const { groupCommitHistogram: group, writeWatermark } = segmentWriter;
  const untoldNs = status === 'running' ? lasting.unwatermarkedNs : 0;
  const { samples: watermarks } = writeWatermark;
  const mean = formatEvents(Math.round(group.total / group.count));
  const isSpread = group.cells.length > 1;
  return [
    group.count === 0
      ? undefined
      : group.count === 1
        ? `1 of ${mean}`
        : `${formatCount(group.count)} of ${mean} on average`,
    isSpread ? `99 % at most ${formatCount(group.percentile(99))}` : undefined,
    watermarks === 0
      ? undefined
      : `${formatCount(watermarks)} ${watermarks === 1 ? 'watermark' : 'watermarks'}`,
    untoldNs < LONG_UNTOLD_NS
      ? undefined
      : piece(`the last one has had no watermark for ${formatNs(untoldNs)}`, 'yellow'),
  ];
}

/** The mean rotation, and its longest step; a table below has all of them. */
function rotations({ recorder: { manager, segmentWriter } }: Look): Part[] {
  const { samples, avgNs } = manager.segmentRotation;
  if (samples === 0) return [];
  const { rotateSeal, rotateSync, rotateHeader, rotateRename, rotateDirectorySync } = segmentWriter;
  const steps = [
    ['the seal', rotateSeal.avgNs],
    ['the sync', rotateSync.avgNs],
    ['the header', rotateHeader.avgNs],
    ['the rename', rotateRename.avgNs],
    ['the sync of the folder', rotateDirectorySync.avgNs],
  ] as const;
  const [name, stepNs] = steps.reduce((most, each) => (each[1] > most[1] ? each : most));
  return [
    samples === 1
      ? `1 of ${formatNs(avgNs)}`
      : `${formatCount(samples)} of ${formatNs(avgNs)} on average`,
    `longest step: ${name}, ${formatNs(stepNs)}`,
  ];
}

/**
 * Whose heart stands still, beside those that beat: nothing where all are well, and where none
 * beats, as those of a process that is stopped or a log that has failed.
 */
function hearts(look: Look): Part[] {
  const stale = HEART_NAMES.filter((heart) => isStale(look, heart));
  if (stale.length === 0 || stoppedNs(look) > 0 || look.state === 'failed') return [];
  const others = HEART_NAMES.filter((heart) => !stale.includes(heart));
  const ages = others.map((heart) => look.threads[heart].ageNs ?? 0);
  return [
    ...stale.map((heart) =>
      piece(
        `${heart} ${formatAge(look.threads[heart].ageNs ?? 0)} ago${elsewhere(look, heart)}`,
        'red',
      ),
    ),
    others.length === 0 ? undefined : `the others ${formatAge(Math.max(...ages))} ago at most`,
  ];
}

const elsewhere = (look: Look, heart: (typeof HEART_NAMES)[number]): string =>
  look.threads[heart].elsewhere === undefined ? '' : ', at another log';

function recoveryOf(look: Look): Part[] {
  const verdict = recoveryVerdict(look);
  return verdict === undefined ? [] : [piece(verdict.text, verdict.isTorn ? 'yellow' : 'dim')];
}
