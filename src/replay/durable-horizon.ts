// How far a follower may go: the highest event id that is known to be durable, asked of ever more
// expensive sources only until one covers the event that waits.

import type { ReadingPorts } from '../judgement/reading-ports.js';
import { readMeta } from '../reading/log-directory.js';
import { readSegment, type SegmentFile } from '../reading/segment-file.js';
import { BLOCK_HEADER_BYTES, decodeBlockHeader } from '../segment/block-header.js';
import { isDefect } from '../segment/defect.js';
import { maxBlockBytes } from '../segment/segment-header.js';
import { KIB } from '../units.js';
import type { Listening } from './listening.js';
import type { LogWalker } from './log-walker.js';

const PEEK_BYTES = 64 * KIB;

export class DurableHorizon {
  readonly #ports: ReadingPorts;
  readonly #walker: LogWalker;
  readonly #listening: Listening | undefined;
  readonly #peek = new Uint8Array(PEEK_BYTES);
  #durableEventId = 0;
  // Where the look ahead stopped, and in which file.
  #peekedSalt: bigint | undefined;
  #peekOffset = 0;

  constructor(ports: ReadingPorts, walker: LogWalker, listening?: Listening) {
    this.#ports = ports;
    this.#walker = walker;
    this.#listening = listening;
  }

  get durableEventId(): number {
    return this.#durableEventId;
  }

  /**
   * Whether `eventId` is durable, as far as anyone tells by now.
   * @param asksAll all are asked, although the writer itself denies it
   */
  covers(eventId: number, asksAll = true): boolean {
    if (eventId <= this.#durableEventId) return true;
    const isReached = this.#listening?.reaches(eventId);
    if (isReached === true) this.#raise(eventId);
    if (isReached === true || (isReached === false && !asksAll)) return isReached;
    const reader = this.#walker.reader;
    if (reader === undefined) return false;
    const { file } = reader;
    this.#raise(reader.durableEventId);
    if (eventId > this.#durableEventId) {
      this.#raise(this.#walker.findSuccessor()?.previousLastEventId);
    }
    if (eventId > this.#durableEventId) {
      this.#raise(this.#ports.regionDurable(this.#walker.dir, file.header.logId));
    }
    if (eventId > this.#durableEventId) this.#lookAhead(file, reader.offset);
    if (eventId > this.#durableEventId) {
      const meta = readMeta(this.#ports.storage, this.#walker.dir);
      const isOurs = meta.status === 'present' && meta.meta.logId === file.header.logId;
      this.#raise(isOurs ? meta.meta.durableEventId : undefined);
    }
    return eventId <= this.#durableEventId;
  }

  #raise(eventId: number | undefined): void {
    if (eventId !== undefined && eventId > this.#durableEventId) this.#durableEventId = eventId;
  }

  /**
   * Hops from header to header: a later block tells that earlier ones are durable. A header is true
   * by its own checksum, so the payloads need not be read for this.
   */
  #lookAhead(file: SegmentFile, fromOffset: number): void {
    const { salt } = file.header;
    const max = maxBlockBytes(file.header);
    if (this.#peekedSalt !== salt || this.#peekOffset < fromOffset) {
      this.#peekedSalt = salt;
      this.#peekOffset = fromOffset;
    }
    // The first look is at one header only: mostly there is none yet.
    let chunk = this.#read(file, BLOCK_HEADER_BYTES);
    let chunkOffset = this.#peekOffset;
    for (;;) {
      if (this.#peekOffset + BLOCK_HEADER_BYTES > chunkOffset + chunk.length) {
        chunk = this.#read(file, PEEK_BYTES);
        chunkOffset = this.#peekOffset;
        if (chunk.length < BLOCK_HEADER_BYTES) return;
      }
      const at = this.#peekOffset - chunkOffset;
      const header = decodeBlockHeader(chunk, at, salt, this.#peekOffset, max);
      if (isDefect(header)) return;
      this.#raise(header.durableEventId);
      this.#peekOffset += BLOCK_HEADER_BYTES + header.payloadBytes;
    }
  }

  #read(file: SegmentFile, byteCount: number): Uint8Array {
    const target = this.#peek.subarray(0, byteCount);
    const offset = this.#peekOffset;
    const { storage } = this.#ports;
    const count = readSegment(storage, file, target, offset);
    return target.subarray(0, count);
  }
}
