// What becomes of finished segments: how many are compressed, to what, and what keeps the oldest
// from being removed.

import { printable } from '../../errors.js';
import type { ConsumerStatus } from '../../index.js';
import { formatCount } from '../quantities.js';
import type { Figures } from './figures.js';
import type { Look } from './look.js';
import { formatShare } from './quantity.js';
import { type Piece, piece } from './text-line.js';
import { error, type Trouble, times, warning } from './trouble.js';

/** The one for which most is kept; undefined where nobody holds anything. */
export function furthestBehind(consumers: readonly ConsumerStatus[]): ConsumerStatus | undefined {
  let furthest: ConsumerStatus | undefined;
  for (const each of consumers) {
    if (each.state === 'dropped') continue;
    if (furthest === undefined || behindBy(each) > behindBy(furthest)) furthest = each;
  }
  return furthest;
}

/** What a damaged one needs is not known: all. */
const behindBy = ({ lag }: ConsumerStatus): number => lag?.events ?? Number.POSITIVE_INFINITY;

/** For whom the oldest segment is kept: whoever is furthest behind needs it, if anybody does. */
function holderOf({ consumers }: Pick<Look, 'consumers'>): string {
  const holder = furthestBehind(consumers);
  return holder === undefined ? 'somebody' : `consumer ${printable(holder.name)}`;
}

/** Nothing for a log that nobody maintains, and that has no compressed segment. */
export function maintenanceOf(look: Look, { maintenanceShare }: Figures): (Piece | string)[] {
  const { recorder, threads } = look;
  const { persistenceHotSegments: hot, persistenceColdSegments: cold } = recorder.manager;
  const { compressedContentBytes, compressedFileBytes } = recorder.segmentMaintainer;
  const isMaintained = threads.maintainer.beats > 0;
  if (!isMaintained && cold === 0) return [];
  const ratio = compressedFileBytes === 0 ? 0 : compressedContentBytes / compressedFileBytes;
  return [
    ...(isMaintained && look.status === 'running' ? [stateOf(look, maintenanceShare)] : []),
    cold === 0 ? `${formatCount(hot)} hot` : `${formatCount(hot)} hot, ${formatCount(cold)} cold`,
    ...(ratio === 0 ? [] : [`compressed to 1 / ${ratio.toFixed(1)}`]),
  ];
}

function stateOf(look: Look, share: number): Piece {
  const { blockedSegments, heldSegments } = look.recorder.segmentMaintainer;
  if (blockedSegments > 0) return piece('blocked by damage', 'red');
  if (share > 0) return piece(`works ${formatShare(share)} of the time`);
  return heldSegments > 0 ? piece(`held by ${holderOf(look)}`, 'yellow') : piece('idle', 'dim');
}

/** What keeps finished segments from being removed or compressed: the log grows meanwhile. */
export function* maintenanceTroubles(look: Look, { happened }: Figures): Generator<Trouble> {
  const { segmentMaintainer, consumers } = look.recorder;
  const { blockedSegments, heldSegments, heldEventId } = segmentMaintainer;
  const { maintenanceFailures, compressionFailures } = happened;
  if (look.status === 'running') {
    if (blockedSegments > 0) {
      yield error(
        'the oldest segment should be removed and is damaged: nothing is removed, the log grows',
        'flashstrike verify tells what is wrong; put the file of a backup in its place',
      );
    }
    const { damagedConsumers } = consumers;
    if (damagedConsumers > 0) {
      const are = damagedConsumers === 1 ? 'consumer is' : 'consumers are';
      yield error(
        `${formatCount(damagedConsumers)} ${are} damaged: nothing is removed, the log grows`,
        'flashstrike consumers tells which; --remove, and register anew',
      );
    } else if (heldSegments > 0) {
      yield warning(
        `the oldest segment should be removed and is kept for ${holderOf(look)}, which needs ` +
          `event ${formatCount(heldEventId)}: the log grows`,
        'Let it catch up, or remove it: flashstrike consumers',
      );
    }
  }
  if (maintenanceFailures > 0) {
    yield warning(
      `maintenance of finished segments failed ${times(maintenanceFailures)}`,
      'It is tried again: see that the folder can be written, and check the disk (dmesg)',
    );
  }
  if (compressionFailures > 0) {
    yield warning(
      `segments could not be compressed ${times(compressionFailures)}: they stay as they are`,
      'It is tried again: compression needs room for a copy',
    );
  }
}
