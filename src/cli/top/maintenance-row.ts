// What becomes of finished segments, as a row: how many are compressed, to what, and what keeps the
// oldest from being removed.

import type { Figures } from '../diagnosis/figures.js';
import type { Look } from '../diagnosis/look.js';
import { holderOf } from '../diagnosis/maintenance.js';
import { formatShare } from '../diagnosis/quantity.js';
import { formatCount } from '../quantities.js';
import { type Piece, piece } from './text-line.js';

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
