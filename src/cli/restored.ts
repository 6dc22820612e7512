// What `restore` says at the end, wherever the events came from.
import { printable } from '../errors.js';
import type { RestoreReport } from '../index.js';
import { formatCount, formatEvents } from './quantities.js';
import type { Terminal } from './terminal.js';

type Restored = Pick<
  RestoreReport,
  'events' | 'firstEventId' | 'lastEventId' | 'complete' | 'target'
>;

export function tellRestored(
  { events, firstEventId, lastEventId, complete, target }: Restored,
  terminal: Terminal,
): void {
  const ids =
    events === 0 ? '' : `, ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
  terminal.line(`restored  ${formatEvents(events)}${ids}, to ${printable(target)}`);
  if (!complete) terminal.line('stopped early: the log is incomplete, remove it');
}
