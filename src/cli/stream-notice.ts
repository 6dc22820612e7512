// A stream that a log was fed to, in a sentence.
import { printable } from '../errors.js';
import { hexOf64 } from '../units.js';
import type { StreamInspection } from '../verification/inspect.js';
import { formatCount, formatTimestamp } from './quantities.js';

/** `orders: this log in epoch 3, confirmed up to event 5, as of 2026-11-30 18:00:00; being fed`. */
export function describeStream(status: StreamInspection): string {
  const { stream, isFed, confirmedEventId, reportedTsNs, damage } = status;
  const name = printable(stream);
  const now = isFed ? 'being fed' : 'not fed now';
  if (confirmedEventId === undefined || reportedTsNs === undefined) {
    return `${name}: not known, ${printable(damage ?? '')}; ${now}`;
  }
  const has = confirmedEventId === 0 ? 'no event' : `event ${formatCount(confirmedEventId)}`;
  const when = formatTimestamp(reportedTsNs).slice(0, 19);
  return `${name}: ${ownerOf(status)}, confirmed up to ${has}, as of ${when}; ${now}`;
}

function ownerOf({ isOwner, ownerLogId, epoch }: StreamInspection): string {
  if (ownerLogId === undefined) return 'not claimed yet';
  const since = `in epoch ${formatCount(epoch ?? 0)}`;
  return isOwner === true
    ? `this log ${since}`
    : `TAKEN OVER by log ${hexOf64(ownerLogId)} ${since}`;
}
