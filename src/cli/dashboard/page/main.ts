// The page: takes what the server pushes, and shows the chosen log. What is not seen is not drawn.

import { LATENCY_CHARTS, LOAD_CHARTS } from './charts.js';
import { type ConnectionState, connect } from './connection.js';
import { byId, setAttribute, setClass, setText } from './dom.js';
import { LogList } from './log-list.js';
import { LogPanels } from './log-panels.js';
import { Model } from './model.js';
import { Moments } from './moments.js';
import { onColoursChanged } from './palette.js';
import { PreparerPanel } from './preparer-panel.js';
import { ReplicationPanel } from './replication-panel.js';
import { SegmentsPanel } from './segments-panel.js';
import { StallsPanel } from './stalls-panel.js';
import { type ChartKind, TimeChart } from './time-chart.js';
import { VerdictPanel } from './verdict-panel.js';

const CONNECTION_WORDS = {
  connecting: 'connecting',
  live: 'live',
  lost: 'no connection, trying again',
} as const;

const model = new Model();
const moments = new Moments();
const main = byId('log', HTMLElement);
const freeze = byId('freeze', HTMLButtonElement);
const connection = byId('connection', HTMLElement);

const logList = new LogList((name) => {
  model.choose(name);
  show();
});
const logPanels = new LogPanels();
const verdict = new VerdictPanel();
const stalls = new StallsPanel();
const preparer = new PreparerPanel(moments);
const segments = new SegmentsPanel();
const replication = new ReplicationPanel(moments);
const charts = [...chartsIn('latency', LATENCY_CHARTS), ...chartsIn('flow', LOAD_CHARTS)];

function chartsIn(id: string, kinds: readonly ChartKind[]): TimeChart[] {
  return kinds.map((kind) => new TimeChart(byId(id, HTMLElement), kind, moments));
}

let isFrozen = false;

/** Everything, if it is to be seen. */
function show(): void {
  const { chosen, logs } = model;
  logList.show(logs, chosen);
  if (chosen === undefined || document.hidden) return;
  const { now } = chosen;
  main.hidden = false;
  setClass(main, now.seen === undefined ? 'unknown' : now.seen.isRunning ? '' : 'ended');
  document.title = `${now.troubles.length > 0 ? `(${now.troubles.length}!) ` : ''}${now.name}`;
  logPanels.show(now);
  verdict.show(now);
  stalls.show(now.stalls);
  segments.show(now.segments);
  replication.show(now.seen?.replication);
  if (now.seen !== undefined) preparer.show(now.seen.preparer);
  showWindow();
}

let shownSecond = '';

/** The charts, where a second has passed, or other ones are to be seen. */
function showWindow(): void {
  const { chosen } = model;
  if (chosen === undefined) return;
  const window = model.windowOf(chosen);
  const second = `${chosen.now.name} ${window.fromSeconds} ${window.toSeconds}`;
  if (second === shownSecond) return;
  shownSecond = second;
  verdict.showWindow(window);
  preparer.showWindow(window);
  replication.showWindow(window);
  for (const chart of charts) chart.show(window);
}

function tell(state: ConnectionState): void {
  setText(connection, isFrozen && state === 'live' ? 'frozen' : CONNECTION_WORDS[state]);
  setClass(connection, `connection ${state}`);
}

byId('ranges', HTMLElement).addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return;
  model.rangeSeconds = Number(target.value);
  showWindow();
});

freeze.addEventListener('click', () => {
  isFrozen = !isFrozen;
  setAttribute(freeze, 'aria-pressed', String(isFrozen));
  model.freeze(isFrozen);
  if (!isFrozen) show();
});

document.addEventListener('visibilitychange', show);

onColoursChanged(() => {
  verdict.redraw();
  preparer.redraw();
  replication.redraw();
  for (const chart of charts) chart.redraw();
});

connect((push) => {
  model.take(push);
  if (!isFrozen) show();
}, tell);
