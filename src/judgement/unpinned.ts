// A finished segment whose successor cannot be read: nothing pins where it ends, so it is judged by
// itself. It ends at its seal, or behind the last block that validates and chains.
//
// Behind a hole only what the file itself calls durable, or a seal counts, is of the log for sure:
// a write that was torn, and given up by the recovery of that time, leaves blocks behind whose ids
// were used again.

import type { SegmentReader } from '../reading/segment-reader.js';
import { type Hole, type SalvageBounds, SegmentSalvager } from '../reading/segment-salvager.js';
import type { Storage } from '../storage/storage.js';
import { scanTail, type TailScan } from './tail-scan.js';

interface UnpinnedEnd {
  readonly scan: TailScan;
  /** What counts behind a hole. */
  readonly bounds: SalvageBounds & { readonly lastEventId: number };
}

/** What the file itself tells of its end; `reader` stands where no further block validates. */
export function unpinnedEnd(storage: Storage, reader: SegmentReader): UnpinnedEnd {
  const scan = scanTail(storage, reader.file, reader.offset);
  const lastEventId = Math.max(reader.durableEventId, scan.durableEventId, scan.sealedEventId);
  return { scan, bounds: { lastEventId } };
}

/** The hole at which `reader` stands; undefined where the segment may well end there. */
export function unpinnedHole(storage: Storage, reader: SegmentReader): Hole | undefined {
  if (reader.sealed) return undefined;
  const { bounds } = unpinnedEnd(storage, reader);
  if (bounds.lastEventId < reader.nextEventId) return undefined;
  return new SegmentSalvager(storage, reader).skipHole(bounds);
}
