// What keeps finished segments from being removed or compressed, and for whom they are kept.

import { printable } from '../../errors.js';
import type { ConsumerStatus } from '../../index.js';
import { formatCount } from '../quantities.js';
import type { Figures } from './figures.js';
import type { Look } from './look.js';
import { error, type Trouble, times, warning } from './trouble.js';

/** The one for which most is kept; undefined where nobody holds anything. */
export const furthestBehind = (consumers: readonly ConsumerStatus[]): ConsumerStatus | undefined =>
  mostBehindFirst(consumers).find(({ state }) => state !== 'dropped');

/** Those for which most is kept in front; those for which nothing is kept any more at the end. */
export const mostBehindFirst = (
  consumers: readonly ConsumerStatus[],
): readonly ConsumerStatus[] => {
  const isDropped = ({ state }: ConsumerStatus): number => (state === 'dropped' ? 1 : 0);
  // Not by a difference: two that are damaged are infinitely far behind.
  const order = (one: number, other: number): number => (one === other ? 0 : one < other ? -1 : 1);
  return [...consumers].sort(
    (one, other) => isDropped(one) - isDropped(other) || order(behindBy(other), behindBy(one)),
  );
};

/** What a damaged one needs is not known: all. */
const behindBy = ({ lag }: ConsumerStatus): number => lag?.events ?? Number.POSITIVE_INFINITY;

/** For whom the oldest segment is kept: whoever is furthest behind needs it, if anybody does. */
export function holderOf({ consumers }: Pick<Look, 'consumers'>): string {
  const holder = furthestBehind(consumers);
  return holder === undefined ? 'somebody' : `consumer ${printable(holder.name)}`;
}

/** What keeps finished segments from being removed or compressed: the log grows meanwhile. */
export function* maintenanceTroubles(look: Look, { happened }: Figures): Generator<Trouble> {
  const { segmentMaintainer, consumers } = look.recorder;
  const { blockedSegments, heldSegments, heldEventId } = segmentMaintainer;
  const { maintenanceFailures, compressionFailures } = happened;
  if (look.status === 'running') {
    if (blockedSegments > 0) {
      yield error(
        'segment-damaged',
        'the oldest segment should be removed and is damaged: nothing is removed, the log grows',
        'flashstrike verify tells what is wrong; put the file of a backup in its place',
      );
    }
    const { damagedConsumers } = consumers;
    if (damagedConsumers > 0) {
      const are = damagedConsumers === 1 ? 'consumer is' : 'consumers are';
      yield error(
        'consumer-damaged',
        `${formatCount(damagedConsumers)} ${are} damaged: nothing is removed, the log grows`,
        'flashstrike consumers tells which; --remove, and register anew',
      );
    } else if (heldSegments > 0) {
      yield warning(
        'segment-held',
        `the oldest segment should be removed and is kept for ${holderOf(look)}, which needs ` +
          `event ${formatCount(heldEventId)}: the log grows`,
        'Let it catch up, or remove it: flashstrike consumers',
      );
    }
  }
  if (maintenanceFailures > 0) {
    yield warning(
      'maintenance-failed',
      `maintenance of finished segments failed ${times(maintenanceFailures)}`,
      'It is tried again: see that the folder can be written, and check the disk (dmesg)',
    );
  }
  if (compressionFailures > 0) {
    yield warning(
      'compression-failed',
      `segments could not be compressed ${times(compressionFailures)}: they stay as they are`,
      'It is tried again: compression needs room for a copy',
    );
  }
}
