// Which segments a log keeps, as its options say.

import { NS_PER_MS } from '../../units.js';
import type { RetentionOptions } from '../threads/wal-options.js';

/** What retention looks at. */
interface Kept {
  /** Finished segments that are there. */
  readonly finishedSegments: number;
  /** Of all segment files, the one that is written to included. */
  readonly bytes: number;
  /** Unix ns: how late it is, as far as that is believed (see BelievedTime). */
  readonly nowNs: bigint;
  /** How long this opening knows that the oldest one is finished: it is no younger than that. */
  readonly finishedForMs: number;
}

/**
 * Whether the oldest finished segment is more than is to be kept.
 * @param newestNs timestamp of its last event
 */
export function exceeds(
  { segments, bytes, ageMs }: RetentionOptions,
  kept: Kept,
  newestNs: bigint,
): boolean {
  if (segments !== undefined && kept.finishedSegments > segments) return true;
  if (bytes !== undefined && kept.bytes > bytes) return true;
  if (ageMs === undefined) return false;
  // Of a time that is yet to come, when the clock was wrong: it would stay for years, and behind it
  // all that came after, whose times are no earlier.
  if (newestNs > kept.nowNs) return kept.finishedForMs > ageMs;
  return newestNs < kept.nowNs - BigInt(ageMs) * BigInt(NS_PER_MS);
}
