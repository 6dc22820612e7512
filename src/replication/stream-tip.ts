// The end of a stream, as its last block tells it, and the last events that it has whole. That
// needs the block before as well: one that does not follow it must not be gone on behind.
import { xxh64 } from '../segment/checksum.js';
import { isDefect } from '../segment/defect.js';
import {
  type BlockStream,
  type StoredBlock,
  StreamFailure,
  type StreamPosition,
} from './block-stream.js';
import {
  decodeStreamBlock,
  type LastRun,
  markOf,
  nextEventIdBehind,
  type StreamBlock,
  StreamKind,
} from './stream-block.js';
import { damagedStream } from './stream-failures.js';

export interface StreamTip {
  /** Of the last block; 0 in an empty stream. */
  readonly sequence: number;
  /** 0 in an empty stream. */
  readonly epoch: number;
  /** The log that wrote it; 0 in an empty stream. */
  readonly logId: bigint;
  readonly checksum: bigint;
  /** The id that comes next; 0: an empty stream takes any. */
  readonly nextEventId: number;
}

/** What the engine tells. */
export interface StreamEnd extends StreamTip {
  readonly firstSequence: number;
  /** Undefined in an empty stream. */
  readonly block: StreamBlock | undefined;
}

export const NO_RUN: LastRun = Object.freeze({ firstEventId: 0, eventCount: 0, checksum: 0n });

/** @throws WalError ERR_FLASHSTRIKE_CORRUPT for a last block that is damaged, or not there */
export function endOf(name: string, position: StreamPosition): StreamEnd {
  const { firstSequence, sequence, block: bytes } = position;
  if (bytes === undefined) {
    // Without it nobody knows what the stream has had.
    if (sequence > 0) throw damagedStream(name, sequence, 'the last block is not kept any more');
    const nothing = { epoch: 0, logId: 0n, checksum: 0n, nextEventId: 0, block: undefined };
    return { firstSequence, sequence, ...nothing };
  }
  const block = decoded(name, { sequence, bytes });
  const { epoch, logId, checksum } = block;
  const nextEventId = nextEventIdBehind(block);
  return { firstSequence, sequence, epoch, logId, checksum, nextEventId, block };
}

/** @throws WalError ERR_FLASHSTRIKE_CORRUPT */
export function decoded(name: string, { sequence, bytes }: StoredBlock): StreamBlock {
  const block = decodeStreamBlock(bytes);
  if (isDefect(block)) throw damagedStream(name, sequence, block.message);
  return block;
}

/**
 * The last events that the stream has whole up to `end`.
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT; StreamFailure, also where it ends elsewhere by now
 */
export async function lastRunOf(
  stream: BlockStream,
  end: Pick<StreamEnd, 'firstSequence' | 'sequence' | 'checksum' | 'block'>,
): Promise<LastRun> {
  const { block, sequence, firstSequence } = end;
  if (block === undefined) return NO_RUN;
  const { kind, firstEventId, eventCount, part, parts } = block;
  // All parts of a run stand together, and before unfinished ones what was there before.
  const back = kind === StreamKind.part ? part : 1;
  const blocks = await readBack(stream, end, back);
  if (kind === StreamKind.events)
    return { firstEventId, eventCount, checksum: block.payloadChecksum };
  if (kind !== StreamKind.part) return markOf(block).run;
  const pieces = blocks.slice(-part);
  const [before] = blocks;
  if (pieces.length < part || before === undefined || (part < parts && blocks.length === part)) {
    throw damagedStream(stream.name, sequence - back, 'parts of a run are not kept any more');
  }
  if (part === parts) {
    const frames = Buffer.concat(pieces.map(({ payload }) => payload));
    return { firstEventId, eventCount, checksum: xxh64(frames, 0n) };
  }
  const place = { firstSequence, sequence: sequence - back, checksum: before.checksum };
  return lastRunOf(stream, { ...place, block: before });
}

/** Up to `count` blocks before the last one, and that, each with the one before it checked. */
async function readBack(
  stream: BlockStream,
  { firstSequence, sequence, checksum }: Pick<StreamEnd, 'firstSequence' | 'sequence' | 'checksum'>,
  count: number,
): Promise<StreamBlock[]> {
  const from = Math.max(firstSequence, sequence - count);
  const blocks: StreamBlock[] = [];
  for await (const stored of stream.read(from)) {
    if (stored.sequence > sequence) break;
    const block = decoded(stream.name, stored);
    const before = blocks.at(-1);
    if (before !== undefined && block.previousChecksum !== before.checksum) {
      throw damagedStream(stream.name, stored.sequence, 'it does not follow the block before');
    }
    blocks.push(block);
  }
  if (blocks.at(-1)?.checksum !== checksum || blocks.length !== sequence - from + 1) {
    throw new StreamFailure('conflict', `stream ${stream.name} ends elsewhere by now`);
  }
  return blocks;
}
