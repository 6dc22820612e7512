// One finished segment on its way into a compressed file, in bounded steps. At no time is there
// less than one whole, durable file of it:
//
//   verify the original up to its pin → write N.wal.lz4.tmp → sync → unpack it again and compare
//   each byte → rename, never replacing → sync of the folder → remove the original → sync again
//
// With preallocate 'recycle' the file of the original is a prepared segment from then on.
// Nothing has the name of a compressed segment before it is proven to be one. A crash between the
// last steps leaves both files: the original counts then, and the other one is proven again, or
// made anew.
import { dirname } from 'node:path';
import { FrameCheck } from '../../compression/frame-check.js';
import { FrameEncoder } from '../../compression/frame-encoder.js';
import { FrameReader } from '../../compression/frame-reader.js';
import { BLOCK_CONTENT_BYTES } from '../../compression/lz4-frame.js';
import { assert, WalError } from '../../errors.js';
import { endsAtPin } from '../../reading/pin.js';
import { sealedEnd } from '../../reading/seal-block.js';
import type { SegmentFile } from '../../reading/segment-file.js';
import { SegmentReader } from '../../reading/segment-reader.js';
import { isDefect } from '../../segment/defect.js';
import { compressedPath, compressingPath } from '../../segment/file-names.js';
import type { SegmentHeader } from '../../segment/segment-header.js';
import { isLeftOver } from '../../storage/left-over.js';
import type { Storage } from '../../storage/storage.js';
import { MIB } from '../../units.js';
import type { SegmentRecycler } from './segment-recycler.js';

/** Of the segment, in one step. */
const STEP_BYTES = MIB;

type Phase = 'verify' | 'pack' | 'compare' | 'publish' | 'done';

/** A file that is compared with the original. */
interface Comparison {
  readonly fd: number;
  readonly frame: FrameReader;
  readonly check: FrameCheck;
  offset: number;
  /** It has the name of a compressed segment already. */
  readonly isPublished: boolean;
}

export class SegmentCompression {
  readonly #storage: Storage;
  readonly #original: SegmentFile;
  readonly #reader: SegmentReader;
  readonly #pin: SegmentHeader;
  /** For logs that use the file of the original again. */
  readonly #recycler: SegmentRecycler | undefined;
  #isOriginalOpen = true;
  /** Of the original: to its end, where nothing but room follows, or the rest of a torn write. */
  readonly #contentBytes: number;
  readonly #content = new Uint8Array(BLOCK_CONTENT_BYTES);
  readonly #unpacked = new Uint8Array(BLOCK_CONTENT_BYTES);
  readonly #encoder: FrameEncoder;
  #phase: Phase = 'verify';
  #temporaryFd: number | undefined;
  #writtenBytes = 0;
  #fileBytes = 0;
  #comparison: Comparison | undefined;

  /**
   * @param original is closed by `close`
   * @param pin the header of the segment that follows it
   * @param buffer for its reader
   */
  constructor(
    storage: Storage,
    original: SegmentFile,
    pin: SegmentHeader,
    buffer: Uint8Array,
    recycler?: SegmentRecycler,
  ) {
    this.#storage = storage;
    this.#original = original;
    this.#pin = pin;
    this.#recycler = recycler;
    this.#reader = new SegmentReader(storage, original, buffer);
    this.#contentBytes = sealedEnd(storage, original, pin.previousEndOffset);
    this.#encoder = new FrameEncoder(this.#contentBytes);
  }

  /** Bytes of the segment. */
  get contentBytes(): number {
    return this.#contentBytes;
  }

  /** Bytes of the compressed file, once that is there. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /**
   * One bounded piece of work; true once the compressed file has taken the place of the original.
   * @throws WalError where the original is damaged or what was written is not what it was; system
   * errors. The original is untouched then; `close` removes what was begun.
   */
  step(): boolean {
    switch (this.#phase) {
      case 'verify':
        this.#verify();
        break;
      case 'pack':
        this.#pack();
        break;
      case 'compare':
        this.#compare();
        break;
      case 'publish':
        this.#publish();
        break;
      case 'done':
        break;
    }
    return this.#phase === 'done';
  }

