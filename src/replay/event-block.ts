// The block that holds an event: what binds something outside of the log to this event of this log.
import { codeOf } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { LogWalker } from './log-walker.js';

/** The log does not have the event any more, or never had it. */
const ABSENT: ReadonlySet<string | undefined> = new Set([
  'ERR_FLASHSTRIKE_EXPIRED',
  'ERR_FLASHSTRIKE_OUT_OF_RANGE',
]);

/**
 * `headerChecksum` of the block that holds the event, which is verified; undefined where the log
 * does not have it.
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT, _NOT_A_LOG, _IO …
 */
export function blockChecksumOf(
  ports: ReadingPorts,
  dir: string,
  eventId: number,
): bigint | undefined {
  const walker = new LogWalker(ports, dir);
  try {
    walker.seek(eventId);
    walker.skipTowards(eventId);
    for (;;) {
      if (walker.next()) {
        if (walker.nextEventId > eventId) return walker.reader?.block?.headerChecksum;
      } else if (walker.confirmEnd()) return undefined;
    }
  } catch (error) {
    if (ABSENT.has(codeOf(error))) return undefined;
    throw error;
  } finally {
    walker.close();
  }
}
