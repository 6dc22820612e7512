// Writes a new log from whole blocks of another one: frames keep their types, times and batches,
// and their ids where these go on without a gap. The format is what the recorder writes: sealed
// segments, each synced before the next is published, and at the end a watermark and wal.meta.
//
// Nobody reads the copy before it is finished; a sync is needed at rotations and at the end only.
import { join } from 'node:path';
import { monotonicClock } from '../clock/clock.js';
import { assert } from '../errors.js';
import { random64 } from '../random.js';
import { MetaStore } from '../recorder/housekeeping/meta-store.js';
import type { PredecessorPin } from '../recorder/threads/messages.js';
import { closedBytes } from '../recorder/threads/segment-growth.js';
import { type ActiveSegment, segmentBytesFor } from '../recorder/writer/active-segment.js';
import { publishSegment } from '../recorder/writer/segment-birth.js';
import { NO_PREDECESSOR } from '../recorder/writer/writer-dependencies.js';
import type { FrameRun } from '../ring/ring-snapshot.js';
import { BLOCK_ALIGNMENT, BLOCK_HEADER_BYTES } from '../segment/block-header.js';
import { preparedFileName, segmentFileName } from '../segment/file-names.js';
import { decodeFrame, highestTimestampNs, renumberFrames } from '../segment/frame.js';
import {
  CHECKSUM_KIND_XXH64,
  encodeSegmentHeader,
  flagsForBlocksOf,
  SEGMENT_HEADER_PAGE_BYTES,
} from '../segment/segment-header.js';
import { SegmentTally } from '../segment/segment-tally.js';
import type { Storage } from '../storage/storage.js';
import {
  SegmentWriter,
  SegmentWriterUpdater,
} from '../telemetry/recorder/segment-writer-metrics.js';

interface LogCopyOptions {
  readonly logId: bigint;
  /** A segment that a block does not fit into becomes larger. */
  readonly segmentBytes: number;
  /**
   * Before anything is copied wal.meta says that events up to this one are durable: a copy that
   * does not come to its end is refused as one that lacks events. Default 0.
   */
  readonly claimedEventId?: number | undefined;
  /** The events before the first one were removed on purpose. Default false: nothing tells. */
  readonly isTrimmed?: boolean | undefined;
}

/** A log that begins with a later event has lost its first segment, as retention leaves a log. */
const AFTER_RETENTION: PredecessorPin = {
  segmentIndex: 1,
  endOffset: SEGMENT_HEADER_PAGE_BYTES,
  checksum: 0n,
};

export class LogCopy {
  readonly #storage: Storage;
  readonly #directory: string;
  /** Nobody reads how long the steps of a copy take. */
  readonly #telemetry = new SegmentWriterUpdater(new SegmentWriter());
  readonly #options: LogCopyOptions;
  readonly #meta: MetaStore;
  #frames = new Uint8Array(0);
  #active: ActiveSegment | undefined;
  #firstEventId = 1;
  #lastEventId = 0;
  #durableEventId = 0;
  #lastWrittenTsNs = 0n;
  #segments = 0;

  /** @param directory an empty folder that nobody else writes to */
  constructor(storage: Storage, directory: string, options: LogCopyOptions) {
    this.#storage = storage;
    this.#directory = directory;
    this.#options = options;
    this.#meta = new MetaStore(storage, directory);
    // Before the first segment, as in any log.
    this.#flushMeta(false);
  }

  /** lastEventId = firstEventId - 1 while there is none. */
  get firstEventId(): number {
    return this.#firstEventId;
  }

  get lastEventId(): number {
    return this.#lastEventId;
  }

  get segments(): number {
    return this.#segments;
  }

