// The blocks of a log, read and verified ahead by a preloader on another thread, where one is to be
// had; without one, and wherever that ends, read by the walker itself. All that is decided (damage,
// the end, what is gone) is decided here, by the walker, which goes on at the last block that was
// handed over. So a preloader that dies, stops, or errs costs time, and nothing else.
import { WalError } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import type { TelemetryMeter } from '../reading/reading-meter.js';
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  BlockKind,
  decodeBlockHeader,
  MAX_LARGE_BLOCK_BYTES,
} from '../segment/block-header.js';
import { isDefect } from '../segment/defect.js';
import type { Blocks } from './blocks.js';
import { type LogPlace, LogWalker } from './log-walker.js';
import { PreloadLink, type PreparedBlocks } from './preload-link.js';
import type { Preloader, ReadAhead, ReplayPorts } from './read-ahead.js';

interface GivenBlock {
  readonly header: BlockHeader;
  /** Of the header, in the file. */
  readonly offset: number;
  readonly of: PreparedBlocks;
}

class AheadWalker implements Blocks {
  readonly meter: TelemetryMeter;
  firstEventId = 0;
  nextEventId = 1;
  payloadStart = 0;
  payloadEnd = 0;
  readonly #walker: LogWalker;
  readonly #link: PreloadLink;
  readonly #readAhead: ReadAhead;
  readonly #ports: ReadingPorts;
  /** Read without a preloader, before one is asked for. */
  #ownBytes = 0;
  #preloader: Preloader | undefined;
  /** Blocks come from the preloader; never again once they did not. */
  #isAhead = false;
  #hasBeenAhead = false;
  #slot: PreparedBlocks | undefined;
  /** Of the next block: in `bytes`, and in the file. */
  #at = 0;
  #end = 0;
  #offset = 0;
  /** Where the preloader began. */
  #begun: LogPlace | undefined;
  /** The last block that was handed over. */
  #given: GivenBlock | undefined;

  /** @param walker stands where reading begins, and reads into `link.ownBytes` */
  constructor(
    walker: LogWalker,
    link: PreloadLink,
    readAhead: ReadAhead,
    ports: ReadingPorts,
    meter: TelemetryMeter,
  ) {
    this.#ports = ports;
    this.meter = meter;
    this.#walker = walker;
    this.#link = link;
    this.#readAhead = readAhead;
  }

  /** The walker's own buffer begins the link's memory: but for a large block, all is in there. */
  get bytes(): Uint8Array {
    const { bytes } = this.#walker;
    const isOwn = this.#isAhead || bytes.buffer === this.#link.bytes.buffer;
    return isOwn ? this.#link.bytes : bytes;
  }

