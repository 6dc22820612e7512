// The blocks of a log, read and verified ahead by a preloader on another thread, where one is to be
// had; without one, and wherever that ends, read by the walker itself. All that is decided (damage,
// the end, what is gone) is decided here, by the walker, which goes on at the last block that was
// handed over. So a preloader that dies, stops, or errs costs time, and nothing else.
import { WalError } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import type { TelemetryMeter } from '../reading/reading-meter.js';
import { BlockGlance, joined } from '../segment/block-glance.js';
import { BLOCK_HEADER_BYTES, BlockKind } from '../segment/block-header.js';
import type { Blocks } from './blocks.js';
import { type LogPlace, LogWalker } from './log-walker.js';
import { PreloadLink, type PreparedBlocks } from './preload-link.js';
import type { Preloader, ReadAhead, ReplayPorts } from './read-ahead.js';

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
  /** A slot that was read to its end, and is given back with the next step; -1: none is. */
  #done = -1;
  readonly #words: Int32Array;
  readonly #block = new BlockGlance();
  /** A block of this slot was looked at. */
  #isInside = false;
  /** Of the next block: in `bytes`, and in the file. */
  #at = 0;
  #end = 0;
  #offset = 0;
  /** Where the preloader began. */
  #begun: LogPlace | undefined;
  /** The slot of the last block that was handed over, where that stands in its file, what it is. */
  #given: PreparedBlocks | undefined;
  #givenOffset = 0;
  #givenIndex = 0;
  #givenPreviousLow = 0;
  #givenPreviousHigh = 0;

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
    this.#words = new Int32Array(link.bytes.buffer);
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
    this.#giveBack();
    for (;;) {
      if (this.#at === this.#end && !this.#take()) return false;
      const slot = this.#slot;
      if (slot === undefined) return false;
      const block = this.#block;
      // Verified by the preloader; here it must only be the next one.
      if (!block.look(this.#words, this.#at, this.#end, this.#isInside)) return false;
      if (block.firstEventId !== this.nextEventId) return false;
      this.#isInside = true;
      const offset = this.#offset;
      const start = this.#at + BLOCK_HEADER_BYTES;
      const blockBytes = BLOCK_HEADER_BYTES + block.payloadBytes;
      this.#at += blockBytes;
      this.#offset += blockBytes;
      this.meter.segmentReader.onVerifyBlock(blockBytes, block.eventCount);
      if (block.kind !== BlockKind.events) continue;
      this.#given = slot;
      this.#givenOffset = offset;
      this.#givenIndex = block.blockIndex;
      this.#givenPreviousLow = block.previousLow;
      this.#givenPreviousHigh = block.previousHigh;
      this.firstEventId = block.firstEventId;
      this.nextEventId = block.firstEventId + block.eventCount;
      this.payloadStart = start;
      this.payloadEnd = start + block.payloadBytes;
      return true;
    }
  }

  /** The next slot; false where none comes. */
  #take(): boolean {
    const link = this.#link;
    // Given back behind the first block of the next one, which then comes sooner.
    this.#giveBack();
    this.#done = this.#slot?.slot ?? -1;
    this.#slot = undefined;
    const slot = link.take() ?? this.#await();
    if (slot === undefined) return false;
    this.#slot = slot;
    this.#isInside = false;
    // Until then it could go on there, though the file has lost its name.
    if (slot.segmentIndex !== this.#begun?.segmentIndex) this.#walker.close();
    const start = link.startOfSlot(slot.slot);
    this.#at = start + slot.start;
    this.#end = start + slot.end;
    this.#offset = slot.offset;
    if (!this.meter.isSilent) this.#record(slot.slot);
    return true;
  }

  #giveBack(): void {
    if (this.#done < 0) return;
    this.#link.finish(this.#done);
    this.#done = -1;
    // It sleeps where it has no slot left. To wake it costs more than all else here, so it is woken
    // once it can prepare several, and those are prepared while this one is read.
    if (this.#link.preparedSlots === 0) this.#preloader?.wake();
  }

  #await(): PreparedBlocks | undefined {
    this.#giveBack();
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
      this.#walker.resume(given === undefined ? this.#begun : this.#placeOf(given));
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
    this.#done = -1;
    this.#at = this.#end;
  }

  /** Of the last block that was handed over. */
  #placeOf({ segmentIndex, salt }: PreparedBlocks): LogPlace {
    const position = {
      offset: this.#givenOffset,
      nextEventId: this.firstEventId,
      nextBlockIndex: this.#givenIndex,
      previousBlockChecksum: joined(this.#givenPreviousLow, this.#givenPreviousHigh),
    };
    return { segmentIndex, salt, position };
  }
}

/** A segment is gone, and the first event that is still there is this one. */
const isExpiredUpTo = (error: unknown, eventId: number): boolean =>
  error instanceof WalError &&
  error.code === 'ERR_FLASHSTRIKE_EXPIRED' &&
  error.firstEventId === eventId;

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
