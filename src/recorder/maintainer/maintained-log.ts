// An open log, as its maintainer sees it: through the words that its other threads publish.
import type { Clock } from '../../clock/clock.js';
import { unixNsOf } from '../../clock/wall-clock.js';
import type { HoldingLog } from '../../consumers/consumer-holds.js';
import { WalError } from '../../errors.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import { durablePointOf } from '../../ring/ring-snapshot.js';
import { type Signals, Trouble } from '../threads/signals.js';
import type { BelievedTime } from './believed-time.js';
import type { MaintainedLog } from './segment-maintainer.js';

export function maintainedLog(
  directory: string,
  logId: bigint,
  memory: Pick<RingMemory, 'words' | 'control'>,
  signals: Signals,
  time: BelievedTime,
): MaintainedLog {
  const keepRefusal = (): Error | undefined => {
    const trouble = signals.get('metaTrouble');
    return trouble === Trouble.none ? undefined : notTold(directory, trouble);
  };
  return {
    directory,
    logId,
    activeIndex: () => durablePointOf(memory).segmentIndex,
    deleteBefore: () => signals.deleteBefore,
    keepFrom: (eventId) => {
      if (signals.keepFrom < eventId) signals.publishKeepFrom(eventId);
    },
    keptFrom: () => signals.keptFrom,
    keepRefusal,
    onRemoved: (isCompressed) => {
      if (isCompressed) signals.count('coldSegments', -1);
      signals.count('removedSegments', 1);
    },
    onStep: (lastSegmentIndex) => {
      signals.count('maintainerSteps', 1);
      signals.limitSegments(lastSegmentIndex);
    },
    lastSegment: () => signals.lastSegment,
    onCompressed: () => signals.count('coldSegments', 1),
    meetOldest: (newestNs) => time.meetOldest(newestNs),
    nowNs: (ageMs) => time.nowNs(ageMs),
  };
}

/** The same log, as far as its consumers are measured by it. */
export const holdingLog = (
  dir: string,
  logId: bigint,
  memory: Pick<RingMemory, 'words' | 'control'>,
  wallClockMs: () => number,
  { clock, time }: { readonly clock: Clock; readonly time: BelievedTime },
): HoldingLog => ({
  dir,
  logId,
  durableEventId: () => durablePointOf(memory).lastEventId,
  nowNs: () => unixNsOf(wallClockMs),
  believedNs: (ageMs) => time.nowNs(ageMs),
  clock,
});

function notTold(directory: string, trouble: number): WalError {
  const code = trouble === Trouble.noSpace ? 'ERR_FLASHSTRIKE_NO_SPACE' : 'ERR_FLASHSTRIKE_IO';
  const message =
    `${directory}: wal.meta cannot be written, and until it says that the log begins later ` +
    'nothing is removed. It is tried again by itself; free some space, or check the disk.';
  return new WalError(code, message, { path: directory });
}
