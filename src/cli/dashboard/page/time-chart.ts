// What all charts over time have in common: a title with figures, axes, the moment that is pointed
// at, and the keys. For a screen reader it is a slider over time that reads out the figures.

import uPlot from 'uplot';
import type { Bucket } from '../bucket.js';
import { make, setAttribute, setText } from './dom.js';
import type { Window } from './model.js';
import type { Moments } from './moments.js';
import { colour } from './palette.js';
import { clockTime, rangeText } from './words.js';

const FONT = '11px system-ui, sans-serif';
const Y_AXIS_WIDTH = 54;

/** A figure beside the title. */
export interface Figure {
  /** For the colour of its key. */
  readonly key: string;
  readonly name: string;
  readonly text: string;
}

export interface ChartKind {
  readonly title: string;
  readonly hint: string;
  readonly height: number;
  /** The values of the series, one for each bucket. */
  values(buckets: readonly Bucket[]): (number | null)[][];
  readonly series: readonly uPlot.Series[];
  readonly scale: uPlot.Scale;
  readonly axis: uPlot.Axis;
  /** Figures of these buckets: of all, or of the one that is pointed at. */
  figures(buckets: readonly Bucket[]): readonly Figure[];
  /** Draws what stands behind the lines. */
  draw?(chart: uPlot, window: Window): void;
}

const NO_WINDOW: Window = { buckets: [], fromSeconds: 0, toSeconds: 60, stepSeconds: 1 };

export class TimeChart {
  readonly #kind: ChartKind;
  readonly #moments: Moments;
  readonly #readout = make('p', 'readout');
  readonly #plot = make('div', 'plot');
  readonly #chart: uPlot;
  #window = NO_WINDOW;
  #isFollowing = false;

