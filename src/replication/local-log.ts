// What replication asks of the log that is replicated: its durable blocks as they come, and single
// events to compare with what a stream has. Through the files, so the same in any process.

import { firstEventIdKept } from '../consumers/first-event.js';
import { WalError } from '../errors.js';
import { knownLogId } from '../judgement/log-identity.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import type { FollowBlocksOptions, LoggedBlock } from '../reading/events.js';
import { findPlace } from '../replay/cursor.js';
import { followBlocksThrough } from '../replay/follow-blocks.js';
import { LogWalker } from '../replay/log-walker.js';
import { BLOCK_HEADER_BYTES } from '../segment/block-header.js';
import { decodeFrame, FRAME_HEADER_BYTES, frameSpan } from '../segment/frame.js';

/** Frames of a block of the log, verified; whole batches. */
export interface LocalBlock {
  readonly frames: Uint8Array;
  readonly firstEventId: number;
  readonly lastEventId: number;
}

/** The frames that were asked for; `expired`: they were removed; `missing`: the log ends before. */
type FoundFrames = Uint8Array | 'expired' | 'missing';

export interface LocalLog {
  readonly dir: string;
  readonly logId: bigint;
  /** The first event that is there, or the one that will be the first. */
  firstEventId(): number;
  /** Durable blocks from that with event `from` on, without end. */
  follow(from: number, signal: AbortSignal): AsyncIterator<LocalBlock, unknown>;
  /** The frames of `eventCount` events, of whatever blocks. */
  frames(firstEventId: number, eventCount: number): FoundFrames;
  /** Lets go of the files that `frames` has open; it opens them again. */
  close(): void;
}

export class FileLog implements LocalLog {
  readonly dir: string;
  readonly logId: bigint;
  readonly #ports: ReadingPorts;
  readonly #follow: (options: FollowBlocksOptions) => AsyncGenerator<LoggedBlock, unknown>;
  /** Stands behind what was asked for last: who compares a whole log goes on there. */
  #walker: LogWalker | undefined;

  /**
   * @param follow in place of a follower of its own: an open log has one
   * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG
   */
  constructor(
    ports: ReadingPorts,
    dir: string,
    follow?: (options: FollowBlocksOptions) => AsyncGenerator<LoggedBlock, unknown>,
  ) {
    const { storage } = ports;
    this.dir = dir;
    this.logId = knownLogId(storage, dir);
    this.#ports = ports;
    this.#follow = follow ?? ((options) => followBlocksThrough(ports, dir, options));
  }

  firstEventId(): number {
    return firstEventIdKept(this.#ports.storage, this.dir, this.logId);
  }

  async *follow(from: number, signal: AbortSignal): AsyncGenerator<LocalBlock, void> {
    for await (const { bytes, firstEventId, lastEventId } of this.#follow({ from, signal })) {
      yield { frames: bytes.subarray(BLOCK_HEADER_BYTES), firstEventId, lastEventId };
    }
  }

  frames(firstEventId: number, eventCount: number): FoundFrames {
    const endEventId = firstEventId + eventCount;
    try {
      const walker = this.#walkerBefore(firstEventId);
      const pieces: Uint8Array[] = [];
      for (let next = firstEventId; next < endEventId; ) {
        if (walker.nextEventId <= next && !this.#advance(walker)) return 'missing';
        if (walker.nextEventId <= next) continue;
        if (walker.firstEventId > next) return 'expired';
        pieces.push(framesIn(walker, next, endEventId));
        next = walker.nextEventId;
      }
      return Buffer.concat(pieces);
    } catch (error) {
      this.close();
      if (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_EXPIRED') return 'expired';
      throw error;
    }
  }

  close(): void {
    this.#walker?.close();
    this.#walker = undefined;
  }

  /**
   * Whose current block, or the next one, has the event. From any other place it is looked up: a
   * walk there may be long, and a segment on the way may be gone.
   */
  #walkerBefore(eventId: number): LogWalker {
    const open = this.#walker;
    const { firstEventId = 0, nextEventId = 0 } = open ?? {};
    const isNear = firstEventId > 0 && firstEventId <= eventId && eventId <= nextEventId;
    if (open !== undefined && isNear) return open;
    this.close();
    const walker = new LogWalker(this.#ports, this.dir);
    this.#walker = walker;
    walker.resume(findPlace(walker, { eventId }, { beyondEnd: true }));
    return walker;
  }

  /** False at the end of the log. */
  #advance(walker: LogWalker): boolean {
    while (!walker.next()) if (walker.confirmEnd()) return false;
    return true;
  }
}

/** A copy of the frames of the walker's block with ids in [first, end). */
function framesIn(walker: LogWalker, firstEventId: number, endEventId: number): Uint8Array {
  const { bytes, payloadStart, payloadEnd } = walker;
  let at = payloadStart;
  let id = walker.firstEventId;
  const skip = (): void => {
    at += frameSpan(FRAME_HEADER_BYTES + decodeFrame(bytes, at).payloadBytes);
    id++;
  };
  while (id < firstEventId) skip();
  const start = at;
  while (id < endEventId && at < payloadEnd) skip();
  return new Uint8Array(bytes.subarray(start, at));
}
