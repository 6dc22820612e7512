// Consumers that have acknowledged more than a log has that is about to be continued: a copy that
// lacks its end. What is appended now gets ids that they know other events by. The mark says so
// durably before the first such event: once the log is longer than that, nothing else would.
import { unixNsOf } from '../clock/wall-clock.js';
import { type ConsumerFile, consumerNotes } from '../reading/consumer-files.js';
import { encodeDrop, markAhead, standingOf } from '../segment/consumer-record.js';
import { writeFailure } from './consumer-failure.js';
import type { ConsumerPlace } from './consumer-place.js';
import { putMark } from './named-file.js';

type MarkedPlace = Pick<ConsumerPlace, 'dir' | 'lock' | 'wallClockMs'> & {
  readonly ports: Pick<ConsumerPlace['ports'], 'storage'>;
};

/**
 * Marks those in front of `endEventId`, behind which the log goes on; returns a note for each.
 * @param files as they are in the folder, with the log's lock held
 * @throws WalError where a mark cannot be written: the log must not be continued then
 */
export function markThoseAhead(
  place: MarkedPlace,
  files: readonly ConsumerFile[],
  endEventId: number,
): readonly string[] {
  const marked: ConsumerFile[] = [];
  for (const { name, path, record } of files) {
    if (record === undefined || record.acknowledgedEventId <= endEventId) continue;
    const timestampNs = unixNsOf(place.wallClockMs);
    const mark = markAhead(record, endEventId, timestampNs);
    // One that is gone by now needs none.
    if (isMarked(place, name, path, encodeDrop(mark, record.seed)))
      marked.push({ name, path, record: { ...record, ...standingOf(record.durable, mark) } });
  }
  return consumerNotes(place.dir, marked);
}

function isMarked(place: MarkedPlace, name: string, path: string, mark: Uint8Array): boolean {
  try {
    return putMark(place, name, mark);
  } catch (error) {
    throw writeFailure(error, path);
  }
}
