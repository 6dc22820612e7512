// The blocks of all finished segments, verified while the log is open: a few megabytes a step, and
// as long a rest behind each as it took, so that the disk belongs to the commits for half of the
// time. Damage that is found does not stop the log, because what is being written is sound; it is
// told.
import { join } from 'node:path';
import type { Clock } from '../clock/clock.js';
import { FrameCheck } from '../compression/frame-check.js';
import { BLOCK_CONTENT_BYTES } from '../compression/lz4-frame.js';
import { WalError } from '../errors.js';
import { type ListedSegment, listLog } from '../reading/log-directory.js';
import { endsAtPin, frameError } from '../reading/pin.js';
import { SealCheck, sealError } from '../reading/seal-check.js';
import { openSegment, readSegmentHeader, type SegmentFile } from '../reading/segment-file.js';
import { readBuffer, SegmentReader } from '../reading/segment-reader.js';
import { segmentFileName } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import { MIB, NS_PER_MS } from '../units.js';

/** What it tells while it runs. */
export interface VerificationListener {
  /** So many finished segments are to be verified. */
  begin(segments: number): void;
  /** One of them is done; `error`: what is wrong with it. */
  segment(startNs: number, error: WalError | undefined): void;
  end(): void;
}

const STEP_BYTES = 2 * MIB;
const IDLE_MS = 1000;

interface Running {
  readonly reader: SegmentReader;
  readonly pin: SegmentHeader;
  readonly check: SealCheck | undefined;
  readonly startNs: number;
  /** Of a compressed segment whose blocks are read. */
  frameCheck: FrameCheck | undefined;
}

export class FinishedVerification {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #dir: string;
  readonly #listener: VerificationListener;
  /**
   * Segments that are still to be verified, the last one in front; undefined before the first step.
   */
  #left: ListedSegment[] | undefined;
  #running: Running | undefined;
  readonly #buffer = readBuffer();
  #hasEnded = false;
  #notBeforeNs = 0;

  constructor(storage: Storage, clock: Clock, dir: string, listener: VerificationListener) {
    this.#storage = storage;
    this.#clock = clock;
    this.#dir = dir;
    this.#listener = listener;
  }

  /**
   * One bounded piece of work; returns the ms that may pass until the next. Never throws WalErrors.
   */
  step(): number {
    if (this.#hasEnded) return IDLE_MS;
    const startNs = this.#clock.nowNs();
    if (startNs < this.#notBeforeNs) return (this.#notBeforeNs - startNs) / NS_PER_MS;
    try {
      this.#advance();
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.#finish(this.#running?.startNs ?? startNs, error);
    }
    const endNs = this.#clock.nowNs();
    this.#notBeforeNs = endNs + (endNs - startNs);
    return Math.max(1, (endNs - startNs) / NS_PER_MS);
  }

  /** Lets go of the file that is being read. Idempotent. */
  close(): void {
    this.#hasEnded = true;
    const running = this.#running;
    this.#running = undefined;
    if (running !== undefined) this.#storage.close(running.reader.file.fd);
  }

  #advance(): void {
    if (this.#left === undefined) {
      // All but the last one, which the open has walked; what is finished later is of this opening.
      const { segments } = listLog(this.#storage, this.#dir);
      this.#left = segments.slice(0, -1).reverse();
      this.#listener.begin(this.#left.length);
      return;
    }
    if (this.#running !== undefined) {
      this.#read(this.#running);
      return;
    }
    const next = this.#left.pop();
    if (next !== undefined) {
      this.#begin(next);
      return;
    }
    this.#hasEnded = true;
    this.#listener.end();
  }

  #begin({ index, path }: ListedSegment): void {
    const startNs = this.#clock.nowNs();
    const file = this.#open(index, path);
    try {
      const pin = this.#pinOf(file);
      if (pin !== undefined) this.#running = this.#runOver(file, pin, startNs);
    } finally {
      if (this.#running === undefined) this.#storage.close(file.fd);
    }
    if (this.#running === undefined) this.#finish(startNs, undefined);
  }

  #runOver(file: SegmentFile, pin: SegmentHeader, startNs: number): Running {
    const reader = new SegmentReader(this.#storage, file, this.#buffer);
    const check = SealCheck.at(reader, pin.previousEndOffset);
    return { reader, pin, check, startNs, frameCheck: undefined };
  }

  #open(index: number, path: string): SegmentFile {
    const file = openSegment(this.#storage, path, { index });
    if (file !== undefined) return file;
    const message = `${path} disappeared while the log was open. Put it back before the next open.`;
    throw new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path });
  }

  /** Undefined where the next segment is missing or damaged: that is found in its own place. */
  #pinOf({ header }: SegmentFile): SegmentHeader | undefined {
    const index = header.segmentIndex + 1;
    const next = join(this.#dir, segmentFileName(index));
    try {
      return readSegmentHeader(this.#storage, next, { index, logId: header.logId })?.header;
    } catch (error) {
      if (error instanceof WalError && error.code !== 'ERR_FLASHSTRIKE_IO') return undefined;
      throw error;
    }
  }

  #read(running: Running): void {
    const { reader, pin, check, startNs } = running;
    if (running.frameCheck !== undefined) {
      this.#checkFrame(running, running.frameCheck);
      return;
    }
    const enough = reader.bytesRead + STEP_BYTES;
    while (reader.next(pin.previousEndOffset)) {
      check?.add(reader);
      if (reader.bytesRead >= enough) return;
    }
    if (!endsAtPin(reader, pin)) {
      this.#finish(startNs, damage(reader, pin));
      return;
    }
    const defect = check?.defect(reader);
    const { frame } = reader.file;
    if (defect === undefined && frame !== undefined) running.frameCheck = new FrameCheck(frame);
    else this.#finish(startNs, defect && sealError(reader.file, reader.offset, defect));
  }

  /** A step over what no block stands in, and the end of the file. */
  #checkFrame({ reader, startNs }: Running, check: FrameCheck): void {
    for (let bytes = 0; bytes < STEP_BYTES; bytes += BLOCK_CONTENT_BYTES) {
      if (!check.step()) continue;
      const defect = check.defect();
      this.#finish(startNs, defect && frameError(reader.file, defect));
      return;
    }
  }

  #finish(startNs: number, error: WalError | undefined): void {
    const running = this.#running;
    this.#running = undefined;
    if (running !== undefined) this.#storage.close(running.reader.file.fd);
    this.#listener.segment(startNs, error);
  }
}

/**
 * Found without looking what stands behind it, which may take long: `verify` names the ids exactly.
 */
function damage({ file, end, stop }: SegmentReader, pin: SegmentHeader): WalError {
  const { path } = file;
  const message =
    `${path} is sound up to offset ${end.endOffset}, event ${end.lastEventId} (after that: ` +
    `${stop?.message}): some or all of the events ${end.lastEventId + 1} to ` +
    `${pin.previousLastEventId} are lost. The log continues. Run flashstrike verify, and restore ` +
    'the file from a backup.';
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset: end.endOffset });
}
