// What opening a log found, reported only where it is news.

import { printable } from '../errors.js';
import type { Wal } from '../index.js';
import { formatBytes, formatEvents } from './quantities.js';
import type { Terminal } from './terminal.js';

export function tellRecovery(terminal: Terminal, recovery: Wal['recovery']): void {
  if (!recovery.advice.startsWith('Nothing to do')) terminal.line(printable(recovery.advice));
  if (recovery.eventsFromRing > 0) {
    const events = formatEvents(recovery.eventsFromRing);
    terminal.line(`recovered ${events} that the last process had left in shared memory`);
  }
  if (recovery.verdict === 'torn-tail') {
    const file = printable(recovery.file ?? 'the last segment');
    const dropped =
      recovery.droppedEvents > 0
        ? `${formatEvents(recovery.droppedEvents)} in it`
        : 'no complete event';
    terminal.line(
      `torn tail in ${file} at offset ${recovery.offset ?? 0}: ` +
        `${formatBytes(recovery.droppedBytes)} dropped, ${dropped}; none was durable`,
    );
  }
  if (recovery.verdict === 'live-copy') terminal.line(printable(recovery.advice));
  for (const note of recovery.notes) terminal.line(`note: ${printable(note)}`);
}
