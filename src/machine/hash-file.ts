// `state.hashes`: what the hash of the state was behind some events. A record is written once its
// event is durable, so that no power cut leaves one of events that nobody has.
import { join } from 'node:path';
import { writeFailure } from '../consumers/consumer-failure.js';
import { errorOf, isOperational, WalError } from '../errors.js';
import { isMissing, reading } from '../reading/read-failure.js';
import { isDefect } from '../segment/defect.js';
import { HASHES_FILE } from '../segment/file-names.js';
import {
  decodeHashesHeader,
  decodeStateHash,
  encodeHashesHeader,
  encodeStateHash,
  HASH_RECORD_BYTES,
  HASH_RECORDS_MAX,
  HASHES_BYTES_MAX,
  HASHES_HEADER_BYTES,
  hashOffset,
  type StateHash,
} from '../segment/state-hash-record.js';
import type { Storage } from '../storage/storage.js';

interface StoredHash {
  readonly slot: number;
  readonly hash: StateHash;
}

/**
 * The recorded hashes of the log, by event; none where the file is missing, damaged, or of another
 * log.
 * @throws WalError ERR_FLASHSTRIKE_ACCESS, _IO, _UNSAFE_FILE
 */
export function readStateHashes(
  storage: Storage,
  dir: string,
  logId: bigint,
): ReadonlyMap<number, StateHash> {
  const path = join(dir, HASHES_FILE);
  let fd: number;
  try {
    fd = reading(path, () => storage.open(path, 'read'));
  } catch (error) {
    if (error instanceof WalError && isMissing(error.cause)) return new Map();
    throw error;
  }
  try {
    const hashes = storedIn(storage, fd, path, logId).map(({ hash }) => hash);
    hashes.sort((a, b) => a.eventId - b.eventId);
    return new Map(hashes.map((hash) => [hash.eventId, hash]));
  } finally {
    storage.close(fd);
  }
}

/** Those of this log. */
function storedIn(storage: Storage, fd: number, path: string, logId: bigint): StoredHash[] {
  const { bytes: fileBytes } = reading(path, () => storage.statusOf(fd));
  const bytes = new Uint8Array(Math.min(fileBytes, HASHES_BYTES_MAX));
  const count = reading(path, () => storage.read(fd, bytes, 0));
  const header = decodeHashesHeader(bytes.subarray(0, Math.min(count, HASHES_HEADER_BYTES)));
  if (isDefect(header) || header.logId !== logId) return [];
  const found: StoredHash[] = [];
  for (let slot = 0; hashOffset(slot) + HASH_RECORD_BYTES <= count; slot++) {
    const hash = decodeStateHash(bytes, hashOffset(slot), logId);
    if (hash !== undefined) found.push({ slot, hash });
  }
  return found;
}

export class HashFile {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #logId: bigint;
  readonly #pending: StateHash[] = [];
  #fd: number | undefined;
  #slot = 0;
  #failure: Error | undefined;

  constructor(storage: Storage, dir: string, logId: bigint) {
    this.#storage = storage;
    this.#path = join(dir, HASHES_FILE);
    this.#logId = logId;
  }

  /** Why nothing is recorded any more; undefined while it is. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Opens the file, and takes back what is behind the log's end: other events may come there. */
  open(lastEventId: number): void {
    this.#attempt(() => {
      const storage = this.#storage;
      this.#separate();
      const fd = storage.open(this.#path, 'open-or-create');
      this.#fd = fd;
      const stored = storedIn(storage, fd, this.#path, this.#logId);
      if (stored.length === 0) {
        storage.truncate(fd, 0);
        storage.write(fd, [encodeHashesHeader(this.#logId)], 0);
        return;
      }
      let newest: StoredHash | undefined;
      for (const each of stored) {
        if (each.hash.eventId > lastEventId) this.#erase(fd, each.slot);
        else if ((newest?.hash.eventId ?? 0) <= each.hash.eventId) newest = each;
      }
      this.#slot = ((newest?.slot ?? -1) + 1) % HASH_RECORDS_MAX;
    });
  }

  /**
   * Takes note of one; it is written by a later call of `flush`. Where `hash` throws, which is the
   * application's, nothing is recorded any more.
   */
  note(eventId: number, stateVersion: number, hash: () => bigint | undefined): void {
    if (this.#fd === undefined) return;
    try {
      const stateHash = hash();
      if (stateHash !== undefined) this.#pending.push({ eventId, stateHash, stateVersion });
    } catch (error) {
      this.#failure ??= errorOf(error);
      this.close();
    }
  }

  /** Writes what is of events that are durable. */
  flush(durableEventId: number): void {
    this.#attempt(() => {
      while (this.#fd !== undefined && (this.#pending[0]?.eventId ?? Infinity) <= durableEventId) {
        const hash = this.#pending.shift();
        if (hash === undefined) return;
        const record = encodeStateHash(hash, this.#logId);
        this.#storage.write(this.#fd, [record], hashOffset(this.#slot));
        this.#slot = (this.#slot + 1) % HASH_RECORDS_MAX;
      }
    });
  }

  /** Idempotent. */
  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) this.#storage.close(fd);
  }

  /** What a snapshot by hard links has of it stays as it is; what it tells is told by that one. */
  #separate(): void {
    const status = this.#storage.statusAt(this.#path);
    if (status?.kind === 'file' && status.links > 1) this.#storage.unlink(this.#path);
  }

  #erase(fd: number, slot: number): void {
    this.#storage.write(fd, [new Uint8Array(HASH_RECORD_BYTES)], hashOffset(slot));
  }

  /** The machine goes on without: nothing but `check` goes by them. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isOperational(error)) throw error;
      const failure = writeFailure(error, this.#path);
      this.#failure ??= failure instanceof Error ? failure : error;
      this.close();
    }
  }
}
