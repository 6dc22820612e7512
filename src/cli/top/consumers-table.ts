// Each consumer of the log, the one furthest behind first: for a screen with room for it.

import { printable } from '../../errors.js';
import type { ConsumerStatus } from '../../index.js';
import { NS_PER_MS } from '../../units.js';
import { mostBehindFirst } from '../diagnosis/maintenance.js';
import { formatNs } from '../diagnosis/quantity.js';
import { formatBytes, formatCount } from '../quantities.js';
import { NAME_WIDTH, type RankedColumn, rankedTable } from './ranked-table.js';
import { piece, type TextLine } from './text-line.js';

/** More are told in a line, and by the command. */
const SHOWN_MAX = 12;

/** Of one that is damaged nothing is known; of one that is dropped nothing is kept. */
const lagText = (
  { state, lag }: ConsumerStatus,
  format: (lag: NonNullable<ConsumerStatus['lag']>) => string,
): string => (lag === undefined || state === 'dropped' ? '-' : format(lag));

const COLUMNS: readonly RankedColumn<ConsumerStatus>[] = [
  { title: 'state', rank: 1, of: ({ state }) => state },
  {
    title: 'behind',
    rank: 0,
    of: (status) => lagText(status, ({ events }) => shortCount(events)),
  },
  { title: 'holds', rank: 2, of: (status) => lagText(status, ({ bytes }) => formatBytes(bytes)) },
  {
    title: 'for',
    rank: 3,
    of: (status) => lagText(status, ({ ms }) => (ms === 0 ? '-' : formatNs(ms * NS_PER_MS))),
  },
  {
    title: 'had',
    rank: 4,
    of: ({ acknowledgedEventId: id }) => (id === undefined ? '-' : shortCount(id)),
  },
];

/** At most nine characters: `1,234,567`, `12.3 M`. */
function shortCount(count: number): string {
  const text = formatCount(count);
  return text.length <= 9 ? text : `${(count / 1e6).toPrecision(4)} M`;
}

/** Nothing where there are none. */
export function consumersTable(
  consumers: readonly ConsumerStatus[],
  columns: number,
): readonly TextLine[] {
  if (consumers.length === 0) return [];
  const sorted = mostBehindFirst(consumers);
  const rows = sorted.slice(0, SHOWN_MAX).map((status) => {
    const name = printable(status.name);
    const isLong = name.length >= NAME_WIDTH;
    return [isLong ? `${name.slice(0, NAME_WIDTH - 2)}… ` : name, status] as const;
  });
  const left = sorted.length - rows.length;
  const more = `${formatCount(left)} more: flashstrike consumers`;
  return [
    [],
    ...rankedTable('consumer', COLUMNS, rows, columns),
    ...(left === 0 ? [] : [[piece(more, 'dim')]]),
  ];
}
