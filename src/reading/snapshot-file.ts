// One snapshot of a machine's state, read: nothing is handed out that was not verified in the
// memory that it is handed out in.
import { WalError } from '../errors.js';
import { isDefect } from '../segment/defect.js';
import {
  CHUNK_CHECKSUM_BYTES,
  chunkChecksum,
  chunkOffset,
  decodeSnapshotHeader,
  SNAPSHOT_CHUNK_BYTES,
  SNAPSHOT_HEADER_BYTES,
  type SnapshotHeader,
} from '../segment/snapshot-record.js';
import type { Storage } from '../storage/storage.js';
import { newerVersionAdvice } from './advice.js';
import { isMissing, reading } from './read-failure.js';

export class SnapshotFile {
  readonly path: string;
  readonly header: SnapshotHeader;
  readonly #storage: Storage;
  readonly #fd: number;
  #index = 0;
  #isOpen = true;

  private constructor(storage: Storage, path: string, fd: number, header: SnapshotHeader) {
    this.#storage = storage;
    this.path = path;
    this.#fd = fd;
    this.header = header;
  }

  /**
   * Opens the snapshot at `path`; undefined where there is none.
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT, _UNSUPPORTED for one of a newer version,
   * _UNSAFE_FILE, _ACCESS, _IO
   */
  static open(storage: Storage, path: string): SnapshotFile | undefined {
    let fd: number;
    try {
      fd = reading(path, () => storage.open(path, 'read'));
    } catch (error) {
      if (error instanceof WalError && isMissing(error.cause)) return undefined;
      throw error;
    }
    try {
      const page = new Uint8Array(SNAPSHOT_HEADER_BYTES);
      const count = reading(path, () => storage.read(fd, page, 0));
      const { bytes } = reading(path, () => storage.statusOf(fd));
      const header = decodeSnapshotHeader(page.subarray(0, count), bytes);
      if (!isDefect(header)) return new SnapshotFile(storage, path, fd, header);
      if (header.defect !== 'version') throw damaged(path, 0, header.message);
      const message = `${path} cannot be read: ${header.message}. ${newerVersionAdvice}`;
      throw new WalError('ERR_FLASHSTRIKE_UNSUPPORTED', message, { path });
    } catch (error) {
      storage.close(fd);
      throw error;
    }
  }

  /**
   * The next chunk of the state, in memory of its own; undefined behind the last one.
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT, _IO
   */
  next(): Uint8Array | undefined {
    const { contentBytes, salt } = this.header;
    const index = this.#index;
    const left = contentBytes - index * SNAPSHOT_CHUNK_BYTES;
    if (left <= 0 || !this.#isOpen) return undefined;
    const chunkBytes = Math.min(left, SNAPSHOT_CHUNK_BYTES);
    const offset = chunkOffset(index);
    const bytes = new Uint8Array(chunkBytes + CHUNK_CHECKSUM_BYTES);
    const read = (): number => this.#storage.read(this.#fd, bytes, offset);
    const count = reading(this.path, read, offset);
    const chunk = bytes.subarray(0, chunkBytes);
    const stored = bytes.subarray(chunkBytes);
    const isSame = Buffer.compare(stored, chunkChecksum(chunk, salt, index)) === 0;
    if (count < bytes.length || !isSame) {
      throw damaged(this.path, offset, 'the checksum of the state does not match');
    }
    this.#index++;
    return chunk;
  }

  /** Verifies all that `next` has not come to. */
  drain(): void {
    while (this.next() !== undefined);
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#storage.close(this.#fd);
  }
}

function damaged(path: string, offset: number, what: string): WalError {
  const message =
    `${path} is damaged at offset ${offset}: ${what}. An older snapshot, or the events from the ` +
    'first one on, are used in its place.';
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset });
}
