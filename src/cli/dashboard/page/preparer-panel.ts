// The wait for prepared segments, which the founding document is about: how calls of
// getNextSegment ended and how long they took, how many segments are ready, and where preparing one
// spends its time.

import type uPlot from 'uplot';
import { formatNs, formatShare } from '../../diagnosis/quantity.js';
import { formatBytes, formatCount } from '../../quantities.js';
import { STAGES } from '../bucket.js';
import type { DurationNow, PreparerNow } from '../wire.js';
import { byId, type Fact, Facts, Keyed, make, setAttribute, setClass, setText } from './dom.js';
import { clipped, heatChart } from './heat-chart.js';
import type { Window } from './model.js';
import type { Moments } from './moments.js';
import { colour } from './palette.js';
import { TimeChart } from './time-chart.js';
import { NOTHING, nsOrNothing } from './words.js';

/** A wait that lasts longer is worth a word; a thread needs some of it to wake up. */
const WAITS_NS = 1e6;
const LONG_NS = 100e6;
const STRIP_HEIGHT = 7;

interface StageRow {
  readonly name: string;
  readonly share: number;
  readonly times?: DurationNow;
}

export class PreparerPanel {
  readonly #chart: TimeChart;
  readonly #outcomes = new Facts(byId('outcomes', HTMLElement));
  readonly #times = new Facts(byId('next-times', HTMLElement));
  readonly #queue = byId('queue', HTMLElement);
  readonly #stages: Keyed<StageRow, HTMLTableRowElement>;

  constructor(moments: Moments) {
    const kind = heatChart('next', 'getNextSegment', '', { height: 214, drawMore: drawOutcomes });
    this.#chart = new TimeChart(byId('next-chart', HTMLElement), kind, moments);
    const body = byId('stages', HTMLTableElement).tBodies[0] as HTMLTableSectionElement;
    this.#stages = new Keyed(body, makeStage, updateStage);
  }

  show(preparer: PreparerNow): void {
    this.#showWait(preparer);
    this.#showQueue(preparer);
    this.#outcomes.show(outcomesOf(preparer));
    const { getNextSegment: calls } = preparer;
    const mean = calls.samples === 0 ? 0 : calls.totalNs / calls.samples;
    this.#times.show([
      { name: 'calls', value: formatCount(calls.samples) },
      { name: 'shortest', value: nsOrNothing(calls.minNs, calls.samples) },
      { name: 'mean', value: nsOrNothing(mean, calls.samples) },
      { name: 'p99', value: nsOrNothing(preparer.p99Ns, calls.samples) },
      { name: 'longest', value: nsOrNothing(calls.maxNs, calls.samples) },
    ]);
    this.#stages.show(stagesOf(preparer), ({ name }) => name);
    const zeroed = `${formatBytes(preparer.zeroedBytes)} of zeros written ahead`;
    setText(byId('zeroed', HTMLElement), zeroed);
  }

  showWindow(window: Window): void {
    this.#chart.show(window);
  }

  redraw(): void {
    this.#chart.redraw();
  }

  #showWait({ waitingNs, recentMaxNs, getNextSegment: { samples, maxNs } }: PreparerNow): void {
    const isWaiting = waitingNs > WAITS_NS;
    const [ns, note] = isWaiting
      ? [waitingNs, 'the writer waits for a segment now']
      : recentMaxNs > 0
        ? [recentMaxNs, 'longest wait of the last seconds']
        : [maxNs, 'longest wait since the log was opened'];
    const isLong = ns > LONG_NS && (isWaiting || recentMaxNs > 0);
    const tone = isLong ? 'wait error' : isWaiting ? 'wait warning' : 'wait';
    setClass(byId('wait', HTMLElement).parentElement as Element, tone);
    setText(byId('wait', HTMLElement), samples === 0 && !isWaiting ? NOTHING : formatNs(ns));
    setText(
      byId('wait-note', HTMLElement),
      samples === 0 && !isWaiting ? 'no segment was asked for yet' : note,
    );
  }

  #showQueue({ ahead, aheadLimit, aheadLow }: PreparerNow): void {
    const places = Math.min(8, Math.max(ahead, aheadLimit));
    const slots = Array.from({ length: places }, (_none, index) =>
      make('i', index < ahead ? 'full' : ''),
    );
    const low = aheadLow === undefined ? '' : `, fewest found ${formatCount(aheadLow)}`;
    const text = `${formatCount(ahead)} of ${formatCount(aheadLimit)} ready${low}`;
    if (this.#queue.dataset['text'] === text) return;
    this.#queue.dataset['text'] = text;
    const picture = make('span', 'slots', ...slots);
    setAttribute(picture, 'aria-hidden', 'true');
    this.#queue.replaceChildren(picture, make('span', '', text));
  }
}

