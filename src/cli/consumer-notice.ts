// A consumer in a sentence.
import { printable } from '../errors.js';
import type { ConsumerStatus } from '../index.js';
import { formatBytes, formatCount, formatDuration, formatEvents } from './quantities.js';

const MS_PER_SECOND = 1000;

/** `billing: active, acknowledged up to 500; 20 events behind, 344 kB, 3.2 s`. */
export function describeConsumer(status: ConsumerStatus): string {
  const { name, state, acknowledgedEventId, damage } = status;
  if (acknowledgedEventId === undefined) {
    return `${printable(name)}: DAMAGED, all events are kept: ${printable(damage ?? '')}`;
  }
  const acknowledged = `acknowledged up to ${formatCount(acknowledgedEventId)}`;
  if (state === 'dropped') return `${printable(name)}: DROPPED, ${acknowledged}`;
  if (state === 'ahead') {
    return `${printable(name)}: AHEAD of the log, ${acknowledged}; remove it, register it again`;
  }
  return `${printable(name)}: active, ${acknowledged}; ${describeLag(status)}`;
}

function describeLag({ lag }: ConsumerStatus): string {
  if (lag === undefined || lag.events === 0) return 'nothing is kept for it';
  const finished = lag.bytes > 0 ? `, ${formatBytes(lag.bytes)} of finished segments` : '';
  const age = lag.ms > 0 ? `, for ${formatDuration(lag.ms / MS_PER_SECOND)}` : '';
  return `${formatEvents(lag.events)} behind${finished}${age}`;
}
