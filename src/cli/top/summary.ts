// What a log is and does right now, a row each. The order is that of an event's way.

import { printable } from '../../errors.js';
import { NS_PER_MS, NS_PER_SECOND } from '../../units.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatEvents,
  formatRate,
} from '../quantities.js';
import { fillBar } from './bars.js';
import { isStale, THREADS, type Trouble } from './diagnosis.js';
import type { Figures } from './figures.js';
import type { Look } from './look.js';
import { formatAge, formatNs, formatShare } from './quantity.js';
import {
  NO_PAINT,
  type Piece,
  paintLine,
  piece,
  type TextLine,
  type Tint,
  textWidth,
} from './text-line.js';

const LABEL_WIDTH = 12;
const BAR_WIDTH = 20;

/** Which log, whose process, and the worst that is wrong with it: three lines. */
export function head(
  look: Look,
  figures: Figures,
  worst: Trouble | undefined,
  columns: number,
): TextLine[] {
  return [
    title(look, columns),
    process(look, figures),
    worst === undefined ? [] : troubleLine(worst),
  ];
}

export const troubleLine = ({ severity, text }: Trouble): TextLine => [
  piece(`! ${printable(text)}`, severity === 'error' ? 'red' : 'yellow'),
];

function title({ directory, status, state }: Look, columns: number): TextLine {
  const isWell = status === 'running' && state === 'open';
  const tint: Tint = isWell ? 'green' : status === 'dead' || state === 'failed' ? 'red' : 'yellow';
  const right = `${status}, ${state}`;
  const left = `flashstrike top  ${printable(directory)}`;
  const room = Math.max(0, columns - textWidth(right) - 2);
  const line = paintLine([piece(left)], room, NO_PAINT);
  const gap = ' '.repeat(Math.max(2, columns - textWidth(line) - textWidth(right)));
  return [piece(line, 'bold'), piece(gap), piece(right, tint)];
}

function process({ pid, uptimeNs, build }: Look, { seconds }: Figures): TextLine {
  const interval = seconds === undefined ? 'since it opened' : `last ${formatDuration(seconds)}`;
  return [
    piece(
      `process ${pid}   up ${uptime(uptimeNs)}   flashstrike ${printable(build.version)}` +
        `   node ${printable(build.node)}   ${interval}`,
      'dim',
    ),
  ];
}

