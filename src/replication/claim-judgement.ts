// Who may claim a stream, and whether the log and the stream are the same so far.
import { xxh64 } from '../segment/checksum.js';
import type { LocalLog } from './local-log.js';
import type { LastRun } from './stream-block.js';
import { diverged, eventsNamed } from './stream-failures.js';
import type { StreamEnd, StreamTip } from './stream-tip.js';

/** What a replicator knows of a stream before it looks. */
interface StreamKnowledge {
  /** Where it left the stream; undefined before its first claim. */
  readonly tip: StreamTip | undefined;
  /** The highest epoch that it has asked for. */
  readonly askedEpoch: number;
  /** Whose stream it was to take over; undefined: it may not, or has not looked yet. */
  readonly predecessor: StreamTip | undefined;
  readonly takeover: boolean;
}

/** Whether another log has taken over the stream, so that no claim behind `end` may be tried. */
export function isDeposed(
  { logId }: LocalLog,
  end: StreamEnd,
  { tip, askedEpoch, predecessor, takeover }: StreamKnowledge,
): boolean {
  if (end.sequence === 0) return false;
  const isOurs = end.logId === logId;
  return tip === undefined
    ? !isOurs && !(takeover && isStill(end, predecessor))
    : end.epoch > askedEpoch || (!isOurs && end.epoch >= tip.epoch);
}

/** Of several who take over at once the first one does: the others find another owner. */
const isStill = (end: StreamEnd, predecessor: StreamTip | undefined): boolean =>
  predecessor === undefined || (end.logId === predecessor.logId && end.epoch <= predecessor.epoch);

/**
 * Compares the last events of a stream with those of the log.
 * @param hasClaimed the stream was this log's: a hint of before that claim may still come, and
 * what the log has beyond it is what it has added since
 * @returns false where the log does not have them any more
 * @throws WalError ERR_FLASHSTRIKE_DIVERGED
 */
export function checkContent(
  stream: string,
  log: LocalLog,
  { logId, nextEventId, sequence }: StreamEnd,
  { firstEventId, eventCount, checksum }: LastRun,
  hasClaimed: boolean,
): boolean {
  const { dir } = log;
  const isOurs = hasClaimed || sequence === 0 || logId === log.logId;
  const mine = eventCount === 0 ? undefined : log.frames(firstEventId, eventCount);
  const named = eventsNamed(firstEventId, eventCount);
  if (mine === 'missing') throw diverged(stream, dir, `the log ends before ${named} of`);
  if (mine === 'expired' && !isOurs) {
    throw diverged(stream, dir, `${named} were removed here and cannot be compared with`);
  }
  if (typeof mine === 'object' && xxh64(mine, 0n) !== checksum) {
    throw diverged(stream, dir, `${named} of the log are others than in`);
  }
  if (!isOurs && log.frames(nextEventId, 1) !== 'missing') {
    throw diverged(stream, dir, `the log goes on with event ${nextEventId}, which is not in`);
  }
  return mine !== 'expired';
}