  /** Lets go of all files and, where it did not come to its end, of what it has written. */
  close(): void {
    const { path } = this.#original;
    this.#closeOriginal();
    this.#closeComparison();
    const temporary = this.#temporaryFd;
    this.#temporaryFd = undefined;
    if (temporary === undefined) return;
    this.#storage.close(temporary);
    if (this.#phase !== 'done') this.#removeLeftOver(compressingPath(path));
  }

  /** Damage stays where it is, in a file that shows where it was. */
  #verify(): void {
    const reader = this.#reader;
    const enough = reader.bytesRead + STEP_BYTES;
    while (reader.next(this.#pin.previousEndOffset)) if (reader.bytesRead >= enough) return;
    const { path } = this.#original;
    if (!endsAtPin(reader, this.#pin)) {
      const why = `it is damaged at offset ${reader.offset} (${reader.stop?.message})`;
      throw notCompressed(path, why, reader.offset);
    }
    const isThere = this.#storage.statusAt(compressedPath(path)) !== undefined;
    if (isThere) this.#beginComparison(compressedPath(path), true);
    else this.#beginPacking();
  }

  #beginPacking(): void {
    const path = compressingPath(this.#original.path);
    this.#removeLeftOver(path);
    this.#temporaryFd = this.#storage.open(path, 'create');
    this.#write(this.#temporaryFd, [this.#encoder.begin()]);
    this.#phase = 'pack';
  }

  #pack(): void {
    const fd = this.#temporaryFd;
    assert(fd !== undefined, 'there is a file to write to');
    const encoder = this.#encoder;
    const from = this.#writtenBytes;
    for (let bytes = 0; bytes < STEP_BYTES && encoder.offset < this.#contentBytes; ) {
      const { offset, blockBytes } = encoder;
      this.#write(fd, encoder.block(this.#contentAt(offset, blockBytes)));
      bytes += blockBytes;
    }
    // The sync at the end then finds less to do, and holds up less.
    this.#storage.startWriteback(fd, from, this.#writtenBytes - from);
    if (encoder.offset < this.#contentBytes) return;
    this.#write(fd, encoder.end());
    this.#storage.sync(fd);
    this.#beginComparison(compressingPath(this.#original.path), false);
  }

  #write(fd: number, parts: readonly Uint8Array[]): void {
    this.#storage.write(fd, parts, this.#writtenBytes);
    for (const part of parts) this.#writtenBytes += part.length;
  }

  /** Bytes of the original; the next call overwrites them. */
  #contentAt(offset: number, bytes: number): Uint8Array {
    const target = this.#content.subarray(0, bytes);
    const count = this.#storage.read(this.#original.fd, target, offset);
    if (count === bytes) return target;
    throw notCompressed(this.#original.path, `it became shorter, at offset ${offset}`, offset);
  }

  #beginComparison(path: string, isPublished: boolean): void {
    const fd = this.#storage.open(path, 'read');
    try {
      const frame = FrameReader.open(this.#storage, fd);
      if (!isDefect(frame) && frame.contentBytes === this.#contentBytes) {
        const check = new FrameCheck(frame);
        this.#comparison = { fd, frame, check, offset: 0, isPublished };
        this.#fileBytes = frame.fileBytes;
      }
    } finally {
      if (this.#comparison === undefined) this.#storage.close(fd);
    }
    if (this.#comparison === undefined) this.#onDifference(path, isPublished, 0);
    else this.#phase = 'compare';
  }

  #compare(): void {
    const comparison = this.#comparison;
    if (comparison === undefined) return;
    const { frame, check, isPublished } = comparison;
    const { path } = this.#original;
    const file = isPublished ? compressedPath(path) : compressingPath(path);
    for (let bytes = 0; bytes < STEP_BYTES && comparison.offset < this.#contentBytes; ) {
      const { offset } = comparison;
      const wanted = Math.min(BLOCK_CONTENT_BYTES, this.#contentBytes - offset);
      const unpacked = this.#unpacked.subarray(0, frame.read(this.#unpacked, offset));
      if (Buffer.compare(unpacked, this.#contentAt(offset, wanted)) !== 0) {
        this.#onDifference(file, isPublished, offset);
        return;
      }
      check.step();
      comparison.offset += wanted;
      bytes += wanted;
    }
    if (comparison.offset < this.#contentBytes) return;
    if (check.defect() !== undefined) this.#onDifference(file, isPublished, comparison.offset);
    else this.#phase = 'publish';
  }

  /**
   * What a crash left is made anew; what was just written and reads back as something else is the
   * disk's failure, or the memory's.
   */
  #onDifference(path: string, isPublished: boolean, offset: number): void {
    this.#closeComparison();
    if (!isPublished) {
      const { path: original } = this.#original;
      throw notCompressed(original, `${path} differs from it at offset ${offset}`, offset);
    }
    this.#removeLeftOver(path);
    this.#storage.syncDirectory(dirname(path));
    this.#beginPacking();
  }

  #publish(): void {
    const { path, inode, device, header } = this.#original;
    const storage = this.#storage;
    const isPublished = this.#comparison?.isPublished === true;
    this.#closeComparison();
    const now = storage.statusAt(path);
    if (now?.inode !== inode || now.device !== device) {
      throw notCompressed(path, 'another file has its name by now', 0);
    }
    if (isPublished) this.#withdraw(path);
    storage.renameNoReplace(compressingPath(path), compressedPath(path));
    // Durable under its name before the original goes.
    storage.syncDirectory(dirname(path));
    // What somebody has open is not used again.
    this.#closeOriginal();
    if (this.#recycler === undefined) storage.unlink(path);
    else this.#recycler.removeName(path, header.segmentIndex);
    storage.syncDirectory(dirname(path));
    this.#recycler?.onNameGone();
    this.#phase = 'done';
  }

  #closeOriginal(): void {
    if (!this.#isOriginalOpen) return;
    this.#isOriginalOpen = false;
    this.#storage.close(this.#original.fd);
  }

  /**
   * One that an earlier run has left gets its name anew. That run may have ended because the folder
   * could not be synced: the kernel may take the name for written since, and no sync writes it.
   */
  #withdraw(path: string): void {
    const fd = this.#storage.open(compressedPath(path), 'rewrite');
    try {
      this.#storage.sync(fd);
    } finally {
      this.#storage.close(fd);
    }
    this.#removeLeftOver(compressingPath(path));
    this.#storage.rename(compressedPath(path), compressingPath(path));
  }

  #closeComparison(): void {
    const comparison = this.#comparison;
    this.#comparison = undefined;
    if (comparison !== undefined) this.#storage.close(comparison.fd);
  }

  #removeLeftOver(path: string): void {
    if (isLeftOver(this.#storage, path)) this.#storage.unlink(path);
  }
}

const notCompressed = (path: string, why: string, offset: number): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_CORRUPT',
    `${path} was not compressed, and stays as it is: ${why}. Run flashstrike verify.`,
    { path, offset },
  );
