// Reads the event blocks of a whole log in order, without the lock, also while it is written.
// A segment with a successor is read exactly up to the offset that the successor pins; the last one
// as far as blocks validate. At most two files are open: the current segment and its successor.
import { join } from 'node:path';
import { assert, outOfRange, WalError } from '../errors.js';
import { emptyError, gatherEmpty } from '../judgement/empty-log.js';
import { missingBeginning } from '../judgement/kept-events.js';
import { laterThanNext } from '../judgement/later-segments.js';
import { logIdIn, otherLog, otherLogIn } from '../judgement/log-identity.js';
import { highestOutside, outsideClaims, type ReadingPorts } from '../judgement/reading-ports.js';
import { expired, judgeTail, tailError } from '../judgement/tail-judgement.js';
import { unpinnedHole } from '../judgement/unpinned.js';
import { lostSentence } from '../reading/advice.js';
import { type IsBehind, searchPlaces } from '../reading/binary-search.js';
import {
  firstTimestampAt,
  firstTimestampOf,
  hopTowards,
  hopTowardsTime,
} from '../reading/block-hop.js';
import { holdsLog, listLog, noLogIn, readMeta, usableMeta } from '../reading/log-directory.js';
import { endsAtPin, frameError, pinError } from '../reading/pin.js';
import { type ReadingMeter, silentMeter } from '../reading/reading-meter.js';
import { positionBefore, positionNear, readSeal } from '../reading/seal-index.js';
import {
  closeSegment,
  isExpired,
  lookAtSegment,
  openSegment,
  type SegmentFile,
} from '../reading/segment-file.js';
import { SegmentMeter } from '../reading/segment-meter.js';
import { type SegmentPosition, SegmentReader, startOf } from '../reading/segment-reader.js';
import { holeError } from '../reading/segment-salvager.js';
import { BlockKind } from '../segment/block-header.js';
import { segmentFileName } from '../segment/file-names.js';
import type { Seal } from '../segment/seal.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import type { Blocks } from './blocks.js';

/** Where a walk is, for another walker to continue from; undefined in a log without segments. */
export interface LogPlace {
  readonly segmentIndex: number;
  readonly salt: bigint;
  /** Of the block that comes next. */
  readonly position: SegmentPosition;
}

export class LogWalker implements Blocks {
  readonly dir: string;
  readonly meter: ReadingMeter;
  readonly #ports: ReadingPorts;
  readonly #storage: Storage;
  readonly #buffer: Uint8Array;
  readonly #renew: (() => Uint8Array | undefined) | undefined;
  #reader: SegmentReader | undefined;
  #successor: SegmentFile | undefined;
  /** Whose log it is, as the whole folder tells, else the first segment that was read. */
  #logId: bigint | undefined;
  /** Whose log it must be; undefined: anyone's. */
  #expectedLogId: bigint | undefined;
  /** E of the last judgement, to judge each end once. */
  #judgedOffset = 0;

  /** @param renew see SegmentReader */
  constructor(
    ports: ReadingPorts,
    dir: string,
    meter: ReadingMeter = silentMeter(),
    renew?: () => Uint8Array | undefined,
  ) {
    this.#ports = ports;
    this.#storage = ports.storage;
    this.#buffer = ports.readBuffer();
    this.dir = dir;
    this.meter = meter;
    this.#renew = renew;
  }

  /** See Blocks: the reader's buffer, or what it has made for a large block. */
  get bytes(): Uint8Array {
    return this.#reader?.bytes ?? this.#buffer;
  }

  /** The segment that is read now, undefined in a log without segments. */
  get reader(): SegmentReader | undefined {
    return this.#reader;
  }

  /**
   * Header of the next segment, as soon as that is published: what it pins is durable. One that
   * cannot be read is reported where this segment ends: its events come before that damage.
   */
  findSuccessor(): SegmentHeader | undefined {
    try {
      return this.#openSuccessor()?.header;
    } catch (error) {
      if (error instanceof WalError) return undefined;
      throw error;
    }
  }

  /** Id that comes after the current block. */
  get nextEventId(): number {
    return this.#reader?.nextEventId ?? 1;
  }

  get payloadStart(): number {
    return this.#reader?.payloadStart ?? 0;
  }

  get payloadEnd(): number {
    return this.#reader?.payloadEnd ?? 0;
  }

