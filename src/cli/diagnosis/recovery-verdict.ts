// What the open that made this log found of the one before it.

import { formatBytes } from '../quantities.js';
import type { Look } from './look.js';
import { formatNs } from './quantity.js';

interface RecoveryVerdict {
  readonly isTorn: boolean;
  readonly text: string;
}

/** Clean, or a torn tail; undefined for a log that was new. */
export function recoveryVerdict({
  recorder: { segmentWriter },
  recovery,
}: Look): RecoveryVerdict | undefined {
  const { samples, totalNs } = segmentWriter.openExistingSegment;
  if (samples === 0) return undefined;
  const rewritten = recovery.manager.rewrittenBytes;
  const isTorn =
    segmentWriter.totalHeaderChecksumFailures +
      segmentWriter.totalBlockChecksumFailures +
      segmentWriter.totalChainedChecksumFailures +
      segmentWriter.totalValidationFailures >
    0;
  const rewrite = rewritten === 0 ? '' : `, ${formatBytes(rewritten)} written again`;
  const verdict = isTorn ? 'torn tail, set aside' : 'clean';
  return { isTorn, text: `${verdict}: end found in ${formatNs(totalNs)}${rewrite}` };
}
