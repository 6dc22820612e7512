// Block headers with right checksums, one behind the other, each with a payload that reaches to the
// end of the segment, or as far as a block may: what a reader does for one of them it may do for
// each.
import {
  BLOCK_HEADER_BYTES,
  BlockKind,
  encodeBlockHeader,
  MAX_BLOCK_PAYLOAD_BYTES,
} from '../../src/segment/block-header.js';
import type { Storage } from '../../src/storage/storage.js';

/**
 * Fills `file` from `fromOffset` on; returns how many. The n-th speaks of event `lastEventId` + n.
 */
export function forgeHeaders(
  file: Uint8Array,
  salt: bigint,
  fromOffset: number,
  lastEventId: number,
): number {
  let count = 0;
  // The last ones leave room for a payload.
  for (let at = fromOffset; at + 2 * BLOCK_HEADER_BYTES <= file.length; at += BLOCK_HEADER_BYTES) {
    count++;
    const room = file.length - at - BLOCK_HEADER_BYTES;
    const header = {
      kind: BlockKind.events,
      flags: 0,
      payloadBytes: Math.min(room - (room % 8), MAX_BLOCK_PAYLOAD_BYTES),
      firstEventId: lastEventId + count,
      eventCount: 1,
      blockIndex: count,
      durableEventId: lastEventId + count - 1,
      payloadChecksum: 0n,
      previousBlockChecksum: 0n,
      writtenTsNs: 0n,
    };
    encodeBlockHeader(file.subarray(at), header, salt, at);
  }
  return count;
}

/** A storage that counts the bytes which it is asked for. */
export class ReadCount {
  bytes = 0;
  readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = {
      ...storage,
      read: (fd, target, offset) => {
        this.bytes += target.length;
        return storage.read(fd, target, offset);
      },
    };
  }
}