  get firstEventId(): number {
    return this.#reader?.block?.firstEventId ?? 0;
  }

  /** The current block, or the one to come where there is none. */
  get place(): LogPlace | undefined {
    const reader = this.#reader;
    if (reader === undefined) return undefined;
    const { block, blockOffset, file } = reader;
    const position = block && {
      offset: blockOffset,
      nextEventId: block.firstEventId,
      nextBlockIndex: block.blockIndex,
      previousBlockChecksum: block.previousBlockChecksum,
    };
    const { segmentIndex, salt } = file.header;
    return { segmentIndex, salt, position: position ?? reader.resumePosition };
  }

  /** Behind the current block, for another walker to continue from. */
  get placeBehind(): LogPlace | undefined {
    const reader = this.#reader;
    if (reader === undefined) return undefined;
    const { segmentIndex, salt } = reader.file.header;
    return { segmentIndex, salt, position: reader.resumePosition };
  }

  /**
   * Goes on where a walk stood, this one's or another's; opens the files unless they are open.
   * @param orFirst what begins later will do as well: where the place was removed meanwhile
   */
  resume(place: LogPlace | undefined, orFirst = false): void {
    if (place === undefined) return;
    const open = this.#reader?.file;
    const { segmentIndex, salt } = open?.header ?? {};
    if (open !== undefined && segmentIndex === place.segmentIndex && salt === place.salt) {
      this.#reader = this.#readerAt(open, place.position);
      this.#judgedOffset = 0;
      return;
    }
    this.close();
    const file = this.#open(place.segmentIndex);
    if (file === undefined && orFirst) {
      this.seek(undefined);
      return;
    }
    if (file === undefined) throw this.#expired(this.#pathOf(place.segmentIndex));
    if (file.header.salt !== place.salt) {
      closeSegment(this.#storage, file, this.meter);
      throw this.#expired(file.path);
    }
    this.#enter(file, place.position);
  }

  /** From here on another log than that one is refused. */
  expect(logId: bigint | undefined): void {
    this.#expectedLogId = logId;
  }

  /** That the folder holds another log by now than the one that is read; undefined: it does not. */
  otherLog(): WalError | undefined {
    const logId = this.#logId;
    return logId === undefined ? undefined : otherLogIn(this.#storage, this.dir, logId);
  }

  /**
   * Stands before the segment that holds `from`. Undefined: before the first event.
   * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG, _WRONG_LOG; _OUT_OF_RANGE or _EXPIRED for an id
   * before the first
   */
  seek(from: number | undefined): void {
    const startNs = this.meter.nowNs();
    const indexes = this.#list();
    const file =
      from === undefined
        ? this.#firstOf(indexes)
        : this.#findSegment(indexes, (index) => this.#isBehind(index, from));
    if (file === undefined) {
      if (from !== undefined && from < 1) throw outOfRange('Event ids start at 1.');
      return;
    }
    const { header } = file;
    if (from === undefined) this.#checkBeginning(file);
    if (from !== undefined && from < header.firstEventId) {
      closeSegment(this.#storage, file, this.meter);
      this.#enterBefore(header, indexes, from);
    } else this.#enter(file, startOf(file));
    this.meter.manager.onSeekEvent(startNs);
  }

  /**
   * Stands before the segment that holds the first event from `timeNs` on, or before one that is
   * earlier than that.
   * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG
   */
  seekTime(timeNs: bigint): void {
    const startNs = this.meter.nowNs();
    const indexes = this.#list();
    const { last } = searchPlaces(indexes, (index) => this.#isBehindTime(index, timeNs));
    const file = last === undefined ? undefined : this.#open(last);
    if (file === undefined) {
      // All that is there may be later than the time, also where retention went on meanwhile.
      this.seek(undefined);
      return;
    }
    this.#enter(file, startOf(file));
    this.meter.manager.onSeekEvent(startNs);
  }

  #list(): readonly number[] {
    const listing = listLog(this.#storage, this.dir);
    if (!holdsLog(listing)) throw noLogIn(this.dir);
    const expected = this.#expectedLogId;
    const found = logIdIn(this.#storage, listing);
    if (found !== undefined && expected !== undefined && found !== expected) {
      throw otherLog(this.dir, found, expected);
    }
    this.#logId = found ?? expected;
    return listing.segments.map((segment) => segment.index);
  }

  /** What a reader of the whole log begins with: what is missing before it is damage. */
  #checkBeginning(file: SegmentFile): void {
    try {
      const lost = this.#missingBefore(file.header);
      if (lost?.error !== undefined) throw lost.error;
    } catch (error) {
      closeSegment(this.#storage, file, this.meter);
      throw error;
    }
  }

  /**
   * Where the first header that could be read begins after `from`: a segment before it that is
   * there may hold the event. Mostly what keeps it from being read is thrown.
   */
  #enterBefore(header: SegmentHeader, indexes: readonly number[], from: number): void {
    const { firstEventId, segmentIndex } = header;
    const before = from < 1 ? undefined : indexes[indexes.indexOf(segmentIndex) - 1];
    const file = before === undefined ? undefined : this.#open(before);
    if (file !== undefined && file.header.firstEventId <= from) {
      this.#enter(file, startOf(file));
      return;
    }
    if (file !== undefined) closeSegment(this.#storage, file, this.meter);
    const message = `Event ${from} is not in ${this.dir}: the first one there is ${firstEventId}.`;
    if (segmentIndex === 1 || from < 1) throw outOfRange(message);
    const lost = this.#missingBefore(header);
    if (lost?.error !== undefined && from >= lost.firstEventId) throw lost.error;
    throw new WalError('ERR_FLASHSTRIKE_EXPIRED', message, { path: this.dir, firstEventId });
  }

  #missingBefore(header: SegmentHeader) {
    const reading = readMeta(this.#storage, this.dir);
    return missingBeginning(this.#storage, this.dir, reading, header);
  }

  /**
   * Skips blocks of the segment before `from`, by its index or from header to header; others with
   * earlier events may still come. What is skipped is not verified.
   */
  skipTowards(from: number): void {
    const file = this.#reader?.file;
    if (file === undefined || from <= file.header.firstEventId) return;
    const seal = this.#index(file);
    const position = seal && positionNear(seal, from);
    if (position !== undefined && this.#begin(file, position)) return;
    const hopped = hopTowards(this.#storage, file, this.#endOffset, from);
    if (hopped !== undefined) this.#begin(file, hopped);
  }

  /** The same for blocks with nothing but events before `timeNs`. */
  skipTowardsTime(timeNs: bigint): void {
    const file = this.#reader?.file;
    if (file === undefined) return;
    const seal = this.#index(file);
    const position = seal && positionBefore(seal, timeNs);
    // Of the time that an entry tells, the block itself must not say otherwise.
    if (position !== undefined && this.#isBefore(file, position, timeNs)) {
      if (this.#begin(file, position)) return;
    }
    const storage = this.#storage;
    const hopped = hopTowardsTime(storage, file, this.#endOffset, timeNs, this.#buffer);
    if (hopped !== undefined) this.#begin(file, hopped);
  }

  #isBefore(file: SegmentFile, { offset }: SegmentPosition, timeNs: bigint): boolean {
    const firstNs = firstTimestampAt(this.#storage, file, offset, this.#buffer);
    return firstNs !== undefined && firstNs < timeNs;
  }

  /**
   * Goes on at a block of the current segment, if that stands there. Otherwise the walk from the
   * start finds and names what is wrong.
   */
  #begin(file: SegmentFile, position: SegmentPosition): boolean {
    const reader = this.#readerAt(file, position);
    if (!reader.validatesNow()) return false;
    this.#reader = reader;
    return true;
  }

  /** No block of the current segment reaches past it, as far as that is known. */
  get #endOffset(): number {
    return this.#successor?.header.previousEndOffset ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Moves to the next block of events. False at the end of what is there.
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT or _EXPIRED for a finished segment that does not
   * validate up to its pin
   */
  next(): boolean {
    for (;;) {
      const reader = this.#reader;
      if (reader === undefined) {
        const first = this.#open(1);
        if (first === undefined) return false;
        this.#enter(first, startOf(first));
        continue;
      }
      const pin = this.#successor?.header;
      while (reader.next(pin?.previousEndOffset)) {
        if (reader.block?.kind === BlockKind.events) return true;
      }
      if (pin !== undefined) this.#leave(reader);
      else if (this.#successorAtEnd(reader) === undefined) return false;
    }
  }

  /**
   * Whether the end that `next` found is the end of a sound log; false: the log went on meanwhile.
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT, _UNDECIDABLE, _EXPIRED …
   */
  confirmEnd(): boolean {
    const reader = this.#reader;
    if (reader === undefined) return this.#confirmEmpty();
    if (this.#judgedOffset === reader.offset) return true;
    const { logId } = reader.file.header;
    const outside = () => outsideClaims(this.#ports, this.dir, logId);
    const startNs = this.meter.nowNs();
    const judgement = judgeTail(this.#storage, this.dir, reader, outside);
    this.meter.manager.onJudgeTail(startNs);
    if (judgement === undefined) return false;
    reader.recordVerdict(judgement.tailCase.verdict);
    const error = tailError(judgement);
    if (error !== undefined) {
      const isPinless = judgement.facts.laterSegment;
      throw (isPinless ? this.#holeIn(reader) : undefined) ?? error;
    }
    this.#judgedOffset = judgement.endOffset;
    return true;
  }

  /**
   * As `confirmEnd`, though this end was judged before: for a reader that waits at it.
   * @throws WalError ERR_FLASHSTRIKE_EXPIRED also when the last segment's file was taken away
   */
  confirmEndAgain(): boolean {
    this.#judgedOffset = 0;
    const file = this.#reader?.file;
    if (!this.confirmEnd()) return false;
    if (file !== undefined && isExpired(this.#storage, file)) throw this.#expired(file.path);
    return true;
  }

  /** Closes the files; idempotent. */
  close(): void {
    const files = [this.#reader?.file, this.#successor];
    this.#reader = undefined;
    this.#successor = undefined;
    for (const file of files) {
      if (file !== undefined) closeSegment(this.#storage, file, this.meter);
    }
  }

  #expired(path: string): WalError {
    return expired(this.#storage, path, this.#logId);
  }

  #pathOf(segmentIndex: number): string {
    return join(this.dir, segmentFileName(segmentIndex));
  }

  #open(segmentIndex: number): SegmentFile | undefined {
    const expected = { index: segmentIndex, logId: this.#logId };
    return openSegment(this.#storage, this.#pathOf(segmentIndex), expected, 'read', this.meter);
  }

  #readerAt(file: SegmentFile, position: SegmentPosition): SegmentReader {
    const meter = new SegmentMeter(this.meter);
    const buffer = this.#reader?.buffer ?? this.#buffer;
    return new SegmentReader(this.#storage, file, buffer, position, meter, this.#renew);
  }

  #openSuccessor(): SegmentFile | undefined {
    const reader = this.#reader;
    if (reader !== undefined) this.#successor ??= this.#open(reader.file.header.segmentIndex + 1);
    return this.#successor;
  }

  /**
   * The successor, asked for where the segment ends by itself.
   * @throws WalError about the first damage: a hole in this segment, or else the successor
   */
  #successorAtEnd(reader: SegmentReader): SegmentFile | undefined {
    try {
      return this.#openSuccessor();
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      throw this.#holeIn(reader) ?? this.#withLoss(error, reader);
    }
  }

  /** What is wrong inside of a segment that nothing pins. */
  #holeIn(reader: SegmentReader): WalError | undefined {
    if (isExpired(this.#storage, reader.file)) return this.#expired(reader.file.path);
    const hole = unpinnedHole(this.#storage, reader);
    if (hole === undefined) return undefined;
    reader.recordEnd(false);
    return holeError(reader.file.path, hole);
  }

  /** The error about the successor, with the ids that are lost by it. */
  #withLoss(error: WalError, { file, nextEventId }: SegmentReader): WalError {
    const { code, path, offset, cause } = error;
    // A failure of the system: nothing is known to be lost.
    if (code === 'ERR_FLASHSTRIKE_ACCESS' || code === 'ERR_FLASHSTRIKE_IO') return error;
    const { segmentIndex, logId } = file.header;
    const later = laterThanNext(this.#storage, this.dir, segmentIndex, logId);
    const last =
      later?.firstEventId === undefined ? this.#durableOf(logId) : later.firstEventId - 1;
    const message = `${error.message}${lostSentence(nextEventId, last)}`;
    return new WalError(code, message, { path, offset, cause });
  }

  /** The highest id that anything outside of the segments calls durable; 0 for none. */
  #durableOf(logId: bigint): number {
    const meta = readMeta(this.#storage, this.dir);
    const isOurs = meta.status === 'present' && meta.meta.logId === logId;
    const outside = highestOutside(outsideClaims(this.#ports, this.dir, logId));
    return Math.max(outside, isOurs ? meta.meta.durableEventId : 0);
  }

  /** Makes an open file the current segment. */
  #enter(file: SegmentFile, position: SegmentPosition): void {
    // Nothing but its first segment may have told it.
    this.#logId ??= file.header.logId;
    this.#reader = this.#readerAt(file, position);
    this.#judgedOffset = 0;
    this.#successor = undefined;
    this.findSuccessor();
  }

  /** The first segment that is not taken away meanwhile; undefined: no segments. */
  #firstOf(indexes: readonly number[]): SegmentFile | undefined {
    for (const index of indexes) {
      const file = this.#open(index);
      if (file !== undefined) return file;
    }
    const [first] = indexes;
    if (first !== undefined) throw this.#expired(this.#pathOf(first));
    return undefined;
  }

  /**
   * The last segment that is known not to begin behind what is looked for, or else the first one
   * whose header can be read, though it begins behind it; undefined: no segments.
   */
  #findSegment(indexes: readonly number[], isBehind: IsBehind): SegmentFile | undefined {
    const { last, firstBehind } = searchPlaces(indexes, isBehind);
    const found = last ?? firstBehind;
    if (found === undefined) return this.#firstOf(indexes);
    const file = this.#open(found);
    if (file === undefined) throw this.#expired(this.#pathOf(found));
    return file;
  }

  /** Whether a segment begins behind an event; undefined for one that cannot be read. */
  #isBehind(segmentIndex: number, eventId: number): boolean | undefined {
    const firstEventId = this.#look(segmentIndex, ({ header }) => header.firstEventId);
    return firstEventId === undefined ? undefined : firstEventId > eventId;
  }

  /**
   * Whether a segment begins at a time or later; undefined also for one whose first event cannot be
   * read, or is yet to come.
   */
  #isBehindTime(segmentIndex: number, timeNs: bigint): boolean | undefined {
    const firstNs = this.#look(segmentIndex, (file) =>
      firstTimestampOf(this.#storage, file, this.#buffer),
    );
    return firstNs === undefined ? undefined : firstNs >= timeNs;
  }

  /** Undefined for a segment that is gone or cannot be read. */
  #look<Seen>(segmentIndex: number, look: (file: SegmentFile) => Seen): Seen | undefined {
    const expected = { index: segmentIndex, logId: this.#logId };
    const path = this.#pathOf(segmentIndex);
    try {
      return lookAtSegment(this.#storage, path, expected, this.meter, look);
    } catch (error) {
      if (error instanceof WalError) return undefined;
      throw error;
    }
  }

  /** Reads the seal of a finished segment for its index. */
  #index(file: SegmentFile): Seal | undefined {
    const pin = this.#successor?.header;
    if (pin === undefined) return undefined;
    const startNs = this.meter.nowNs();
    const seal = readSeal(this.#storage, file, pin.previousEndOffset);
    this.meter.segmentReader.onBuildIndex(startNs, seal !== undefined);
    return seal;
  }

  /** Goes to the successor, if the current segment ends exactly where it pins. */
  #leave(reader: SegmentReader): void {
    const successor = this.#successor;
    assert(successor !== undefined, 'a segment is left for its successor');
    if (!endsAtPin(reader, successor.header)) {
      if (isExpired(this.#storage, reader.file)) throw this.#expired(reader.file.path);
      reader.recordEnd(false);
      throw pinError(this.#storage, reader, successor.header);
    }
    const defect = reader.file.frame?.endDefect();
    reader.recordEnd(defect === undefined);
    // Its events were all given: behind what is odd in this file others may be missing.
    if (defect !== undefined) throw frameError(reader.file, defect);
    this.#successor = undefined;
    closeSegment(this.#storage, reader.file, this.meter);
    this.#enter(successor, startOf(successor));
  }

  #confirmEmpty(): boolean {
    const evidence = gatherEmpty(this.#ports, this.dir);
    const { segments } = evidence;
    usableMeta(evidence.meta, this.dir);
    if (segments[0] !== undefined) {
      if (segments[0].index === 1) return false;
      throw this.#expired(this.#pathOf(1));
    }
    const error = emptyError(this.dir, evidence);
    if (error !== undefined) throw error;
    return true;
  }
}
