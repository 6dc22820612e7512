// The port to whatever keeps a replication stream: an ordered sequence of blocks that is appended
// to by compare-and-swap. Nothing else is asked of an engine, and nothing that it answers is
// believed beyond what a compare-and-swap has proven.

/** A block as the engine has it. */
export interface StoredBlock {
  /** Its place: 1 for the first block of a stream, then one more for each. */
  readonly sequence: number;
  /** What was appended. */
  readonly bytes: Uint8Array;
}

/** Where a stream ends, as far as the engine tells. */
export interface StreamPosition {
  /** Of the first block that is kept; of an empty stream the one that it will have. */
  readonly firstSequence: number;
  /** Of the last block; 0 in a stream that never had one. */
  readonly sequence: number;
  /** The last block; undefined where there is none. */
  readonly block: Uint8Array | undefined;
  /** The longest block that the stream takes, in bytes. */
  readonly maxBlockBytes: number;
}

/**
 * An ordered stream of blocks, which several may append to and one wins. It holds one log.
 * @example
 * import type { BlockStream } from 'flashstrike/replication';
 *
 * const lastSequenceOf = async (stream: BlockStream): Promise<number> =>
 *   (await stream.position()).sequence;
 */
export interface BlockStream {
  /** Names the stream in messages, and the consumer that holds the log's segments for it. */
  readonly name: string;
  /** How long the engine may take to bring to its disks what it has confirmed. Default 0. */
  readonly settleMs?: number | undefined;
  /** What it cannot promise as it is set up, once that is known; one sentence each. */
  readonly notes?: readonly string[] | undefined;
  /**
   * Where the stream ends. May be out of date: it is a hint until an append behind it was accepted.
   * @throws StreamFailure
   */
  position(): Promise<StreamPosition>;
  /**
   * Appends a block if the last sequence of the whole stream is `expected`, and resolves with the
   * block's sequence once a quorum has it. Refused as `unavailable` if the connection was lost
   * since `position` was called: a sequence names a place, and the engine may have been thrown
   * back.
   * @throws StreamFailure: whatever it says, the block may be there, or come later
   */
  append(block: Uint8Array, expected: number): Promise<number>;
  /**
   * The blocks from `from` on, in order, up to where the stream ended when this was called.
   * @throws StreamFailure
   */
  read(from: number): AsyncIterable<StoredBlock>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/**
 * Why an engine did not do what was asked: `conflict`: the stream ends elsewhere; `full`: it takes
 * no more; `timeout`: no answer; `unavailable`: no connection, or no quorum.
 */
export type StreamFailureReason = 'conflict' | 'full' | 'timeout' | 'unavailable';

/** A failure that passes: it is waited for. What a stream throws beside it ends replication. */
export class StreamFailure extends Error {
  /** Always `StreamFailure`. */
  override readonly name = 'StreamFailure';
  /** What kind of failure it is. */
  readonly reason: StreamFailureReason;

  constructor(reason: StreamFailureReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
