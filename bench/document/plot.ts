// A plot as SVG: lines over two axes, names beside them. Text is in the font of whoever looks, on
// white, so that it can be read on a dark page, too.
import type { Line, Plot } from '../harness/result.js';
import { type Scale, scaleOf } from './scale.js';

const WIDTH = 860;
const HEIGHT = 400;
const LEFT = 72;
const TOP = 40;
const PLOT_WIDTH = 430;
const PLOT_HEIGHT = 300;
const LEGEND_LEFT = LEFT + PLOT_WIDTH + 20;
const LEGEND_STEP = 18;
const LEGEND_CHARACTERS = 50;
/** Told apart also by those who do not see all colours (Okabe and Ito). */
const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#000000',
  '#999999',
];
const DASHES = ['none', '6 3', '2 2'];

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** 1.5M, 20k, 0.01: as short as it can be. */
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))}G`;
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  return size >= 1e3 ? `${Number((value / 1e3).toPrecision(3))}k` : String(+value.toPrecision(3));
}

export function drawPlot(plot: Plot): string {
  const points = plot.lines.flatMap((line) => line.points);
  const isShown = ([x, y]: readonly [number, number]): boolean =>
    Number.isFinite(x) &&
    Number.isFinite(y) &&
    (x > 0 || !plot.x.isLogarithmic) &&
    (y > 0 || !plot.y.isLogarithmic);
  const shown = points.filter(isShown);
  if (shown.length === 0) throw new Error(`${plot.title}: there is nothing to draw`);
  const x = scaleOf(
    plot.x,
    shown.map((point) => point[0]),
  );
  const y = scaleOf(
    plot.y,
    shown.map((point) => point[1]),
  );
  const place = ([valueX, valueY]: readonly [number, number]): string =>
    `${acrossOf(x, valueX)},${downOf(y, valueY)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
      `font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${LEFT}" y="22" font-size="14" font-weight="bold">${escaped(plot.title)}</text>`,
    ...axesOf(plot, x, y),
    ...plot.lines.flatMap((line, at) => lineOf(line, at, isShown, place)),
    '</svg>',
    '',
  ].join('\n');
}

const fixed = (value: number): string => value.toFixed(1);
const acrossOf = (scale: Scale, value: number): string =>
  fixed(LEFT + scale.place(value) * PLOT_WIDTH);
const downOf = (scale: Scale, value: number): string =>
  fixed(TOP + (1 - scale.place(value)) * PLOT_HEIGHT);

function axesOf(plot: Plot, x: Scale, y: Scale): string[] {
  const [bottom, right] = [TOP + PLOT_HEIGHT, LEFT + PLOT_WIDTH];
  const ofX = x.ticks.flatMap((tick) => [
    `<path d="M${acrossOf(x, tick)},${TOP}V${bottom}" stroke="#ddd"/>`,
    `<text x="${acrossOf(x, tick)}" y="${bottom + 16}" text-anchor="middle">` +
      `${plot.x.tickTexts?.[String(tick)] ?? tickText(tick)}</text>`,
  ]);
  const ofY = y.ticks.flatMap((tick) => [
    `<path d="M${LEFT},${downOf(y, tick)}H${right}" stroke="#ddd"/>`,
    `<text x="${LEFT - 6}" y="${downOf(y, tick)}" text-anchor="end" ` +
      `dominant-baseline="middle">${tickText(tick)}</text>`,
  ]);
  const middle = TOP + PLOT_HEIGHT / 2;
  return [
    ...ofX,
    ...ofY,
    `<rect x="${LEFT}" y="${TOP}" width="${PLOT_WIDTH}" height="${PLOT_HEIGHT}" fill="none" ` +
      `stroke="#444"/>`,
    `<text x="${LEFT + PLOT_WIDTH / 2}" y="${bottom + 38}" text-anchor="middle">` +
      `${escaped(plot.x.label)}</text>`,
    `<text x="18" y="${middle}" text-anchor="middle" transform="rotate(-90 18 ${middle})">` +
      `${escaped(plot.y.label)}</text>`,
  ];
}

function lineOf(
  { name, points }: Line,
  at: number,
  isShown: (point: readonly [number, number]) => boolean,
  place: (point: readonly [number, number]) => string,
): string[] {
  const colour = COLOURS[at % COLOURS.length];
  const dash = DASHES[Math.floor(at / COLOURS.length) % DASHES.length];
  const stroke = `stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"`;
  const shown = points.filter(isShown).map(place);
  const dots = shown.map((point) => {
    const [across, down] = point.split(',');
    return `<circle cx="${across}" cy="${down}" r="2.5" fill="${colour}"/>`;
  });
  const legendY = TOP + 8 + at * LEGEND_STEP;
  const text = name.length > LEGEND_CHARACTERS ? `${name.slice(0, LEGEND_CHARACTERS - 1)}…` : name;
  return [
    `<polyline points="${shown.join(' ')}" fill="none" ${stroke}/>`,
    ...dots,
    `<path d="M${LEGEND_LEFT},${legendY}h18" ${stroke}/>`,
    `<text x="${LEGEND_LEFT + 24}" y="${legendY}" dominant-baseline="middle" font-size="11">` +
      `${escaped(text)}</text>`,
  ];
}
