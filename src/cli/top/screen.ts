// One screen of `top`: from two looks at a log to lines of text. Fits 80 columns and 24 rows, and
// shows more where there is more room. Pure: no clock, no terminal.

import { printable } from '../../errors.js';
import type { DurationReading } from '../../telemetry.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatEvents,
  formatRate,
} from '../quantities.js';
import { fillBar, LogAxis } from './bars.js';
import { diagnose, isStale, THREADS, type Trouble } from './diagnosis.js';
import { type Figures, figuresOf, type LatencyFigures, type Since } from './figures.js';
import type { Look } from './look.js';
import { formatAge, formatNs, formatShare } from './quantity.js';
import {
  NO_PAINT,
  type Painters,
  type Piece,
  paintLine,
  piece,
  type TextLine,
  type Tint,
  textWidth,
} from './text-line.js';

export interface ScreenOptions {
  readonly columns: number;
  /** Infinity: everything there is. */
  readonly rows: number;
  readonly painters?: Painters;
  readonly since?: Since;
  /** Why there is no new opening to look at, while the last one is gone. */
  readonly reason?: string | undefined;
  /** What the keys do; the last row. */
  readonly footer?: string;
}

const LABEL_WIDTH = 12;
const BAR_WIDTH = 20;
const NAME_WIDTH = 13;
const RATE_WIDTH = 9;
const TIME_WIDTH = 8;
const TIMES = ['p50', 'p99', 'p99.9', 'max', 'worst'];
const TABLE_WIDTH = NAME_WIDTH + RATE_WIDTH + TIMES.length * TIME_WIDTH;

/** At most `rows` lines, none wider than `columns`. */
export function renderScreen(
  before: Look | undefined,
  now: Look,
  { columns, rows, painters = NO_PAINT, since = 'interval', reason, footer }: ScreenOptions,
): string[] {
  const figures = figuresOf(before, now, since);
  const troubles = diagnose(now, figures, reason);
  const [worst, ...others] = troubles;
  const body: TextLine[] = [
    title(now, columns),
    process(now, figures),
    worst === undefined ? [] : troubleLine(worst),
    ...summary(now, figures),
    [],
    ...latencyTable(figures, now, columns, since),
  ];
  const footerRows = footer === undefined ? 0 : 2;
  const lines = [...body, ...others.map(troubleLine)];
  const work = workTable(now);
  // Half a table would leave out what nobody knows of: then rather none.
  if (lines.length + work.length + footerRows <= rows) lines.push(...work);
  const painted = lines.slice(0, rows).map((line) => paintLine(line, columns, painters));
  if (footer === undefined || !(rows > body.length)) return painted;
  const shown = painted.slice(0, rows - 1);
  while (shown.length < rows - 1) shown.push('');
  return [...shown, paintLine([piece(footer, 'dim')], columns, painters)];
}

