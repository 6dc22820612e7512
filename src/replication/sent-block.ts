// A block that is on its way: its bytes, what it is to be accepted behind, and where the stream
// ends once it was.
import { viewOf } from '../memory/codec.js';
import {
  encodeStreamBlock,
  type LastRun,
  nextEventIdBehind,
  type StreamBlock,
  StreamBlockLayout,
} from './stream-block.js';
import type { StreamEnd, StreamTip } from './stream-tip.js';

/** What a claim was made behind. */
export interface ClaimedPlace {
  readonly end: StreamEnd;
  readonly run: LastRun;
  /** The log has the last events of the stream, and they are the same. */
  readonly isKnown: boolean;
}

type NewBlock = Omit<StreamBlock, 'previousChecksum' | 'payloadChecksum' | 'checksum'>;

export class Sent {
  readonly bytes: Uint8Array;
  /** The sequence that the stream must end with. */
  readonly expected: number;
  readonly previousChecksum: bigint;
  /** Behind it. */
  readonly tip: StreamTip;
  /** Of a claim. */
  readonly place: ClaimedPlace | undefined;

  constructor(behind: StreamTip, block: NewBlock, place?: ClaimedPlace) {
    this.bytes = encodeStreamBlock({ ...block, previousChecksum: behind.checksum });
    this.expected = behind.sequence;
    this.previousChecksum = behind.checksum;
    const checksum = viewOf(this.bytes).getBigUint64(StreamBlockLayout.offset.checksum, true);
    const { epoch, logId } = block;
    const nextEventId = nextEventIdBehind(block);
    this.tip = { sequence: behind.sequence + 1, epoch, logId, checksum, nextEventId };
    this.place = place;
  }
}
