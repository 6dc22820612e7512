// Writes one snapshot, with synchronous calls: on a thread of its own. In this order, so that a
// kill or a power cut at any step leaves what was there before, or all of the new one: the state
// under a temporary name, the header in front of it, fdatasync; all of it read again and verified;
// rename, sync of the folder; and only then older ones go.
import { join } from 'node:path';
import { writeFailure } from '../consumers/consumer-failure.js';
import { assert, isOperational, WalError } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { listLog } from '../reading/log-directory.js';
import { SnapshotFile } from '../reading/snapshot-file.js';
import { blockChecksumOf } from '../replay/event-block.js';
import {
  parseSnapshotFileName,
  snapshotFileName,
  snapshotTemporaryName,
} from '../segment/file-names.js';
import {
  chunkChecksum,
  chunkOffset,
  encodeSnapshotHeader,
  SNAPSHOT_CHUNK_BYTES,
  type SnapshotHeader,
} from '../segment/snapshot-record.js';
import { isLeftOver } from '../storage/left-over.js';

/** What is written, besides the state itself. */
export interface SnapshotRequest {
  /** Folder of the log, as an absolute path. */
  readonly dir: string;
  readonly logId: bigint;
  readonly eventId: number;
  readonly stateVersion: number;
  readonly stateHash: bigint | undefined;
  readonly salt: bigint;
  readonly createdTsNs: bigint;
  /** So many snapshots stay, this one included. */
  readonly keep: number;
  /** Versions that this machine can use: snapshots of any other one do not count. */
  readonly versions: readonly number[];
  /** Events of snapshots that an opening could not use, for whatever reason: they do not count. */
  readonly passedOver: readonly number[];
  /** Those of them that nobody can use: they go. */
  readonly unfit: readonly number[];
}

export interface WrittenSnapshot {
  readonly contentBytes: number;
  /** Events of the snapshots that can be used, this one included, oldest first. */
  readonly kept: readonly number[];
}

export class SnapshotWriter {
  readonly #ports: ReadingPorts;
  readonly #request: SnapshotRequest;
  readonly #temporary: string;
  readonly #path: string;
  readonly #chunk = new Uint8Array(SNAPSHOT_CHUNK_BYTES);
  #filled = 0;
  #chunks = 0;
  #fd: number | undefined;

  /** @throws WalError ERR_FLASHSTRIKE_NO_SPACE, _ACCESS, _IO, _UNSAFE_FILE, as all that follows */
  constructor(ports: ReadingPorts, request: SnapshotRequest) {
    const { dir, eventId } = request;
    this.#ports = ports;
    this.#request = request;
    this.#temporary = join(dir, snapshotTemporaryName(eventId));
    this.#path = join(dir, snapshotFileName(eventId));
    const { storage } = ports;
    // Also of others that could not be removed when they failed: each may be as large as a state.
    for (const name of listLog(storage, dir).unfinishedSnapshots) this.#remove(join(dir, name));
    this.#writing(() => {
      if (isLeftOver(storage, this.#temporary)) storage.unlink(this.#temporary);
      this.#fd = storage.open(this.#temporary, 'create');
    });
  }

