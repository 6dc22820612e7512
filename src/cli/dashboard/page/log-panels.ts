// What else is to be seen of a log now: its name and process, the first figures, latencies as a
// table, consumers, threads, positions.

import { formatAge, formatNs, formatShare, formatUptime } from '../../diagnosis/quantity.js';
import { formatBytes, formatCount, formatEvents, formatRate } from '../../quantities.js';
import type { ConsumerNow, LogNow, SeenLog, ThreadNow, TimeNow } from '../wire.js';
import { byId, type Fact, Facts, Keyed, make, setClass, setText } from './dom.js';
import { NOTHING, nsOrNothing, rateOrNothing } from './words.js';

const FULL = 0.75;

const cells = (row: HTMLTableRowElement, texts: readonly string[]): void =>
  texts.forEach((text, index) => {
    setText(row.cells[index] as Node, text);
  });

function makeRow(columns: number): HTMLTableRowElement {
  const name = make('th');
  name.scope = 'row';
  return make('tr', '', name, ...Array.from({ length: columns - 1 }, () => make('td')));
}

const bodyOf = (table: HTMLTableElement): HTMLTableSectionElement =>
  table.tBodies[0] ?? table.createTBody();

export class LogPanels {
  readonly #numbers = new Facts(byId('numbers', HTMLElement));
  readonly #threads = new Facts(byId('threads', HTMLElement));
  readonly #positions = new Facts(byId('positions', HTMLElement));
  readonly #times = new Keyed<TimeNow, HTMLTableRowElement>(
    bodyOf(byId('times', HTMLTableElement)),
    () => makeRow(7),
    (row, time) => {
      setClass(row, time.isRecent ? '' : 'old');
      const of = (ns: number): string => nsOrNothing(ns, time.count);
      const lasting = (ns: number): string =>
        time.lastingNs > ns ? `>${formatNs(time.lastingNs)}` : of(ns);
      cells(row, [
        time.name,
        formatRate(time.perSecond),
        of(time.p50Ns),
        of(time.p99Ns),
        of(time.p999Ns),
        lasting(time.longestNs),
        lasting(time.worstNs),
      ]);
    },
  );
  readonly #consumers = new ConsumersTable();

  show({ name, directory, state, standing, seen }: LogNow): void {
    setText(byId('name', HTMLElement), name);
    setText(byId('state', HTMLElement), state);
    setClass(byId('state', HTMLElement), `state ${standing}`);
    const process =
      seen === undefined
        ? ''
        : `process ${seen.pid}, up ${formatUptime(seen.uptimeNs)}, ` +
          `flashstrike ${seen.version}, node ${seen.node}`;
    setText(byId('process', HTMLElement), `${directory}${process === '' ? '' : ' · '}${process}`);
    if (seen === undefined) return;
    this.#numbers.show(numbersOf(seen));
    this.#times.show(seen.times, (time) => time.name);
    this.#threads.show(seen.threads.map(threadFact));
    this.#positions.show(positionsOf(seen));
    this.#consumers.show(seen.consumers);
  }
}

function numbersOf(seen: SeenLog): Fact[] {
  const { rates, lagEvents, lagBytes, lagNs, waitingBytes, ringBytes, ringHighestBytes } = seen;
  const oldest = lagNs === 0 ? '' : `, oldest ${formatNs(lagNs)}`;
  const share = waitingBytes / ringBytes;
  return [
    {
      name: 'events',
      value: rateOrNothing(rates?.events),
      note: `last is ${formatCount(seen.appendedEventId)}`,
    },
    {
      name: 'written',
      value: rates === undefined ? NOTHING : `${formatBytes(rates.bytes)}/s`,
      note: `${rateOrNothing(rates?.blocks).replace('/s', ' blocks/s')}`,
    },
    {
      name: 'syncs',
      value: rateOrNothing(rates?.syncs),
      note: 'group commits to disk',
    },
    {
      name: 'not durable',
      value: formatEvents(lagEvents),
      note: lagEvents === 0 ? 'all is on disk' : `${formatBytes(lagBytes)}${oldest}`,
      tone: lagNs > 1e9 ? 'warning' : '',
    },
    {
      name: 'ring',
      value: formatShare(share),
      note: `of ${formatBytes(ringBytes)}, highest ${formatShare(ringHighestBytes / ringBytes)}`,
      tone: share > FULL ? 'error' : '',
    },
    {
      name: 'disk free',
      value: seen.diskFreeBytes === 0 ? NOTHING : formatBytes(seen.diskFreeBytes),
      note: '',
    },
  ];
}

const threadFact = ({ name, ageNs, isStale, elsewhere }: ThreadNow): Fact => ({
  name,
  value: ageNs === undefined ? NOTHING : `${formatAge(ageNs)} ago`,
  note: elsewhere === undefined ? '' : `at another log: ${elsewhere}`,
  tone: isStale ? 'error' : '',
});

function positionsOf(seen: SeenLog): Fact[] {
  const event = (id: number): string => (id === 0 ? NOTHING : formatCount(id));
  const { recovery, compressionRatio: ratio } = seen;
  const facts: Fact[] = [
    { name: 'appended', value: event(seen.appendedEventId) },
    { name: 'written', value: event(seen.writtenEventId) },
    { name: 'durable', value: event(seen.durableEventId) },
    {
      name: 'found at open',
      value: recovery === undefined ? 'a new log' : recovery.text,
      tone: recovery?.isTorn === true ? 'warning' : '',
    },
  ];
  return ratio === 0
    ? facts
    : [...facts, { name: 'compressed to', value: `1 / ${ratio.toFixed(1)}` }];
}

/** Those that are furthest behind come first. */
class ConsumersTable {
  readonly #parent = byId('consumers', HTMLElement);
  readonly #table = make('table', 'consumers');
  readonly #rows: Keyed<ConsumerNow, HTMLTableRowElement>;

  constructor() {
    const names = ['name', 'behind', 'in segments', 'since', 'state'];
    const head = names.map((name) => {
      const cell = make('th', '', name);
      cell.scope = 'col';
      return cell;
    });
    this.#table.createTHead().append(make('tr', '', ...head));
    this.#rows = new Keyed(
      bodyOf(this.#table),
      () => makeRow(names.length),
      (row, { name, state, lagEvents, lagBytes, lagMs }) => {
        setClass(row, state === 'active' ? '' : state === 'damaged' ? 'error' : 'warning');
        cells(row, [
          name,
          lagEvents === undefined ? 'not known' : formatEvents(lagEvents),
          lagBytes === undefined ? NOTHING : formatBytes(lagBytes),
          lagMs === undefined || lagMs === 0 ? NOTHING : formatNs(lagMs * 1e6),
          state,
        ]);
      },
    );
  }

  show(consumers: readonly ConsumerNow[]): void {
    this.#rows.show(consumers, ({ name }) => name);
    const shown = consumers.length > 0 ? this.#table : undefined;
    if (shown !== undefined && shown.parentElement === null) this.#parent.replaceChildren(shown);
    else if (shown === undefined && this.#parent.textContent === '') {
      this.#parent.append(make('p', 'muted', 'Nobody reads this log by name.'));
    } else if (shown === undefined && this.#table.parentElement !== null) {
      this.#parent.replaceChildren(make('p', 'muted', 'Nobody reads this log by name.'));
    }
  }
}
