// What stands where in a sound log, and which bytes call which event durable: the measure for what
// a damage may cost.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { listLog, readMeta } from '../../src/reading/log-directory.js';
import { openSegment } from '../../src/reading/segment-file.js';
import { SegmentReader } from '../../src/reading/segment-reader.js';
import { walkSegment } from '../../src/recovery/segment-walk.js';
import { BLOCK_HEADER_BYTES, BlockKind } from '../../src/segment/block-header.js';
import { META_FILE } from '../../src/segment/file-names.js';
import { SEAL_RESERVED_BYTES } from '../../src/segment/seal.js';
import { SEGMENT_HEADER_PAGE_BYTES } from '../../src/segment/segment-header.js';
import { META_BYTES } from '../../src/segment/wal-meta.js';
import type { Storage } from '../../src/storage/storage.js';

/** A piece of a file. */
export interface Extent {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface Evidence {
  /** Blocks of events, header included. */
  readonly blocks: readonly (Extent & { readonly firstEventId: number })[];
  readonly headerPages: readonly Extent[];
  /** Blocks of events before the end that a successor pins. */
  readonly pinnedBlocks: readonly Extent[];
  readonly seals: readonly (Extent & { readonly salt: bigint })[];
  /** Bytes that call an event durable. */
  readonly claims: readonly (Extent & { readonly durableEventId: number })[];
  /** The highest of them that stands in a segment. */
  readonly durableEventIdInSegments: number;
  /** What is left of the last segment for blocks. */
  readonly roomBytes: number;
  /** One of each segment. */
  readonly salts: readonly bigint[];
  /** Id of the last event in the files. */
  readonly lastEventId: number;
}

type Mutable<List> = List extends readonly (infer Item)[] ? Item[] : never;

export function evidenceIn(storage: Storage, directory: string): Evidence {
  const blocks: Mutable<Evidence['blocks']> = [];
  const headerPages: Extent[] = [];
  const seals: Mutable<Evidence['seals']> = [];
  const claims: Mutable<Evidence['claims']> = [];
  const salts: bigint[] = [];
  const pins = new Map<string, number>();
  let previousPath: string | undefined;
  let roomBytes = 0;
  let lastEventId = 0;
  for (const { path, index } of listLog(storage, directory).segments) {
    const file = openSegment(storage, path, { index });
    assert.ok(file !== undefined);
    const page = { path, offset: 0, bytes: SEGMENT_HEADER_PAGE_BYTES };
    headerPages.push(page);
    salts.push(file.header.salt);
    if (previousPath !== undefined) pins.set(previousPath, file.header.previousEndOffset);
    previousPath = path;
    claims.push({ ...page, durableEventId: file.header.firstEventId - 1 });
    lastEventId = file.header.firstEventId - 1;
    const walk = walkSegment(
      new SegmentReader(storage, file),
      undefined,
      ({ block, blockOffset: offset }) => {
        assert.ok(block !== undefined);
        const { kind, firstEventId, eventCount, durableEventId, payloadBytes } = block;
        claims.push({ path, offset, bytes: BLOCK_HEADER_BYTES, durableEventId });
        const extent = { path, offset, bytes: BLOCK_HEADER_BYTES + payloadBytes };
        if (kind === BlockKind.seal) seals.push({ ...extent, salt: file.header.salt });
        if (kind !== BlockKind.events) return;
        blocks.push({ ...extent, firstEventId });
        lastEventId = firstEventId + eventCount - 1;
      },
    );
    roomBytes = file.bytes - SEAL_RESERVED_BYTES - walk.position.offset;
    storage.close(file.fd);
  }
  const pinnedBlocks = blocks.filter(({ path, offset }) => offset < (pins.get(path) ?? 0));
  const durableEventIdInSegments = Math.max(0, ...claims.map((claim) => claim.durableEventId));
  const meta = readMeta(storage, directory);
  assert.equal(meta.status, 'present');
  const { durableEventId } = meta.meta;
  claims.push({ path: join(directory, META_FILE), offset: 0, bytes: META_BYTES, durableEventId });
  return {
    blocks,
    headerPages,
    pinnedBlocks,
    seals,
    claims,
    durableEventIdInSegments,
    roomBytes,
    salts,
    lastEventId,
  };
}
