// A finished segment of the log that is archived: its file as it is, from which an object is put
// and with which one that was fetched is compared.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WalError } from '../../errors.js';
import { reading } from '../../reading/read-failure.js';
import { sealedEnd } from '../../reading/seal-block.js';
import { openSegment, type SegmentFile } from '../../reading/segment-file.js';
import type { SegmentHeader } from '../../segment/segment-header.js';
import type { Storage } from '../../storage/storage.js';
import { MIB } from '../../units.js';
import { goneError, SegmentVerification } from '../../verification/segment-verification.js';
import { segmentKey } from './object-keys.js';
import type { ObjectBody } from './object-store.js';

export class LocalSegment implements ObjectBody {
  readonly key: string;
  /** Up to the end of its seal, or of its frame: what stands behind is no part of it. */
  readonly bytes: number;
  readonly #storage: Storage;
  readonly #file: SegmentFile;
  readonly #pin: SegmentHeader;

  /**
   * Opens the segment in the file `path`, compressed or not.
   * @param pin the header of the segment that follows
   * @throws WalError where it is missing, damaged or cannot be read
   */
  constructor(storage: Storage, path: string, logId: bigint, pin: SegmentHeader) {
    const file = openSegment(storage, path, { index: pin.segmentIndex - 1, logId });
    if (file === undefined) throw goneError(path);
    this.#storage = storage;
    this.#file = file;
    this.#pin = pin;
    this.key = segmentKey(file.header, file.frame !== undefined);
    this.bytes = file.frame?.fileBytes ?? sealedEnd(storage, file, pin.previousEndOffset);
  }

  /** @throws WalError ERR_FLASHSTRIKE_CORRUPT */
  async verify(): Promise<void> {
    const verification = new SegmentVerification(this.#storage, this.#file, this.#pin);
    while (!verification.step()) await nextTurn();
  }

  /**
   * It was compressed meanwhile: the file that is open here has no name any more, and may be filled
   * anew for another segment.
   */
  get wasMoved(): boolean {
    const { path, inode, device } = this.#file;
    const now = reading(path, () => this.#storage.statusAt(path));
    return now?.inode !== inode || now.device !== device;
  }

  async *read(): AsyncGenerator<Uint8Array, void> {
    for (let offset = 0; offset < this.bytes; ) {
      const piece = this.#at(offset, Math.min(MIB, this.bytes - offset));
      offset += piece.length;
      yield piece;
    }
  }

  /** Whether an object has these bytes, and no others. */
  async isSame(object: AsyncIterable<Uint8Array>): Promise<boolean> {
    let offset = 0;
    for await (const piece of object) {
      if (offset + piece.length > this.bytes) return false;
      if (Buffer.compare(this.#at(offset, piece.length), piece) !== 0) return false;
      offset += piece.length;
    }
    return offset === this.bytes;
  }

  close(): void {
    this.#storage.close(this.#file.fd);
  }

  #at(offset: number, bytes: number): Uint8Array {
    const { fd, path } = this.#file;
    const piece = new Uint8Array(bytes);
    const count = reading(path, () => this.#storage.read(fd, piece, offset), offset);
    if (count === bytes) return piece;
    const message = `${path} became shorter while it was archived. Run flashstrike verify.`;
    throw new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset: offset + count });
  }
}