/** `4 s`, `12 min 3 s`, `5 h 12 min`, `3 d 4 h` */
function uptime(ns: number): string {
  const seconds = Math.floor(ns / NS_PER_SECOND);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${seconds} s`;
  if (hours < 1) return `${minutes} min ${seconds % 60} s`;
  return hours < 24
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const row = (label: string, ...pieces: readonly (Piece | string)[]): TextLine => [
  piece(label.padEnd(LABEL_WIDTH), 'bold'),
  ...pieces.map((each) => (typeof each === 'string' ? piece(each) : each)),
];

export function summary(look: Look, figures: Figures): TextLine[] {
  return [
    row('throughput', throughput(figures)),
    row('events', events(look)),
    row('behind', behind(look)),
    row('commits', commits(look)),
    ringRow(look),
    segmentsRow(look),
    row('rotations', rotations(look)),
    row('threads', ...threads(look)),
    row('recovery', ...recoveryOf(look)),
  ];
}

/** What a panel has room for. A log that does not run has no throughput. */
export function shortSummary(look: Look, figures: Figures): TextLine[] {
  return [
    ...(look.status === 'running' ? [row('throughput', throughput(figures))] : []),
    row('events', events(look)),
    row('behind', behind(look)),
    ringRow(look),
    segmentsRow(look),
  ];
}

function throughput(figures: Figures): string {
  const bytes = Number.isFinite(figures.bytesPerSecond)
    ? `${formatBytes(figures.bytesPerSecond)}/s`
    : '-';
  return (
    `${formatRate(figures.eventsPerSecond)} events   ${bytes}   ` +
    `${formatRate(figures.blocksPerSecond)} blocks   ${formatRate(figures.syncsPerSecond)} syncs`
  );
}

const events = ({ appendedEventId, writtenEventId, durableEventId }: Look): string =>
  `appended up to ${formatCount(appendedEventId)}, written ${formatCount(writtenEventId)}, ` +
  `durable ${formatCount(durableEventId)}`;

function behind({ recorder: { segmentWriter } }: Look): string {
  const { durableLagEvents, durableLagBytes, durableLagAge } = segmentWriter;
  return durableLagEvents === 0
    ? 'nothing: every event that was appended is durable'
    : `${formatEvents(durableLagEvents)}, ${formatBytes(durableLagBytes)} not durable, ` +
        `the oldest for ${formatNs(durableLagAge)}`;
}

function commits({ recorder: { segmentWriter } }: Look): string {
  const { groupCommitHistogram: group, unwatermarkedAge, writeWatermark } = segmentWriter;
  const events =
    group.count === 0
      ? 'none'
      : `events p50 ${formatCount(group.percentile(50))}, p99 ${formatCount(group.percentile(99))}`;
  const age = unwatermarkedAge === 0 ? '' : `, last one due for ${formatNs(unwatermarkedAge)}`;
  return `${events}   watermarks ${formatCount(writeWatermark.samples)}${age}`;
}

function ringRow({ waitingBytes, ringBytes, recorder: { manager } }: Look): TextLine {
  const share = waitingBytes / ringBytes;
  const { ringOccupancyBytesMax, ringStallOccupancyBytesMax } = manager;
  const most =
    Math.max(waitingBytes, ringOccupancyBytesMax, ringStallOccupancyBytesMax) / ringBytes;
  const { samples, totalNs } = manager.ringStall;
  const stalls =
    samples === 0 ? 'no stalls' : `stalls ${formatCount(samples)}, ${formatNs(totalNs)}`;
  return row(
    'ring',
    piece(fillBar(share, BAR_WIDTH), share > 0.75 ? 'red' : 'green'),
    ` ${formatShare(share)} of ${formatBytes(ringBytes)}, most ${formatShare(most)}   `,
    piece(stalls, samples === 0 ? 'plain' : 'yellow'),
  );
}

function segmentsRow({ recorder: { segmentPreparer } }: Look): TextLine {
  const ready = segmentPreparer.getNextSegmentReady;
  const waited = segmentPreparer.getNextSegmentWaited;
  const failed = segmentPreparer.getNextSegmentFailed;
  const { preparedSegments, hurriedSegments, preparedSegmentsLow } = segmentPreparer;
  const prepared = Math.max(0, preparedSegments - ready - waited);
  const counted = (name: string, count: number, bad: Tint): Piece =>
    piece(`   ${name} ${formatCount(count)}`, count === 0 ? 'plain' : bad);
  return row(
    'segments',
    `${prepared} prepared, lowest ${preparedSegmentsLow}`,
    counted('ready', ready, 'plain'),
    counted('waited', waited, 'yellow'),
    counted('failed', failed, 'red'),
    counted('hurried', hurriedSegments, 'yellow'),
  );
}

/** The mean rotation, and its five steps in ms. */
function rotations({ recorder: { manager, segmentWriter } }: Look): string {
  const { samples, avgNs } = manager.segmentRotation;
  if (samples === 0) return 'none yet';
  const { rotateSeal, rotateSync, rotateHeader, rotateRename, rotateDirectorySync } = segmentWriter;
  const steps = [
    ['seal', rotateSeal],
    ['sync', rotateSync],
    ['header', rotateHeader],
    ['name', rotateRename],
    ['dir', rotateDirectorySync],
  ] as const;
  const parts = steps.map(([name, { avgNs: ns }]) => `${name} ${(ns / NS_PER_MS).toFixed(1)}`);
  return `${formatCount(samples)} of ${formatNs(avgNs)}: ${parts.join(' ')}`;
}

function threads(look: Look): Piece[] {
  return THREADS.map((name, index) => {
    const { ageNs } = look.threads[name];
    const age = ageNs === undefined ? 'not started' : `${formatAge(ageNs)} ago`;
    const separator = index === 0 ? '' : ', ';
    return piece(`${separator}${name} ${age}`, isStale(look, name) ? 'red' : 'plain');
  });
}

/**
 * The verdict: the log was new, clean, or had a torn tail; then, and only then, a check is counted.
 */
function recoveryOf({ recorder: { segmentWriter }, recovery }: Look): Piece[] {
  const { samples, totalNs } = segmentWriter.openExistingSegment;
  if (samples === 0) return [piece('none: the log was new')];
  const rewritten = recovery.manager.rewrittenBytes;
  const isTorn =
    segmentWriter.totalHeaderChecksumFailures +
      segmentWriter.totalBlockChecksumFailures +
      segmentWriter.totalChainedChecksumFailures +
      segmentWriter.totalValidationFailures >
    0;
  const rewrite = rewritten === 0 ? '' : `, ${formatBytes(rewritten)} written again`;
  return [
    isTorn ? piece('torn tail, set aside', 'yellow') : piece('clean'),
    piece(`: end found in ${formatNs(totalNs)}${rewrite}`),
  ];
}
