// The snapshots of a machine's state in a backup: where the log does not begin with event 1, it is
// no use without them. They are copied before the segments, of which the newest comes first: so the
// events behind the newest snapshot are there, whatever retention does meanwhile. They get their
// names before the backup is whole, and old ones go behind that.
import { join } from 'node:path';
import { WalError } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { listLog } from '../reading/log-directory.js';
import { SnapshotFile } from '../reading/snapshot-file.js';
import { judgeSnapshot } from '../replay/snapshot-fitness.js';
import { parseSnapshotFileName } from '../segment/file-names.js';
import {
  CHUNK_CHECKSUM_BYTES,
  chunkChecksum,
  chunkOffset,
  encodeSnapshotHeader,
} from '../segment/snapshot-record.js';
import { isLeftOver } from '../storage/left-over.js';
import type { StagingPlace } from './staging.js';

/** What is copied of. */
interface SnapshotSource {
  readonly dir: string;
  readonly logId: bigint;
  readonly lastEventId: number;
}

const TEMPORARY = '.tmp';
/** A step of some 4 MiB. */
const STEP_CHUNKS = 4;

export class SnapshotCopies {
  readonly #ports: ReadingPorts;
  readonly #place: StagingPlace;
  readonly #source: SnapshotSource;
  /** Names of those that the backup is to have. */
  readonly #names: string[] = [];
  #useful: readonly string[] = [];

  constructor(ports: ReadingPorts, place: StagingPlace, source: SnapshotSource) {
    this.#ports = ports;
    this.#place = place;
    this.#source = source;
  }

  /**
   * Copies what the source has and the target has not, under temporary names. What is damaged or
   * cannot be read, of another log or history, or gone meanwhile is left out. Yields bytes.
   */
  *stage(): Generator<number, void, undefined> {
    const { dir } = this.#source;
    for (const name of listLog(this.#ports.storage, dir).snapshots) {
      const file = this.#fit(name);
      if (file === undefined) continue;
      try {
        if (this.#isThere(name, file) || (yield* this.#copy(name, file))) this.#names.push(name);
      } finally {
        file.close();
      }
    }
  }

  /** Undefined where it is no use, or what tells that cannot be read: no log is judged here. */
  #fit(name: string): SnapshotFile | undefined {
    const { dir, logId, lastEventId } = this.#source;
    try {
      const judged = judgeSnapshot(this.#ports, dir, name, logId, lastEventId);
      return 'reason' in judged ? undefined : judged.file;
    } catch (error) {
      if (error instanceof WalError) return undefined;
      throw error;
    }
  }

  /**
   * A backup that begins behind the states it has could not be opened.
   * @param firstEventId of the backup
   * @throws WalError ERR_FLASHSTRIKE_EXPIRED
   */
  checkUseful(firstEventId: number): void {
    const isUseful = (name: string): boolean => (parseSnapshotFileName(name) ?? 0) >= firstEventId;
    if (firstEventId === 1 || this.#names.length === 0 || this.#names.some(isUseful)) return;
    const { dir: path } = this.#source;
    const message =
      `No backup was made: ${path} has removed the events behind its snapshots while these were ` +
      `copied, and begins with event ${firstEventId} now. Make the backup again.`;
    throw new WalError('ERR_FLASHSTRIKE_EXPIRED', message, { path, firstEventId });
  }

  /**
   * Gives them their names, durably. A log that does not reach them yet passes over them.
   * @param firstEventId of the backup: a snapshot before that is no use
   * @returns how many the backup has
   */
  publish(firstEventId: number): number {
    const { storage, target, writing } = this.#place;
    this.#useful = this.#names.filter((name) => (parseSnapshotFileName(name) ?? 0) >= firstEventId);
    if (this.#useful.length === 0) return 0;
    writing(() => {
      for (const name of this.#useful) {
        const staged = join(target, name + TEMPORARY);
        if (isLeftOver(storage, staged)) storage.rename(staged, join(target, name));
      }
      storage.syncDirectory(target);
    });
    return this.#useful.length;
  }

  /** Once the backup is whole: those that the source has no more, unless it has none at all. */
  removeOld(): void {
    const { storage, target, writing } = this.#place;
    writing(() => {
      const { snapshots, unfinishedSnapshots } = listLog(storage, target);
      const useful = this.#useful;
      const old = useful.length === 0 ? [] : snapshots.filter((name) => !useful.includes(name));
      for (const name of [...old, ...unfinishedSnapshots]) {
        if (isLeftOver(storage, join(target, name))) storage.unlink(join(target, name));
      }
    });
  }

  /** The same snapshot: its salt, which is random, is in the header. */
  #isThere(name: string, { header }: SnapshotFile): boolean {
    try {
      const held = SnapshotFile.open(this.#place.storage, join(this.#place.target, name));
      held?.close();
      return held?.header.salt === header.salt && held.header.eventId === header.eventId;
    } catch (error) {
      if (error instanceof WalError) return false;
      throw error;
    }
  }

  /** False for one whose content turns out to be damaged, or cannot be read. */
  *#copy(name: string, file: SnapshotFile): Generator<number, boolean, undefined> {
    const { storage, target, writing } = this.#place;
    const path = join(target, name + TEMPORARY);
    const fd = writing(() => {
      if (isLeftOver(storage, path)) storage.unlink(path);
      return storage.open(path, 'create');
    });
    let isWhole = false;
    try {
      isWhole = yield* this.#fill(fd, file);
      if (isWhole) writing(() => storage.sync(fd));
    } finally {
      storage.close(fd);
      if (!isWhole) writing(() => storage.unlink(path));
    }
    if (!isWhole) return false;
    const copied = SnapshotFile.open(storage, path);
    try {
      copied?.drain();
    } finally {
      copied?.close();
    }
    return copied !== undefined;
  }

  *#fill(fd: number, file: SnapshotFile): Generator<number, boolean, undefined> {
    const { storage, writing } = this.#place;
    const { header } = file;
    writing(() => storage.write(fd, [encodeSnapshotHeader(header)], 0));
    let stepBytes = 0;
    for (let index = 0; ; index++) {
      let chunk: Uint8Array | undefined;
      try {
        chunk = file.next();
      } catch (error) {
        if (error instanceof WalError) return false;
        throw error;
      }
      if (chunk === undefined) break;
      const parts = [chunk, chunkChecksum(chunk, header.salt, index)];
      writing(() => storage.write(fd, parts, chunkOffset(index)));
      stepBytes += chunk.length + CHUNK_CHECKSUM_BYTES;
      if (index % STEP_CHUNKS < STEP_CHUNKS - 1) continue;
      yield stepBytes;
      stepBytes = 0;
    }
    yield stepBytes;
    return true;
  }
}