  constructor(parent: HTMLElement, kind: ChartKind, moments: Moments) {
    this.#kind = kind;
    this.#moments = moments;
    const title = make('h4', '', kind.title);
    const hint = make('span', 'hint', kind.hint);
    const head = make('div', 'chart-head', title, hint, this.#readout);
    parent.append(make('div', 'time-chart', head, this.#plot));
    this.#plot.tabIndex = 0;
    setAttribute(this.#plot, 'role', 'slider');
    setAttribute(this.#plot, 'aria-label', `${kind.title}: ${kind.hint}`);
    this.#plot.addEventListener('keydown', this.#onKey);
    this.#plot.addEventListener('blur', () => this.#moments.set(undefined));
    this.#chart = new uPlot(this.#options(), [[0, 60], ...this.#empty()], this.#plot);
    moments.onChange(() => this.#point());
    new ResizeObserver(() => this.#resize()).observe(this.#plot);
  }

  #empty(): (number | null)[][] {
    return this.#kind.series.map(() => [null, null]);
  }

  #options(): uPlot.Options {
    const { height, series, scale, axis } = this.#kind;
    const grid = { stroke: () => colour('grid'), width: 1 };
    const common = { stroke: () => colour('muted'), font: FONT, ticks: { show: false } };
    return {
      width: 300,
      height,
      padding: [6, 10, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: { show: false },
      },
      scales: {
        x: { time: true, range: () => [this.#window.fromSeconds, this.#window.toSeconds] },
        y: scale,
      },
      axes: [
        {
          ...common,
          grid: { show: false },
          size: 22,
          space: 64,
          values: (_chart, splits) => splits.map(clockTime),
        },
        { ...common, grid, size: Y_AXIS_WIDTH, gap: 4, ...axis },
      ],
      series: [{}, ...series],
      hooks: {
        drawClear: [(chart) => this.#kind.draw?.(chart, this.#window)],
        setCursor: [(chart) => this.#onPointer(chart)],
      },
    };
  }

  show(window: Window): void {
    this.#window = window;
    const { fromSeconds, toSeconds, stepSeconds } = window;
    const buckets = withGaps(window.buckets, stepSeconds);
    const middle = stepSeconds / 2;
    const times = buckets.map(({ at }) => at + middle);
    const values = this.#kind.values(buckets);
    // Also where there is nothing to show, there is something to measure the axes by.
    this.#chart.setData([
      [fromSeconds, ...times, toSeconds],
      ...values.map((of) => [null, ...of, null]),
    ]);
    this.#point();
  }

  redraw(): void {
    this.#chart.redraw();
  }

  #resize(): void {
    const { clientWidth } = this.#plot;
    if (clientWidth > 0) this.#chart.setSize({ width: clientWidth, height: this.#kind.height });
  }

  #onPointer(chart: uPlot): void {
    if (this.#isFollowing) return;
    const left = chart.cursor.left ?? -1;
    if (left < 0) {
      this.#moments.set(undefined);
      return;
    }
    this.#moments.set(Math.round(chart.posToVal(left, 'x')));
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const { fromSeconds, toSeconds, stepSeconds } = this.#window;
    const at = this.#moments.atSeconds ?? toSeconds;
    const targets: Partial<Record<string, number>> = {
      ArrowLeft: at - stepSeconds,
      ArrowDown: at - stepSeconds,
      ArrowRight: at + stepSeconds,
      ArrowUp: at + stepSeconds,
      PageDown: at - 10 * stepSeconds,
      PageUp: at + 10 * stepSeconds,
      Home: fromSeconds,
      End: toSeconds,
    };
    const target = targets[event.key];
    if (event.key === 'Escape') this.#moments.set(undefined);
    if (target === undefined) return;
    event.preventDefault();
    this.#moments.set(Math.min(toSeconds, Math.max(fromSeconds, target)));
  };

  /** Shows the figures of the moment, or of all the time that is shown. */
  #point(): void {
    const { buckets, fromSeconds, toSeconds, stepSeconds } = this.#window;
    const { atSeconds } = this.#moments;
    this.#isFollowing = true;
    const left = atSeconds === undefined ? -10 : this.#chart.valToPos(atSeconds, 'x');
    this.#chart.setCursor({ left, top: atSeconds === undefined ? -10 : 1 });
    this.#isFollowing = false;
    const chosen =
      atSeconds === undefined
        ? buckets
        : buckets.filter(({ at }) => at <= atSeconds && atSeconds < at + stepSeconds);
    const figures = this.#kind.figures(chosen);
    this.#readout.replaceChildren(
      ...figures.map(({ key, name, text }) =>
        make('span', key, make('span', 'name', name), ` ${text}`),
      ),
    );
    const when =
      atSeconds === undefined ? `last ${rangeText(toSeconds - fromSeconds)}` : clockTime(atSeconds);
    const text = figures.map((figure) => `${figure.name} ${figure.text}`.trim()).join(', ');
    setAttribute(this.#plot, 'aria-valuemin', '0');
    setAttribute(this.#plot, 'aria-valuemax', String(toSeconds - fromSeconds));
    // A screen reader would read out what changes by itself while this has the focus.
    if (document.activeElement === this.#plot && atSeconds === undefined) return;
    const now = (atSeconds ?? toSeconds) - fromSeconds;
    setAttribute(this.#plot, 'aria-valuenow', String(Math.max(0, now)));
    setAttribute(this.#plot, 'aria-valuetext', `${when}: ${text}`);
  }

  /** What is under the title, for a note of the panel. */
  setHint(text: string): void {
    const hint = this.#plot.previousElementSibling?.querySelector('.hint');
    if (hint) setText(hint, text);
  }
}

/** A line must not lead across a time in which the log was not seen. */
function withGaps(buckets: readonly Bucket[], stepSeconds: number): Bucket[] {
  return buckets.flatMap((bucket, index) => {
    const before = buckets[index - 1];
    const isGap = before !== undefined && bucket.at - before.at > 2 * stepSeconds;
    return isGap
      ? [{ ...before, at: before.at + stepSeconds, seconds: 0, spreads: {} }, bucket]
      : [bucket];
  });
}