  /** Appends a block; returns the id that its first event has in the copy. */
  append({ bytes, start, end, header }: FrameRun): number {
    const { eventCount, writtenTsNs } = header;
    if (this.#segments === 0) this.#begin(header.firstEventId);
    const firstEventId = this.#lastEventId + 1;
    const payload = this.#payloadOf(bytes.subarray(start, end), header.firstEventId, firstEventId);
    const roomBytes = this.#active?.roomBytes ?? 0;
    const active =
      this.#active === undefined ||
      payload.length > Math.min(roomBytes, this.#active.maxPayloadBytes)
        ? this.#rotate(payload.length, writtenTsNs)
        : this.#active;
    active.writeEvents({
      payload,
      firstEventId,
      eventCount,
      durableEventId: this.#durableEventId,
      writtenTsNs,
      firstTimestampNs: decodeFrame(payload, 0).timestampNs,
      lastTimestampNs: highestTimestampNs(payload, 0, payload.length),
    });
    this.#lastEventId += eventCount;
    this.#lastWrittenTsNs = writtenTsNs;
    return firstEventId;
  }

  /** For a log that holds no event any more: its next one has the id that it would have had. */
  beginEmpty(nextEventId: number, writtenTsNs: bigint): void {
    assert(this.#segments === 0, 'nothing was copied');
    this.#begin(nextEventId);
    this.#lastWrittenTsNs = writtenTsNs;
    this.#rotate(0, writtenTsNs);
  }

  /** All of the copy is durable, and closed as cleanly as a log can be. */
  finish(): void {
    const active = this.#active;
    if (active !== undefined) {
      active.sync();
      this.#durableEventId = this.#lastEventId;
      active.writeWatermark(this.#lastEventId + 1, this.#durableEventId, this.#lastWrittenTsNs);
      active.sync();
    }
    this.#flushMeta(true);
    this.close();
    if (active !== undefined) this.#cut(active);
  }

  /** Gives back what the last file does not hold, as a log that is closed does. */
  #cut({ segmentIndex, pin }: ActiveSegment): void {
    const path = join(this.#directory, segmentFileName(segmentIndex));
    const fd = this.#storage.open(path, 'write');
    try {
      const bytes = closedBytes(pin.endOffset);
      if (bytes < this.#storage.statusOf(fd).bytes) this.#storage.truncate(fd, bytes);
    } finally {
      this.#storage.close(fd);
    }
  }

  /** Closes the file that is being written; idempotent. */
  close(): void {
    this.#active?.close();
  }

  #begin(firstEventId: number): void {
    this.#firstEventId = firstEventId;
    this.#lastEventId = firstEventId - 1;
    this.#durableEventId = firstEventId - 1;
  }

  #payloadOf(payload: Uint8Array, firstEventId: number, newFirstEventId: number): Uint8Array {
    if (firstEventId === newFirstEventId) return payload;
    assert(newFirstEventId < firstEventId, 'ids only ever close a gap');
    if (this.#frames.length < payload.length) this.#frames = new Uint8Array(payload.length);
    const frames = this.#frames.subarray(0, payload.length);
    frames.set(payload);
    renumberFrames(frames, 0, frames.length, newFirstEventId);
    return frames;
  }

  #rotate(payloadBytes: number, writtenTsNs: bigint): ActiveSegment {
    const predecessor = this.#finishActive(writtenTsNs);
    const segmentIndex = predecessor.segmentIndex + 1;
    const segmentBytes = Math.max(this.#options.segmentBytes, segmentBytesFor(payloadBytes));
    const preparedPath = join(this.#directory, preparedFileName(segmentIndex));
    const firstEventId = this.#lastEventId + 1;
    const fd = this.#storage.open(preparedPath, 'create');
    try {
      this.#storage.allocate(fd, segmentBytes);
      this.#active = publishSegment(this.#storage, monotonicClock, this.#telemetry, {
        isRotation: false,
        fd,
        preparedPath,
        directory: this.#directory,
        fileName: segmentFileName(segmentIndex),
        tally: new SegmentTally(firstEventId),
        durableClaim: this.#durableEventId,
        page: encodeSegmentHeader({
          segmentIndex,
          segmentBytes,
          firstEventId,
          incompatibleFlags: flagsForBlocksOf(BLOCK_HEADER_BYTES + payloadBytes),
          compatibleFlags: 0,
          checksumKind: CHECKSUM_KIND_XXH64,
          blockAlignment: BLOCK_ALIGNMENT,
          logId: this.#options.logId,
          salt: random64(),
          createdTsNs: writtenTsNs,
          previousLastEventId: this.#lastEventId,
          previousEndOffset: predecessor.endOffset,
          previousBlockChecksum: predecessor.checksum,
        }),
      });
    } catch (error) {
      this.#storage.close(fd);
      throw error;
    }
    this.#segments++;
    return this.#active;
  }

  /** Seals, syncs and closes the segment; what its successor pins. */
  #finishActive(writtenTsNs: bigint): PredecessorPin {
    const active = this.#active;
    if (active === undefined) {
      return this.#firstEventId === 1 ? NO_PREDECESSOR : AFTER_RETENTION;
    }
    active.writeSeal(this.#durableEventId, writtenTsNs);
    active.sync();
    active.close();
    this.#active = undefined;
    this.#durableEventId = this.#lastEventId;
    const { endOffset, checksum } = active.pin;
    return { segmentIndex: active.segmentIndex, endOffset, checksum };
  }

  #flushMeta(cleanlyClosed: boolean): void {
    const { logId, claimedEventId = 0, isTrimmed = false } = this.#options;
    const active = this.#active;
    const isEmpty = active === undefined;
    const isClaim = isEmpty && claimedEventId > 0;
    this.#meta.flush({
      cleanlyClosed,
      segmentIndex: isEmpty ? Number(isClaim) : active.segmentIndex,
      offset: isEmpty ? Number(isClaim) * SEGMENT_HEADER_PAGE_BYTES : active.pin.endOffset,
      lastEventId: isEmpty ? 0 : this.#durableEventId,
      logId,
      durableEventId: isEmpty ? claimedEventId : this.#durableEventId,
      firstKeptEventId: !isEmpty && isTrimmed && this.#firstEventId > 1 ? this.#firstEventId : 0,
    });
  }
}
