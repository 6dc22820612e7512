// What becomes of the file of a segment whose life is over: a prepared one again where that is
// asked for and safe, gone otherwise. Written to is only a file that nobody can take for the
// segment any more, whatever crash comes:
//
// - It has lost the segment's name, and a sync of the folder has made that durable. Behind a sync
//   that failed, or where the system has none for folders, it is never used: the name may come
//   back.
// - It has no second name, and nobody has it open: who reads it, or copies it, goes on undisturbed,
//   and a snapshot by hard links stays what it was. By the old name nobody can open it any more.
// - Its header page is zeros, durably, before anybody gets it as a prepared one. What follows keeps
//   its salt, so under the next header it validates nowhere.
import { dirname, join } from 'node:path';
import { isOperational, systemCode } from '../../errors.js';
import { peekSegmentHeader } from '../../reading/segment-file.js';
import { isDefect } from '../../segment/defect.js';
import { isPlainPath, preparedFileName } from '../../segment/file-names.js';
import { SEGMENT_HEADER_PAGE_BYTES } from '../../segment/segment-header.js';
import type { FileStatus, Storage } from '../../storage/storage.js';
import { PAGE_BYTES, TWO_POW_32 } from '../../units.js';
import { offer, type PreparedSegment } from '../threads/prepared-segments.js';
import type { Signals } from '../threads/signals.js';

/** The preparer numbers its files from 1 on: those that are recycled have the upper half. */
const FIRST_TICKET = TWO_POW_32 / 2;

export class SegmentRecycler {
  readonly #storage: Storage;
  readonly #signals: Signals;
  readonly #onFailure: () => void;
  readonly #areNamesDurable: () => boolean;
  /** It has the name of a prepared file; whether that is durable nobody knows. */
  #renamed: { readonly path: string; readonly segment: PreparedSegment } | undefined;

  /**
   * @param onFailure a file could be neither used nor removed: the next open removes it
   * @param areNamesDurable false where a sync of the folder that succeeded was none
   */
  constructor(
    storage: Storage,
    signals: Signals,
    onFailure: () => void,
    areNamesDurable: () => boolean = () => true,
  ) {
    this.#areNamesDurable = areNamesDurable;
    this.#storage = storage;
    this.#signals = signals;
    this.#onFailure = onFailure;
  }

  /**
   * Takes a segment's name away, which the caller makes durable by a sync of the folder. It may be
   * gone already: a call that fails may have done it.
   */
  removeName(path: string, segmentIndex: number): void {
    this.#giveUp();
    const status = this.#storage.statusAt(path);
    if (status === undefined) return;
    // Once: the preparer may change its mind meanwhile.
    const wantedBytes = this.#signals.get('recycledPages') * PAGE_BYTES;
    const isUsed =
      this.#isUsable(path, status, wantedBytes) &&
      this.#rename(path, segmentIndex, status, wantedBytes);
    if (!isUsed) this.#storage.unlink(path);
  }

  /** The folder is synced. @returns whether the file is used again */
  onNameGone(): boolean {
    const renamed = this.#renamed;
    if (renamed === undefined) return false;
    try {
      const isUsed = this.#areNamesDurable() && this.#erase(renamed);
      if (isUsed && offer(this.#signals.recycledQueue, renamed.segment)) {
        this.#renamed = undefined;
        this.#signals.wake('preparer');
        return true;
      }
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#onFailure();
    }
    this.close();
    return false;
  }

  /** Removes what was not handed on. Idempotent. */
  close(): void {
    try {
      this.#giveUp();
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#onFailure();
    }
  }

  /** A file of the wanted size that is nothing but this segment. */
  #isUsable(path: string, { kind, links, bytes }: FileStatus, wantedBytes: number): boolean {
    if (wantedBytes === 0 || !isPlainPath(path) || kind !== 'file' || links !== 1) return false;
    if (bytes > wantedBytes || bytes % PAGE_BYTES !== 0) return false;
    const header = peekSegmentHeader(this.#storage, path);
    return header !== undefined && !isDefect(header) && header.segmentBytes === wantedBytes;
  }

  /** False: another file has that name. */
  #rename(
    path: string,
    segmentIndex: number,
    { inode, bytes }: FileStatus,
    segmentBytes: number,
  ): boolean {
    const ticket = FIRST_TICKET + (segmentIndex % FIRST_TICKET);
    const prepared = join(dirname(path), preparedFileName(ticket));
    try {
      this.#storage.renameNoReplace(path, prepared);
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
    const segment = { ticket, inode, segmentBytes, writtenBytes: bytes, isRecycled: true };
    this.#renamed = { path: prepared, segment };
    return true;
  }

  /** False where it is not that file alone, or somebody else has it. */
  #erase({ path, segment }: { readonly path: string; readonly segment: PreparedSegment }): boolean {
    const fd = this.#storage.open(path, 'rewrite');
    try {
      const { inode, links } = this.#storage.statusOf(fd);
      if (inode !== segment.inode || links !== 1 || this.#storage.isOpenElsewhere(fd)) return false;
      this.#storage.write(fd, [new Uint8Array(SEGMENT_HEADER_PAGE_BYTES)], 0);
      this.#storage.sync(fd);
      return true;
    } finally {
      this.#storage.close(fd);
    }
  }

  #giveUp(): void {
    const renamed = this.#renamed;
    if (renamed === undefined) return;
    if (this.#storage.statusAt(renamed.path) !== undefined) this.#storage.unlink(renamed.path);
    this.#renamed = undefined;
  }
}
