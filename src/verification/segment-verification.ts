// The blocks of one finished segment, verified while the log is open: a few megabytes a step. What
// stands behind damage is not looked for, as that may take long: `verify` names the ids exactly.
import { join } from 'node:path';
import { FrameCheck } from '../compression/frame-check.js';
import { BLOCK_CONTENT_BYTES } from '../compression/lz4-frame.js';
import { WalError } from '../errors.js';
import { restoreAdvice } from '../reading/advice.js';
import { endsAtPin, frameError } from '../reading/pin.js';
import { UNREADABLE } from '../reading/read-failure.js';
import { SealCheck, sealError } from '../reading/seal-check.js';
import { openSegment, readSegmentHeader, type SegmentFile } from '../reading/segment-file.js';
import { readBuffer, SegmentReader } from '../reading/segment-reader.js';
import { segmentFileName } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import { MIB } from '../units.js';

const STEP_BYTES = 2 * MIB;

export class SegmentVerification {
  /** Of the next segment: it tells where this one ends. */
  readonly pin: SegmentHeader;
  readonly #storage: Storage;
  readonly #reader: SegmentReader;
  readonly #check: SealCheck | undefined;
  /** Of a compressed segment whose blocks are read. */
  #frameCheck: FrameCheck | undefined;

  /** @param file is closed by `close` */
  constructor(storage: Storage, file: SegmentFile, pin: SegmentHeader) {
    this.pin = pin;
    this.#storage = storage;
    this.#reader = new SegmentReader(storage, file, readBuffer(file.bytes));
    this.#check = SealCheck.at(this.#reader, pin.previousEndOffset);
  }

  /**
   * Opens the segment; until it is closed, its file stays open. Undefined where the header of the
   * next one, which tells where this one ends, is missing or damaged: that is found in its own
   * place.
   * @throws WalError where it is missing, damaged or cannot be read
   */
  static begin(
    storage: Storage,
    dir: string,
    index: number,
    logId: bigint,
  ): SegmentVerification | undefined {
    const path = join(dir, segmentFileName(index));
    const file = openSegment(storage, path, { index, logId });
    if (file === undefined) throw goneError(path);
    let begun: SegmentVerification | undefined;
    try {
      begun = new SegmentVerification(storage, file, pinOf(storage, dir, file.header));
    } catch (error) {
      if (!(error instanceof WalError) || UNREADABLE.has(error.code)) throw error;
    } finally {
      if (begun === undefined) storage.close(file.fd);
    }
    return begun;
  }

  /**
   * One bounded piece; true once all of it is verified.
   * @throws WalError what is wrong with it
   */
  step(): boolean {
    if (this.#frameCheck !== undefined) return this.#checkFrame(this.#frameCheck);
    const reader = this.#reader;
    const { pin } = this;
    const enough = reader.bytesRead + STEP_BYTES;
    while (reader.next(pin.previousEndOffset)) {
      this.#check?.add(reader);
      if (reader.bytesRead >= enough) return false;
    }
    if (!endsAtPin(reader, pin)) throw damage(reader, pin);
    const defect = this.#check?.defect(reader);
    if (defect !== undefined) throw sealError(reader.file, reader.offset, defect);
    const { frame } = reader.file;
    if (frame !== undefined) this.#frameCheck = new FrameCheck(frame);
    return frame === undefined;
  }

  /** A step over what no block stands in, and the end of the file. */
  #checkFrame(check: FrameCheck): boolean {
    for (let bytes = 0; bytes < STEP_BYTES; bytes += BLOCK_CONTENT_BYTES) {
      if (!check.step()) continue;
      const defect = check.defect();
      if (defect !== undefined) throw frameError(this.#reader.file, defect);
      return true;
    }
    return false;
  }

  close(): void {
    this.#storage.close(this.#reader.file.fd);
  }
}

/**
 * The header of the segment behind one, which pins where it ends.
 * @throws WalError where there is none that can be read
 */
export function pinOf(
  storage: Storage,
  dir: string,
  { segmentIndex, logId }: Pick<SegmentHeader, 'segmentIndex' | 'logId'>,
): SegmentHeader {
  const index = segmentIndex + 1;
  const path = join(dir, segmentFileName(index));
  const pin = readSegmentHeader(storage, path, { index, logId })?.header;
  if (pin === undefined) throw goneError(path);
  return pin;
}

/** The error for a file that was there when the log was opened. */
export function goneError(path: string): WalError {
  const message = `${path} disappeared while the log was open. Put it back before the next open.`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path });
}

function damage({ file, end, stop }: SegmentReader, pin: SegmentHeader): WalError {
  const { path } = file;
  const message =
    `${path} is sound up to offset ${end.endOffset}, event ${end.lastEventId} (after that: ` +
    `${stop?.message}): some or all of the events ${end.lastEventId + 1} to ` +
    `${pin.previousLastEventId} are lost. The log continues. Run flashstrike verify. ` +
    restoreAdvice(path);
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset: end.endOffset });
}
