// Follows a log block by block: for those who ship it on, and need no single events. A block was
// verified whole when it is handed out; what is handed out is a copy, so that nobody outside gets
// hold of the memory that the next block is verified in.
import { assert } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { checkDirectory, checkOptions } from '../reading/event-range.js';
import type { FollowBlocksOptions, LoggedBlock } from '../reading/events.js';
import { BLOCK_HEADER_BYTES } from '../segment/block-header.js';
import { decodeFrame, frameMarks, highestTimestampNs } from '../segment/frame.js';
import { Follower, type Steps } from './follower.js';
import { checkFollowing } from './following.js';
import { HandOut } from './hand-out.js';
import type { LogPlace, LogWalker } from './log-walker.js';
import { isAnyBeginning, type Start } from './start.js';

/** As many events as a block counts for between two turns of the event loop: 16 MiB at most. */
const BLOCK_WEIGHT = 256;

/** Block by block. */
class BlockSteps implements Steps<LoggedBlock> {
  readonly #walker: LogWalker;
  readonly #fromEventId: number;
  /** What the last event of the first block must reach; undefined once one has. */
  #fromTimeNs: bigint | undefined;
  readonly #handOut: HandOut | undefined;
  /** The walker's bytes, as words. */
  #words: Int32Array = new Int32Array(0);
  #isLoaded = false;

  constructor(walker: LogWalker, place: LogPlace | undefined, start: Start, reuse: boolean) {
    this.#walker = walker;
    this.#fromEventId = start.eventId ?? 1;
    this.#fromTimeNs = start.timeNs;
    this.#handOut = reuse ? new HandOut() : undefined;
    try {
      walker.resume(place, isAnyBeginning(start));
    } catch (error) {
      walker.close();
      throw error;
    }
  }

  get upcomingEventId(): number {
    return this.#isLoaded ? this.#walker.nextEventId - 1 : 0;
  }

  begin(): void {}

  load(): boolean {
    do {
      if (!this.#walker.next()) return false;
    } while (this.#walker.nextEventId <= this.#fromEventId || this.#isEarlier());
    this.#isLoaded = true;
    return true;
  }

  /** Whether all events of the block are before the time at which reading begins. */
  #isEarlier(): boolean {
    const timeNs = this.#fromTimeNs;
    const { reader, bytes } = this.#walker;
    if (timeNs === undefined || reader === undefined) return false;
    if (highestTimestampNs(bytes, reader.payloadStart, reader.payloadEnd) < timeNs) return true;
    this.#fromTimeNs = undefined;
    return false;
  }

  take(): LoggedBlock {
    const { reader, bytes } = this.#walker;
    const block = reader?.block;
    assert(reader !== undefined && block !== undefined, 'what is taken was loaded');
    this.#isLoaded = false;
    const { payloadStart, payloadEnd, blockOffset, file } = reader;
    const { firstEventId, eventCount } = block;
    const { lastOffset, batches } = frameMarks(bytes, payloadStart, payloadEnd, firstEventId);
    const { salt, segmentIndex, logId } = file.header;
    return {
      firstEventId,
      lastEventId: firstEventId + eventCount - 1,
      firstTimestampNs: decodeFrame(bytes, payloadStart).timestampNs,
      lastTimestampNs: decodeFrame(bytes, lastOffset).timestampNs,
      batches,
      bytes: this.#copy(payloadStart - BLOCK_HEADER_BYTES, payloadEnd),
      salt,
      offset: blockOffset,
      segmentIndex,
      logId,
    };
  }

  #copy(start: number, end: number): Uint8Array {
    const { bytes } = this.#walker;
    const handOut = this.#handOut;
    if (handOut === undefined) return ownCopy(bytes, start, end);
    if (this.#words.buffer !== bytes.buffer) {
      this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    }
    handOut.put(bytes, this.#words, start, end - start);
    return handOut.view(end - start);
  }

  confirmEndAgain(): boolean {
    return this.#walker.confirmEndAgain();
  }

  close(): void {
    this.#walker.close();
  }
}

/** As `slice`, in memory that is not filled with zeros first: that took half of all the time. */
function ownCopy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const { buffer } = Buffer.allocUnsafeSlow(end - start);
  const copy = new Uint8Array(buffer);
  copy.set(bytes.subarray(start, end));
  return copy;
}

/**
 * Iterates over the durable blocks of the log in `dir`, from the one with event `from` on, in order
 * and verified, then over each new one as the log grows: for those who ship a log on, and the
 * fastest way to follow it. A block is handed out once all of its events are durable; see `follow`.
 * @throws WalError as `follow` does
 * @example
 * import { followBlocks } from 'flashstrike';
 *
 * for await (const { lastEventId, bytes } of followBlocks('./orders', { from: 1 })) {
 *   console.log(`up to event ${lastEventId}: ${bytes.length} bytes`);
 * }
 */
export function followBlocks(
  dir: string | URL,
  options: FollowBlocksOptions = {},
): AsyncGenerator<LoggedBlock, undefined, void> {
  return followBlocksThrough(REGION_PORTS, checkDirectory(dir), options);
}

/** {@link followBlocks} with other ports than those of this machine. */
export function followBlocksThrough(
  ports: ReadingPorts,
  dir: string,
  options: FollowBlocksOptions = {},
): AsyncGenerator<LoggedBlock, undefined, void> {
  checkOptions(options);
  const following = checkFollowing({ ...options, undurable: false });
  const { start, reuse } = following;
  return new Follower(
    ports,
    dir,
    following,
    (walker, place) => new BlockSteps(walker, place, start, reuse),
    BLOCK_WEIGHT,
  );
}
