// What becomes of the log on its stream. Only shown while it is fed to one, or was taken over.

import { formatNs } from '../../diagnosis/quantity.js';
import { formatBytes, formatCount, formatEvents } from '../../quantities.js';
import type { ReplicationNow } from '../wire.js';
import { REPLICATION_CHARTS } from './charts.js';
import { byId, type Fact, Facts, setClass, setText } from './dom.js';
import type { Window } from './model.js';
import type { Moments } from './moments.js';
import { TimeChart } from './time-chart.js';
import { NOTHING, nsOrNothing } from './words.js';

/** Longer than servers take to elect a leader. */
const LONG_NS = 10e9;

const STATES = {
  fenced: 'fenced: another log has the stream, this one takes no more events',
  waiting: 'the engine is waited for: it does not answer, or refuses',
  behind: 'feeding the stream',
  well: 'all that is durable is confirmed',
} as const;

export class ReplicationPanel {
  readonly #panel = byId('replication', HTMLElement);
  readonly #state = byId('replication-state', HTMLElement);
  readonly #now = new Facts(byId('replication-now', HTMLElement));
  readonly #resyncs = new Facts(byId('resyncs', HTMLElement));
  readonly #charts: readonly TimeChart[];

  constructor(moments: Moments) {
    const parent = byId('replication-charts', HTMLElement);
    this.#charts = REPLICATION_CHARTS.map((kind) => new TimeChart(parent, kind, moments));
  }

  show(replication: ReplicationNow | undefined): void {
    this.#panel.hidden = replication === undefined;
    if (replication === undefined) return;
    const { state, streams } = replication;
    const several = streams > 1 ? `; of ${formatCount(streams)} streams the furthest behind` : '';
    setText(this.#state, `${STATES[state]}${several}`);
    setClass(this.#state, TONES[state]);
    this.#now.show(nowOf(replication));
    this.#resyncs.show(resyncsOf(replication));
  }

  showWindow(window: Window): void {
    if (!this.#panel.hidden) for (const chart of this.#charts) chart.show(window);
  }

  redraw(): void {
    for (const chart of this.#charts) chart.redraw();
  }
}

const TONES = { fenced: 'error', waiting: 'warning', behind: 'muted', well: 'muted' } as const;

function nowOf(of: ReplicationNow): Fact[] {
  const { lagEvents, lagBytes, lagNs, waitNs, answeredNs, acknowledge, confirmedEventId } = of;
  const lags = [
    lagBytes > 0 ? `some ${formatBytes(lagBytes)}` : '',
    lagNs > 0 ? `oldest sent ${formatNs(lagNs)} ago` : '',
  ];
  return [
    {
      name: 'behind',
      value: formatEvents(lagEvents),
      note: lags.filter((text) => text !== '').join(', ') || 'nothing is on its way',
      tone: Math.max(lagNs, waitNs) > LONG_NS && lagEvents > 0 ? 'warning' : '',
    },
    {
      name: 'confirmed up to',
      value: confirmedEventId === 0 ? NOTHING : formatCount(confirmedEventId),
      note: of.epoch === 0 ? 'not claimed yet' : `epoch ${formatCount(of.epoch)}`,
    },
    {
      name: 'confirmed in, 99 %',
      value: nsOrNothing(of.p99Ns, acknowledge.samples),
      note:
        acknowledge.samples === 0
          ? ''
          : `half in ${formatNs(of.p50Ns)}, longest ${formatNs(acknowledge.maxNs)}`,
    },
    {
      name: 'engine',
      value: waitNs > 0 ? formatNs(waitNs) : answeredNs > 0 ? 'answers' : NOTHING,
      note: waitNs > 0 ? 'waited for' : answeredNs > 0 ? `last ${formatNs(answeredNs)} ago` : '',
      tone: waitNs > 0 ? 'warning' : '',
    },
  ];
}

const resyncsOf = ({ resyncs, claims, foundStored, regressedEvents }: ReplicationNow): Fact[] => [
  { name: 'claims', value: formatCount(claims), note: 'accepted' },
  { name: 'conflicts', value: formatCount(resyncs.conflict), note: 'it ended elsewhere' },
  { name: 'time-outs', value: formatCount(resyncs.timeout), note: 'no answer' },
  { name: 'unavailable', value: formatCount(resyncs.unavailable), note: 'or no quorum' },
  {
    name: 'full',
    value: formatCount(resyncs.full),
    note: 'no room in the stream',
    tone: resyncs.full > 0 ? 'warning' : '',
  },
  { name: 'found stored', value: formatCount(foundStored), note: 'no answer came' },
  {
    name: 'lost by it',
    value: formatEvents(regressedEvents),
    note: regressedEvents > 0 ? 'sent again' : '',
    tone: regressedEvents > 0 ? 'error' : '',
  },
];