const troubleLine = ({ severity, text }: Trouble): TextLine => [
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
  const seconds = Math.floor(ns / 1e9);
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

function summary(look: Look, figures: Figures): TextLine[] {
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

function throughput(figures: Figures): string {
  const bytes = Number.isFinite(figures.bytesPerSecond)
    ? `${formatBytes(figures.bytesPerSecond)}/s`
    : '-';
  return (
    `${formatRate(figures.eventsPerSecond)} events   ${bytes}   ` +
    `${formatRate(figures.blocksPerSecond)} blocks   ${formatRate(figures.syncsPerSecond)} syncs`
  );
}

const events = ({ writtenEventId, durableEventId }: Look): string =>
  `written up to ${formatCount(writtenEventId)}, durable up to ${formatCount(durableEventId)}`;

function behind({ recorder: { segmentWriter } }: Look): string {
  const { durableLagEvents, unsyncedAge } = segmentWriter;
  return durableLagEvents === 0
    ? 'nothing: all that is written is durable'
    : `${formatEvents(durableLagEvents)} written and not durable, the oldest for ${formatNs(unsyncedAge)}`;
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
    samples === 0 ? 'no stall' : `stalls ${formatCount(samples)}, ${formatNs(totalNs)}`;
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
  const parts = steps.map(([name, { avgNs: ns }]) => `${name} ${(ns / 1e6).toFixed(1)}`);
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

/** The verdict: the log was new, clean, or had a torn tail; then, and only then, a check is counted. */
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

function latencyTable(figures: Figures, look: Look, columns: number, since: Since): TextLine[] {
  const axis = new LogAxis(columns - TABLE_WIDTH - 2);
  const isOfInterval = since === 'interval' && figures.seconds !== undefined;
  const head =
    (isOfInterval ? 'latency' : 'since open').padEnd(NAME_WIDTH) +
    'timed'.padStart(RATE_WIDTH) +
    TIMES.map((each) => each.padStart(TIME_WIDTH)).join('');
  return [
    [piece(`${head}  ${axis.labels}`.trimEnd(), 'bold')],
    ...figures.latencies.map((latency) => latencyRow(latency, look, axis, isOfInterval)),
  ];
}

function latencyRow(
  { name, perSecond, histogram, isOfInterval, maxNs }: LatencyFigures,
  { recorder: { manager } }: Look,
  axis: LogAxis,
  isTableOfInterval: boolean,
): TextLine {
  const sampling = manager.appendSampling;
  const label = name === 'append' && sampling > 1 ? `append 1/${sampling}` : name;
  const { count } = histogram;
  const timed = isTableOfInterval ? formatRate(perSecond) : formatTotal(count);
  const time = (ns: number): string => (count === 0 ? '-' : formatNs(ns)).padStart(TIME_WIDTH);
  // The exact maximum is known since the opening only; a cell's end may lie beyond it.
  const atMost = (percent: number): string => time(Math.min(maxNs, histogram.percentile(percent)));
  const text =
    label.padEnd(NAME_WIDTH) +
    timed.padStart(RATE_WIDTH) +
    atMost(50) +
    atMost(99) +
    atMost(99.9) +
    atMost(100) +
    time(maxNs);
  // What is older than the interval is set back.
  const tint: Tint = isTableOfInterval && !isOfInterval ? 'dim' : 'plain';
  return [piece(text, tint), piece(`  ${axis.row(histogram)}`.trimEnd(), tint)];
}

/** At most eight characters: `12,345`, `1.23 M`. */
const formatTotal = (count: number): string =>
  count < 1e6 ? formatCount(count) : formatRate(count).replace('/s', '');

/** Where the time of the threads goes, for a screen with more than 24 rows. */
function workTable({
  recorder: { manager, segmentWriter, segmentPreparer, metaStore },
  recovery,
}: Look): TextLine[] {
  const works: readonly (readonly [string, DurationReading])[] = [
    ['plan a block', manager.workPlanning],
    ['prepare a segment', segmentPreparer.prepareSegment],
    ['  create', segmentPreparer.prepareCreate],
    ['  allocate', segmentPreparer.prepareAllocate],
    ['  zero a chunk', segmentPreparer.prepareZero],
    ['  sync a chunk', segmentPreparer.prepareSync],
    ['rotate', manager.segmentRotation],
    ['  seal', segmentWriter.rotateSeal],
    ['  sync', segmentWriter.rotateSync],
    ['  header', segmentWriter.rotateHeader],
    ['  rename', segmentWriter.rotateRename],
    ['  sync folder', segmentWriter.rotateDirectorySync],
    ['flush wal.meta', metaStore.maintenanceMetaFlush],
    ['first segment', manager.initActiveSegment],
    ['find the end', segmentWriter.openExistingSegment],
    ['  judge it', recovery.manager.judgeTail],
    ['  rewrite before it', recovery.manager.rewritePrefix],
  ];
  const head = ['times', 'mean', 'min', 'max', 'in all'].map((each) => each.padStart(10)).join('');
  return [
    [],
    [piece(`${'since open'.padEnd(20)}${head}`, 'bold')],
    ...works.map(([name, { samples, avgNs, minNs, maxNs, totalNs }]): TextLine => {
      const times = [avgNs, minNs, maxNs, totalNs].map((ns) =>
        samples === 0 ? '-' : formatNs(ns),
      );
      const cells = [formatTotal(samples), ...times].map((cell) => cell.padStart(10)).join('');
      return [piece(`${name.padEnd(20)}${cells}`)];
    }),
  ];
}