const outcomesOf = ({
  ready,
  waited,
  failed,
  prepared,
  hurried,
  recycled,
}: PreparerNow): Fact[] => [
  { name: 'ready', value: formatCount(ready), note: 'taken at once' },
  {
    name: 'waited',
    value: formatCount(waited),
    note: 'the writer stood still',
    tone: waited > 0 ? 'warning' : '',
  },
  {
    name: 'failed',
    value: formatCount(failed),
    note: 'an error instead',
    tone: failed > 0 ? 'error' : '',
  },
  {
    name: 'prepared',
    value: formatCount(prepared),
    note: [
      hurried > 0 ? `${formatCount(hurried)} hurried` : '',
      recycled > 0 ? `${formatCount(recycled)} recycled` : '',
    ]
      .filter((text) => text !== '')
      .join(', '),
  },
];

const STAGE_NAMES = {
  create: 'create the file',
  allocate: 'allocate blocks',
  zero: 'write zeros',
  sync: 'sync zeros',
} as const;

function stagesOf({ stages, prepare }: PreparerNow): StageRow[] {
  const shareOf = (ns: number): number => (prepare.totalNs === 0 ? 0 : ns / prepare.totalNs);
  const rows = STAGES.map((stage) => ({
    name: STAGE_NAMES[stage],
    share: shareOf(stages[stage].totalNs),
    times: stages[stage],
  }));
  const worked = rows.reduce((sum, { share }) => sum + share, 0);
  return [
    ...rows,
    { name: 'pause for commits', share: prepare.samples === 0 ? 0 : Math.max(0, 1 - worked) },
    { name: 'whole segment', share: -1, times: prepare },
  ];
}

function makeStage(): HTMLTableRowElement {
  const name = make('th');
  name.scope = 'row';
  name.append(make('span'), make('i'));
  return make('tr', '', name, make('td'), make('td'), make('td'), make('td'));
}

function updateStage(row: HTMLTableRowElement, { name, share, times }: StageRow): void {
  const [nameCell, shareCell, number, mean, longest] = row.cells;
  setText(nameCell?.firstElementChild as Node, name);
  setClass(row, share < 0 ? 'whole' : '');
  const bar = nameCell?.lastElementChild as HTMLElement;
  bar.style.setProperty('--share', String(Math.max(0, share)));
  setText(shareCell as Node, share < 0 ? '' : formatShare(share));
  const samples = times?.samples ?? 0;
  setText(number as Node, times === undefined ? '' : formatCount(samples));
  setText(mean as Node, times === undefined ? '' : nsOrNothing(times.totalNs / samples, samples));
  setText(longest as Node, times === undefined ? '' : nsOrNothing(times.maxNs, samples));
}

/** Below the times: a tick for each second with calls, in the colour of the worst of them. */
function drawOutcomes(chart: uPlot, { buckets, stepSeconds }: Window): void {
  const { ctx, bbox } = chart;
  const bottom = bbox.top + bbox.height;
  const height = STRIP_HEIGHT * devicePixelRatio;
  clipped(chart, () => {
    for (const { at, ready, waited, failed, waitingNs } of buckets) {
      const left = Math.round(chart.valToPos(at, 'x', true));
      const width = Math.max(1, Math.round(chart.valToPos(at + stepSeconds, 'x', true)) - left);
      if (waitingNs > WAITS_NS) {
        const top = chart.valToPos(waitingNs, 'y', true);
        ctx.globalAlpha = 0.35;
        ctx.fillStyle = colour(waitingNs > LONG_NS ? 'error' : 'warning');
        ctx.fillRect(left, top, width, bottom - top);
        ctx.globalAlpha = 1;
      }
      if (ready + waited + failed === 0) continue;
      ctx.fillStyle = colour(failed > 0 ? 'error' : waited > 0 ? 'warning' : 'quiet');
      ctx.fillRect(left, bottom - height, width, height);
    }
  });
}