  next(): boolean {
    if (!this.#isAhead && !this.#hasBeenAhead && this.#ownBytes > 0) this.#ask();
    if (this.#isAhead) {
      if (this.#nextPrepared()) return true;
      if (!this.#goOnAlone()) return false;
    }
    const walker = this.#walker;
    if (!walker.next()) return false;
    this.firstEventId = walker.firstEventId;
    this.nextEventId = walker.nextEventId;
    this.payloadStart = walker.payloadStart;
    this.payloadEnd = walker.payloadEnd;
    this.#ownBytes += this.payloadEnd - this.payloadStart;
    return true;
  }

  confirmEnd(): boolean {
    return this.#walker.confirmEnd();
  }

  confirmEndAgain(): boolean {
    return this.#walker.confirmEndAgain();
  }

  close(): void {
    this.#leave();
    this.#walker.close();
  }

  /** A preloader, once enough was read without one; it takes over once it is there. */
  #ask(): void {
    if (this.#preloader === undefined) {
      if (this.#ownBytes < this.#readAhead.afterBytes) return;
      this.#preloader = this.#readAhead.offer(this.#walker.dir, this.#link, this, this.#ports);
      if (this.#preloader === undefined) this.#hasBeenAhead = true;
    }
    const place = this.#link.isTakenUp ? this.#walker.placeBehind : undefined;
    if (place === undefined || this.#preloader === undefined) return;
    this.#begun = place;
    this.#hasBeenAhead = true;
    this.#isAhead = true;
    this.#preloader.begin(place);
  }

  #nextPrepared(): boolean {
    for (;;) {
      if (this.#at === this.#end && !this.#take()) return false;
      const slot = this.#slot;
      if (slot === undefined) return false;
      const [{ bytes }, max] = [this.#link, MAX_LARGE_BLOCK_BYTES];
      // Seen by the preloader; seen again, it also belongs to this place, and follows.
      const header = decodeBlockHeader(bytes, this.#at, slot.salt, this.#offset, max);
      if (isDefect(header) || header.firstEventId !== this.nextEventId) return false;
      const offset = this.#offset;
      const start = this.#at + BLOCK_HEADER_BYTES;
      const blockBytes = BLOCK_HEADER_BYTES + header.payloadBytes;
      this.#at += blockBytes;
      this.#offset += blockBytes;
      this.meter.segmentReader.onVerifyBlock(blockBytes, header.eventCount);
      if (header.kind !== BlockKind.events) continue;
      this.#given = { header, offset, of: slot };
      this.firstEventId = header.firstEventId;
      this.nextEventId = header.firstEventId + header.eventCount;
      this.payloadStart = start;
      this.payloadEnd = start + header.payloadBytes;
      return true;
    }
  }

  /** The next slot; false where none comes. */
  #take(): boolean {
    const link = this.#link;
    if (this.#slot !== undefined) link.finish(this.#slot.slot);
    this.#slot = undefined;
    const slot = link.take() ?? this.#await();
    if (slot === undefined) return false;
    this.#slot = slot;
    // It sleeps where it has no slot left. To wake it costs more than all else here, so it is woken
    // once it can prepare several, and those are prepared while this one is read.
    if (link.preparedSlots === 0) this.#preloader?.wake();
    // Until then it could go on there, though the file has lost its name.
    if (slot.segmentIndex !== this.#begun?.segmentIndex) this.#walker.close();
    const start = link.startOfSlot(slot.slot);
    this.#at = start + slot.start;
    this.#end = start + slot.end;
    this.#offset = slot.offset;
    if (!this.meter.isSilent) this.#record(slot.slot);
    return true;
  }

  #await(): PreparedBlocks | undefined {
    const link = this.#link;
    for (;;) {
      // Both before the look: what comes in between is not waited for.
      const { isOver, news } = link;
      const slot = link.take();
      if (slot !== undefined || isOver) return slot;
      if (this.#preloader?.wait(news) === true) continue;
      this.meter.segmentPreloader.onPreloadSegment(this.meter.nowNs(), false);
      return undefined;
    }
  }

  #record(slot: number): void {
    const { segmentReader, segmentPreloader } = this.meter;
    const { readNs, readBytes, openNs, verifyNs, closeNs } = this.#link.timesOf(slot);
    const nowNs = this.meter.nowNs();
    if (readBytes > 0) segmentReader.onReadChunk(nowNs - readNs, true, readBytes);
    if (verifyNs === 0) return;
    segmentReader.onOpenSegment(nowNs - openNs, true);
    segmentReader.onVerifySegment(nowNs - verifyNs, true);
    segmentReader.onCloseSegment(nowNs - closeNs, true);
    segmentPreloader.onPreloadSegment(nowNs - openNs - verifyNs, true);
    segmentPreloader.onFinishSegment(nowNs - closeNs, true);
  }

  /** Back to the walker; false where it finds nothing more. */
  #goOnAlone(): boolean {
    this.#isAhead = false;
    const given = this.#given;
    this.#leave();
    try {
      this.#walker.resume(given === undefined ? this.#begun : placeOf(given));
    } catch (error) {
      if (!isExpiredUpTo(error, this.nextEventId)) throw error;
      // That segment is gone, and all of it was handed over: what comes next is there.
      this.#walker.seek(this.nextEventId);
      return true;
    }
    // That block was handed over. It is read again for what its header tells of the log's end.
    return given === undefined || this.#walker.next();
  }

  #leave(): void {
    this.#preloader?.close();
    this.#preloader = undefined;
    this.#slot = undefined;
    this.#at = this.#end;
  }
}

/** A segment is gone, and the first event that is still there is this one. */
const isExpiredUpTo = (error: unknown, eventId: number): boolean =>
  error instanceof WalError &&
  error.code === 'ERR_FLASHSTRIKE_EXPIRED' &&
  error.firstEventId === eventId;

function placeOf({ header, offset, of }: GivenBlock): LogPlace {
  const position = {
    offset,
    nextEventId: header.firstEventId,
    nextBlockIndex: header.blockIndex,
    previousBlockChecksum: header.previousBlockChecksum,
  };
  return { segmentIndex: of.segmentIndex, salt: of.salt, position };
}

/**
 * The walker that finds where reading begins, and the blocks that are read from there.
 * @param readAhead whether it is asked for; undefined: as the ports have it
 */
export function walkersOf(
  ports: ReplayPorts,
  dir: string,
  meter: TelemetryMeter,
  readAhead = ports.readsAhead ?? false,
): { readonly walker: LogWalker; readonly blocks: Blocks } {
  if (!readAhead || ports.readAhead === undefined) {
    const walker = new LogWalker(ports, dir, meter);
    return { walker, blocks: walker };
  }
  const link = new PreloadLink();
  const walker = new LogWalker({ ...ports, readBuffer: () => link.ownBytes }, dir, meter);
  return { walker, blocks: new AheadWalker(walker, link, ports.readAhead, ports, meter) };
}
