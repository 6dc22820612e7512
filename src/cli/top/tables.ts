// How long things take, as tables.

import type { DurationReading } from '../../telemetry.js';
import type { Figures, LatencyFigures, Since } from '../diagnosis/figures.js';
import { elsewhereOf, isStuck } from '../diagnosis/hearts.js';
import type { Look } from '../diagnosis/look.js';
import { formatNs } from '../diagnosis/quantity.js';
import { formatCount, formatRate } from '../quantities.js';
import { LogAxis } from './bars.js';
import { type RankedColumn, rankedTable } from './ranked-table.js';
import { piece, type TextLine, type Tint, wrapText } from './text-line.js';

const NAME_WIDTH = 13;
const RATE_WIDTH = 9;
const TIME_WIDTH = 8;
const AXIS_GAP = 2;

/** A column of times, and how dear it is: on a narrow screen the highest rank goes first. */
interface TimeColumn {
  readonly title: string;
  readonly rank: number;
  readonly of: (latency: LatencyFigures) => string;
}

const percentileColumn = (percent: number, rank: number): TimeColumn => ({
  title: `p${percent}`,
  rank,
  of: ({ histogram, percentile }) => (histogram.count === 0 ? '-' : formatNs(percentile(percent))),
});

/** What lasts still is longer than what it says, and stands beside nothing shorter. */
const longestOf = (ns: number, { histogram, lastingNs }: LatencyFigures): string =>
  lastingNs > ns
    ? `>${formatNs(lastingNs)}`
    : histogram.count === 0 && ns === 0
      ? '-'
      : formatNs(ns);

const COLUMNS: readonly TimeColumn[] = [
  percentileColumn(50, 2),
  percentileColumn(99, 1),
  percentileColumn(99.9, 4),
  { title: 'max', rank: 0, of: (latency) => longestOf(latency.longestNs, latency) },
  { title: 'worst', rank: 3, of: (latency) => longestOf(latency.worstNs, latency) },
];

/** As many columns as there is room for; those that are dearest. */
function columnsWithin(columns: number): readonly TimeColumn[] {
  const room = Math.floor((columns - NAME_WIDTH - RATE_WIDTH) / TIME_WIDTH);
  return COLUMNS.filter(({ rank }) => rank < room);
}

/** What was never timed and does not last now has no row. */
export function latencyTable(
  figures: Figures,
  look: Look,
  columns: number,
  since: Since,
): TextLine[] {
  const latencies = figures.latencies.filter(
    ({ histogram, worstNs, lastingNs }) => histogram.count > 0 || worstNs > 0 || lastingNs > 0,
  );
  if (latencies.length === 0) return [];
  const shown = columnsWithin(columns);
  const axisWidth = columns - NAME_WIDTH - RATE_WIDTH - shown.length * TIME_WIDTH - AXIS_GAP;
  const axis = shown.length < COLUMNS.length ? undefined : LogAxis.within(axisWidth);
  const isOfInterval = since === 'interval' && figures.seconds !== undefined;
  const head =
    (isOfInterval ? 'latency' : 'since open').padEnd(NAME_WIDTH) +
    'timed'.padStart(RATE_WIDTH) +
    shown.map(({ title }) => title.padStart(TIME_WIDTH)).join('');
  return [
    [piece(`${head}  ${axis?.labels ?? ''}`.trimEnd(), 'bold')],
    ...underWay(look, columns),
    ...latencies.map((latency) => latencyRow(latency, shown, axis, isOfInterval)),
    ...legend(look, isOfInterval, shown, columns),
  ];
}

function latencyRow(
  latency: LatencyFigures,
  shown: readonly TimeColumn[],
  axis: LogAxis | undefined,
  isTableOfInterval: boolean,
): TextLine {
  const { name, perSecond, histogram, isOfInterval } = latency;
  const timed = isTableOfInterval ? formatRate(perSecond) : formatTotal(histogram.count);
  const text =
    name.padEnd(NAME_WIDTH) +
    timed.padStart(RATE_WIDTH) +
    shown.map(({ of }) => of(latency).padStart(TIME_WIDTH)).join('');
  // What is older than the interval is set back.
  const tint: Tint = isTableOfInterval && !isOfInterval ? 'dim' : 'plain';
  return [piece(text, tint), piece(`  ${axis?.row(histogram) ?? ''}`.trimEnd(), tint)];
}

/** A call of the writer has no row before it returns, and nothing tells which one it is. */
function underWay(look: Look, columns: number): TextLine[] {
  if (!isStuck(look)) return [];
  const age = formatNs(look.threads.writer.ageNs ?? 0);
  const where =
    elsewhereOf(look, 'writer') === undefined ? 'in a call' : 'in a call of another log';
  const text = `the writer is ${where}, for ${age} by now: it is in no row yet`;
  return wrapText(text, columns).map((line) => [piece(line, 'yellow')]);
}

/** What the columns mean, and which of them have no room. */
function legend(
  { recorder: { manager } }: Look,
  isOfInterval: boolean,
  shown: readonly TimeColumn[],
  columns: number,
): TextLine[] {
  const sampling = manager.appendSampling;
  const missing = COLUMNS.filter((column) => !shown.includes(column)).map(({ title }) => title);
  const sentences = [
    ...(sampling > 1 ? [`append: 1 call in ${sampling} is timed, and each that waits.`] : []),
    ...(isOfInterval ? ['worst: since it opened.'] : []),
    ...(missing.length > 0 ? [`${missing.join(', ')}: a wider terminal, or --json.`] : []),
  ];
  return wrapText(sentences.join(' '), columns).map((line) => [piece(line, 'dim')]);
}

/** At most eight characters: `12,345`, `1.23 M`. */
const formatTotal = (count: number): string =>
  count < 1e6 ? formatCount(count) : formatRate(count).replace('/s', '');

/** Where the time of the threads goes, for a screen with more than 24 rows. */
export function workTable({ recorder, recovery }: Look, columns: number): TextLine[] {
  const { manager, segmentWriter, segmentPreparer, segmentMaintainer, metaStore } = recorder;
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
    ['verify a segment', segmentMaintainer.verification],
    ['compress a segment', segmentMaintainer.maintenanceCompression],
    ['remove a segment', segmentMaintainer.maintenanceRetention],
    ['  unlink, if cold', segmentMaintainer.maintenanceDeletion],
    ['first segment', manager.initActiveSegment],
    ['find the end', segmentWriter.openExistingSegment],
    ['  judge it', recovery.manager.judgeTail],
    ['  rewrite before it', recovery.manager.rewritePrefix],
  ];
  const timed = works.filter(([, { samples }]) => samples > 0);
  return [[], ...rankedTable('since open', WORK_COLUMNS, timed, columns)];
}

/** The shortest goes first where there is no room, then the sum. */
const WORK_COLUMNS: readonly RankedColumn<DurationReading>[] = [
  { title: 'times', rank: 0, of: ({ samples }) => formatTotal(samples) },
  { title: 'mean', rank: 1, of: ({ avgNs }) => formatNs(avgNs) },
  { title: 'min', rank: 4, of: ({ minNs }) => formatNs(minNs) },
  { title: 'max', rank: 2, of: ({ maxNs }) => formatNs(maxNs) },
  { title: 'total', rank: 3, of: ({ totalNs }) => formatNs(totalNs) },
];