  write(part: Uint8Array): void {
    for (let taken = 0; taken < part.length; ) {
      const count = Math.min(part.length - taken, SNAPSHOT_CHUNK_BYTES - this.#filled);
      this.#chunk.set(part.subarray(taken, taken + count), this.#filled);
      this.#filled += count;
      taken += count;
      if (this.#filled === SNAPSHOT_CHUNK_BYTES) this.#flush();
    }
  }

  /** All of it was written, and the event that it is of is durable. */
  finish(): WrittenSnapshot {
    const contentBytes = this.#chunks * SNAPSHOT_CHUNK_BYTES + this.#filled;
    if (this.#filled > 0) this.#flush();
    this.#putHeader(contentBytes);
    this.#verify();
    const { storage } = this.#ports;
    const { dir } = this.#request;
    this.#writing(() => {
      storage.rename(this.#temporary, this.#path);
      storage.syncDirectory(dir);
    });
    return { contentBytes, kept: this.#prune() };
  }

  /** Idempotent; nothing of it stays. */
  abandon(): void {
    const { storage } = this.#ports;
    this.#close();
    try {
      if (isLeftOver(storage, this.#temporary)) storage.unlink(this.#temporary);
    } catch (error) {
      // What made it fail is what is told; the next opening removes it.
      if (!isOperational(error)) throw error;
    }
  }

  #flush(): void {
    const { storage } = this.#ports;
    const index = this.#chunks;
    const chunk = this.#chunk.subarray(0, this.#filled);
    const offset = chunkOffset(index);
    const checksum = chunkChecksum(chunk, this.#request.salt, index);
    this.#writing(() => {
      storage.write(this.#open, [chunk, checksum], offset);
      // The sync at the end then finds less to do, and holds up less.
      storage.startWriteback(this.#open, offset, chunk.length + checksum.length);
    });
    this.#chunks++;
    this.#filled = 0;
  }

  #putHeader(contentBytes: number): void {
    const { dir, eventId, logId, stateVersion, stateHash, salt, createdTsNs } = this.#request;
    const blockChecksum = blockChecksumOf(this.#ports, dir, eventId);
    if (blockChecksum === undefined) {
      const message = `${dir} does not have event ${eventId} any more: no snapshot can be of it.`;
      throw new WalError('ERR_FLASHSTRIKE_EXPIRED', message, { path: dir });
    }
    const header = encodeSnapshotHeader({
      stateVersion,
      logId,
      eventId,
      blockChecksum,
      salt,
      createdTsNs,
      contentBytes,
      stateHash,
    });
    const { storage } = this.#ports;
    this.#writing(() => {
      storage.write(this.#open, [header], 0);
      storage.sync(this.#open);
    });
    this.#close();
  }

  /** What is to be relied on is read once more, and opened as an opening will open it. */
  #verify(): void {
    const file = SnapshotFile.open(this.#ports.storage, this.#temporary);
    if (file === undefined) {
      const message = `${this.#temporary} disappeared while it was verified.`;
      throw new WalError('ERR_FLASHSTRIKE_FILE_LOST', message, { path: this.#temporary });
    }
    try {
      file.drain();
    } finally {
      file.close();
    }
  }

  /**
   * Older ones go, once there are enough that this machine can use. What is of another log, or no
   * plain file, is left alone.
   */
  #prune(): readonly number[] {
    const { storage } = this.#ports;
    const { dir, eventId, keep, unfit } = this.#request;
    const events = listLog(storage, dir)
      .snapshots.map(parseSnapshotFileName)
      .filter((event) => event !== undefined);
    const headers = new Map(events.map((event) => [event, this.#ownHeader(event)]));
    const kept = events.filter((event) => this.#counts(event, headers.get(event))).slice(-keep);
    const oldest = kept.length < keep ? 0 : (kept[0] ?? 0);
    for (const event of events) {
      const isOut = headers.get(event) !== undefined && (event < oldest || event > eventId);
      if (event === eventId || !(isOut || unfit.includes(event))) continue;
      this.#remove(join(dir, snapshotFileName(event)));
    }
    return kept;
  }

  /** Whether this machine can be opened by it, as far as is known. */
  #counts(event: number, header: SnapshotHeader | undefined): boolean {
    const { eventId, versions, passedOver, unfit } = this.#request;
    if (event >= eventId) return event === eventId;
    if (header?.eventId !== event || !versions.includes(header.stateVersion)) return false;
    return !passedOver.includes(event) && !unfit.includes(event);
  }

  /** Undefined for one that cannot be read, or is of another log. */
  #ownHeader(event: number): SnapshotHeader | undefined {
    const path = join(this.#request.dir, snapshotFileName(event));
    try {
      const file = SnapshotFile.open(this.#ports.storage, path);
      file?.close();
      return file?.header.logId === this.#request.logId ? file.header : undefined;
    } catch (error) {
      if (error instanceof WalError) return undefined;
      throw error;
    }
  }

  /** One that stays takes space, and does no harm. */
  #remove(path: string): void {
    const { storage } = this.#ports;
    try {
      if (storage.statusAt(path)?.kind === 'file') storage.unlink(path);
    } catch (error) {
      if (!isOperational(error)) throw error;
    }
  }

  get #open(): number {
    assert(this.#fd !== undefined, 'a snapshot is written while it is open');
    return this.#fd;
  }

  #close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) this.#ports.storage.close(fd);
  }

  #writing(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw writeFailure(error, this.#temporary);
    }
  }
}
