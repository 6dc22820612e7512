// How long things take, as tables.

import type { DurationReading } from '../../telemetry.js';
import { formatCount, formatRate } from '../quantities.js';
import { LogAxis } from './bars.js';
import type { Figures, LatencyFigures, Since } from './figures.js';
import type { Look } from './look.js';
import { formatNs } from './quantity.js';
import { piece, type TextLine, type Tint } from './text-line.js';

const NAME_WIDTH = 13;
const RATE_WIDTH = 9;
const TIME_WIDTH = 8;
const TIMES = ['p50', 'p99', 'p99.9', 'max', 'worst'];
const TABLE_WIDTH = NAME_WIDTH + RATE_WIDTH + TIMES.length * TIME_WIDTH;

export function latencyTable(
  figures: Figures,
  look: Look,
  columns: number,
  since: Since,
): TextLine[] {
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
export function workTable({
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
  const head = ['times', 'mean', 'min', 'max', 'total'].map((each) => each.padStart(10)).join('');
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
