// Compresses the finished segments of an open log, but for the newest ones: the oldest first, one
// at a time, a bounded piece a step. What fails stays uncompressed, is told, and tried again later;
// a segment that is damaged is passed over.
import { join } from 'node:path';
import type { Clock } from '../../clock/clock.js';
import { isOperational, WalError } from '../../errors.js';
import { listLog } from '../../reading/log-directory.js';
import { openSegment, readSegmentHeader } from '../../reading/segment-file.js';
import { readBuffer } from '../../reading/segment-reader.js';
import { segmentFileName } from '../../segment/file-names.js';
import type { SegmentHeader } from '../../segment/segment-header.js';
import type { Storage } from '../../storage/storage.js';
import { NS_PER_MS } from '../../units.js';
import { SegmentCompression } from './segment-compression.js';
import type { SegmentRecycler } from './segment-recycler.js';

/** What it tells while it runs. */
export interface CompressionListener {
  /** A segment was compressed: its content and its file have so many bytes. */
  compressed(startNs: number, index: number, contentBytes: number, fileBytes: number): void;
  /** One has been compressed already, by what ended before it could tell. */
  found(index: number, fileBytes: number): void;
  /** One was not. */
  failed(startNs: number, error: Error): void;
}

/**
 * - `working`: there is more to do
 * - `done`: a segment was compressed
 * - `failed`: one was not, and is tried again later, or never where it is damaged
 * - `nothing`: no segment waits for it
 */
type CompressionStep = 'working' | 'done' | 'failed' | 'nothing';

/** Until what failed is tried again; doubled with each failure. */
const BACK_OFF_MS_MIN = 1000;
const BACK_OFF_MS_MAX = 60_000;

interface Running {
  readonly index: number;
  readonly compression: SegmentCompression;
  readonly startNs: number;
}

export class SegmentCompressor {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #dir: string;
  readonly #hotSegments: number;
  readonly #listener: CompressionListener;
  readonly #recycler: SegmentRecycler | undefined;
  readonly #buffer = readBuffer();
  /** Not compressed, ascending, the last segment included; undefined before the first step. */
  #hot: number[] | undefined;
  /** Damaged ones: they stay as they are. */
  readonly #passedOver = new Set<number>();
  #running: Running | undefined;
  /** The segment that was begun with last. */
  #next: number | undefined;
  #backOffMs = 0;
  #notBeforeNs = 0;

  /**
   * @param hotSegments so many of the newest finished segments stay as they are
   * @param recycler of logs that use the files of the others again
   */
  constructor(
    storage: Storage,
    clock: Clock,
    dir: string,
    hotSegments: number,
    listener: CompressionListener,
    recycler?: SegmentRecycler,
  ) {
    this.#recycler = recycler;
    this.#storage = storage;
    this.#clock = clock;
    this.#dir = dir;
    this.#hotSegments = hotSegments;
    this.#listener = listener;
  }

  /** One bounded piece of work. Never throws errors of the system, nor WalErrors. */
  step(): CompressionStep {
    if (this.#clock.nowNs() < this.#notBeforeNs) return 'nothing';
    const startNs = this.#running?.startNs ?? this.#clock.nowNs();
    try {
      return this.#advance(startNs);
    } catch (error) {
      if (!(error instanceof Error) || !isOperational(error)) throw error;
      this.#onFailure(startNs, error);
      return 'failed';
    }
  }

  /** Lets go of what was begun; what is compressed stays so. Idempotent. */
  close(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.compression.close();
  }

  /** A segment is about to be removed: it is not compressed any more. */
  drop(index: number): void {
    if (this.#running?.index === index) this.close();
    this.#forget(index);
  }

  #advance(startNs: number): CompressionStep {
    const running = this.#running;
    if (running === undefined) return this.#begin(startNs) ? 'working' : 'nothing';
    if (!running.compression.step()) return 'working';
    const { index, compression } = running;
    this.close();
    this.#backOffMs = 0;
    this.#forget(index);
    this.#listener.compressed(startNs, index, compression.contentBytes, compression.fileBytes);
    return 'done';
  }

  /** Whether there is a segment to begin with. */
  #begin(startNs: number): boolean {
    const hot = this.#lookForSegments();
    const old = hot.slice(0, Math.max(0, hot.length - this.#hotSegments - 1));
    const index = old.find((candidate) => !this.#passedOver.has(candidate));
    this.#next = index;
    if (index === undefined) return false;
    const pin = this.#headerOf(index + 1);
    const file = openSegment(this.#storage, this.#pathOf(index), { index, logId: pin?.logId });
    if (file === undefined || file.frame !== undefined || pin === undefined) {
      // Removed meanwhile, or not followed: nothing pins its end.
      if (file !== undefined) this.#storage.close(file.fd);
      this.#forget(index);
      if (file?.frame !== undefined) this.#listener.found(index, file.frame.fileBytes);
      return true;
    }
    try {
      const buffer = this.#buffer;
      const compression = new SegmentCompression(this.#storage, file, pin, buffer, this.#recycler);
      this.#running = { index, compression, startNs };
    } finally {
      if (this.#running === undefined) this.#storage.close(file.fd);
    }
    return true;
  }

  #onFailure(startNs: number, error: Error): void {
    const index = this.#running?.index ?? this.#next;
    try {
      this.close();
    } catch (again) {
      // What cannot be removed now is removed before it is made again, or by the next open.
      if (!(again instanceof Error) || !isOperational(again)) throw again;
    }
    this.#backOffMs = Math.min(BACK_OFF_MS_MAX, Math.max(BACK_OFF_MS_MIN, 2 * this.#backOffMs));
    this.#notBeforeNs = this.#clock.nowNs() + this.#backOffMs * NS_PER_MS;
    const isDamage = error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_CORRUPT';
    if (isDamage && index !== undefined) this.#passedOver.add(index);
    this.#listener.failed(startNs, error);
  }

  /** Those that are not compressed: listed once, and then by the name that comes next. */
  #lookForSegments(): readonly number[] {
    if (this.#hot === undefined) {
      const { segments } = listLog(this.#storage, this.#dir);
      this.#hot = segments.flatMap(({ index, isCompressed }) => (isCompressed ? [] : [index]));
    }
    for (let next = (this.#hot.at(-1) ?? 0) + 1; this.#isThere(next); next++) this.#hot.push(next);
    return this.#hot;
  }

  #isThere(index: number): boolean {
    return this.#storage.statusAt(this.#pathOf(index)) !== undefined;
  }

  #headerOf(index: number): SegmentHeader | undefined {
    return readSegmentHeader(this.#storage, this.#pathOf(index), { index })?.header;
  }

  #pathOf(index: number): string {
    return join(this.#dir, segmentFileName(index));
  }

  #forget(index: number): void {
    this.#hot = this.#hot?.filter((other) => other !== index);
  }
}
