// One run of `verify`: the walk over all segments and what it gathers.
import { basename, dirname, join, resolve } from 'node:path';
import { type ErrorCode, WalError } from '../errors.js';
import { emptyError, gatherEmpty, lostWithAll } from '../judgement/empty-log.js';
import {
  type DoubtfulRegion,
  goneSentence,
  type LeftRegions,
  lastToTake,
  lostAdvice,
  NO_REGIONS,
  ringMismatch,
  uncertainError,
  unusableNote,
  writtenNote,
} from '../judgement/left-rings.js';
import { logIdOf } from '../judgement/log-identity.js';
import { outsideClaims, type ReadingPorts } from '../judgement/reading-ports.js';
import {
  cutNotes,
  judgeTail,
  type MetaUse,
  missingTail,
  type OutsideClaims,
  type TailJudgement,
  tailError,
} from '../judgement/tail-judgement.js';
import { unpinnedEnd } from '../judgement/unpinned.js';
import {
  lostSentence,
  missingSentence,
  putBackAdvice,
  restoreAdvice,
  verdictAdvice,
} from '../reading/advice.js';
import {
  holdsLog,
  type LogListing,
  listingNotes,
  listLog,
  type MetaReading,
  metaNotes,
  noLogIn,
  readMeta,
  usableMeta,
} from '../reading/log-directory.js';
import { boundsOf, endsAtPin, pinError } from '../reading/pin.js';
import { UNREADABLE } from '../reading/read-failure.js';
import type { ReadingMeter } from '../reading/reading-meter.js';
import { closeSegment, isExpired, openSegment, type SegmentFile } from '../reading/segment-file.js';
import { SegmentMeter } from '../reading/segment-meter.js';
import { bufferBytes, readBuffer, SegmentReader, startOf } from '../reading/segment-reader.js';
import {
  type Hole,
  holeError,
  type SalvageBounds,
  SegmentSalvager,
} from '../reading/segment-salvager.js';
import { compressedError } from '../replay/log-walker.js';
import { lastThatFollows } from '../replay/ring-overlap.js';
import { META_FILE, segmentFileName } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { MissingTail, Verdict } from '../segment/verdict.js';
import { MIB } from '../units.js';
import type { TornTail, VerifyProblem, VerifyReport } from './verify-report.js';

/** Bytes between two turns of the event loop. */
const TURN_BYTES = 16 * MIB;
/** A log that is being written goes on and on: how often its end is followed. */
const FOLLOWED_ENDS_MAX = 3;
/** Problems that say that nothing can be said. */
const UNDECIDED: ReadonlySet<ErrorCode> = new Set([
  'ERR_FLASHSTRIKE_REGION_UNCERTAIN',
  'ERR_FLASHSTRIKE_RING_MISMATCH',
  'ERR_FLASHSTRIKE_UNDECIDABLE',
  'ERR_FLASHSTRIKE_UNSUPPORTED',
]);

const isDoubt = ({ code }: Draft): boolean => code === 'ERR_FLASHSTRIKE_REGION_UNCERTAIN';
/** Its problem names the choices. */
const CHOOSE = 'Choose what the next open is to do with the shared region named here.';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Draft = { -readonly [Key in keyof VerifyProblem]: VerifyProblem[Key] };

export class Verification {
  readonly #ports: ReadingPorts;
  readonly #dir: string;
  readonly #meter: ReadingMeter;
  #buffer = readBuffer(0);
  readonly #openFiles = new Set<SegmentFile>();
  readonly #problems: Draft[] = [];
  readonly #notes: string[] = [];
  /** A problem whose loss the next readable header tells. */
  #unmeasured: Draft | undefined;
  #logId: bigint | undefined;
  #firstEventId: number | undefined;
  /** Id that the next segment must start with. */
  #expectedEventId: number | undefined;
  #events = 0;
  #segments = 0;
  #lastEventId = 0;
  #durableEventId = 0;
  #tornTail: TornTail | undefined;
  #missingTail: MissingTail | undefined;
  #followedEnds = 0;
  #bytesThisTurn = 0;

  constructor(ports: ReadingPorts, dir: string, meter: ReadingMeter) {
    this.#ports = ports;
    this.#dir = dir;
    this.#meter = meter;
  }

  async run(): Promise<VerifyReport> {
    const { storage } = this.#ports;
    const listing = listLog(storage, this.#dir);
    if (!holdsLog(listing)) throw noLogIn(this.#dir);
    this.#notes.push(...listingNotes(listing));
    if (listing.compressed.length > 0) this.#report(compressedError(this.#dir));
    this.#logId = logIdOf(storage, listing);
    const meta = readMeta(storage, this.#dir);
    this.#notes.push(...metaNotes(meta, listing));
    // Before the files: what waited then goes on where they end now, or further ahead.
    const left = this.#leftRegions();
    try {
      if (listing.segments.length > 0) await this.#verifySegments(listing);
      else if (listing.compressed.length === 0) this.#verifyEmpty();
    } finally {
      for (const file of this.#openFiles) closeSegment(storage, file, this.#meter);
    }
    this.#reportMeta(meta);
    return this.#finish(left);
  }

  #finish(left: LeftRegions): VerifyReport {
    const firstEventId = this.#firstEventId ?? 1;
    // The last segment's header is damaged: only the claims tell what it held.
    if (this.#unmeasured !== undefined && this.#expectedEventId !== undefined) {
      if (this.#durableEventId >= this.#expectedEventId) {
        measure(this.#unmeasured, this.#expectedEventId, this.#durableEventId);
      }
    }
    const waitingEvents = this.#connect(left);
    this.#problems.sort(byPlace);
    const verdict = this.#verdict();
    return {
      ok: this.#problems.length === 0,
      verdict,
      events: this.#events,
      firstEventId,
      lastEventId: Math.max(this.#lastEventId, firstEventId - 1),
      durableEventId: this.#durableEventId,
      segments: this.#segments,
      problems: this.#problems,
      tornTail: this.#tornTail,
      missingTail: verdict === 'live-copy' ? this.#missingTail : undefined,
      waitingEvents,
      advice: this.#advice(verdict, left),
      notes: this.#notes,
    };
  }

  /** What is missing and can be looked for comes before what the files say. */
  #advice(verdict: Verdict, { lost }: LeftRegions): string {
    const advice = this.#problems.some(isDoubt) ? CHOOSE : verdictAdvice(verdict, this.#dir);
    if (lost === undefined || this.#segments === 0) return advice;
    this.#notes.unshift(goneSentence(lost, this.#lastEventId));
    const told = lostAdvice(lost, this.#lastEventId);
    return verdict === 'clean' ? told : `${told} ${advice}`;
  }

  #leftRegions(): LeftRegions {
    try {
      return this.#ports.leftRegions(this.#dir);
    } catch (error) {
      // LOCK is a link or a folder, or the region is damaged; the files are judged all the same.
      this.#report(error);
      return NO_REGIONS;
    }
  }

  /**
   * The events that the next opening will take from rings, which it refuses where they do not fit.
   */
  #connect({ rings, notes, doubtful }: LeftRegions): number {
    this.#notes.unshift(...notes);
    const isSound = this.#problems.length === 0;
    let expected = this.#expectedEventId ?? 1;
    let written = 0;
    let waitingEvents = 0;
    const nextEventId = expected;
    for (const region of doubtful) this.#reportDoubt(region, nextEventId, isSound);
    for (const ring of rings) {
      const { path, logId, unread, writtenEventId } = ring;
      if (this.#logId !== undefined && logId !== this.#logId) {
        this.#notes.push(unusableNote(path, 'it belongs to another log.'));
        continue;
      }
      written = Math.max(written, writtenEventId);
      const last = isSound
        ? lastThatFollows(this.#ports, this.#dir, ring, nextEventId, expected)
        : lastToTake(unread, expected);
      if (typeof last === 'number') {
        waitingEvents += last - expected + 1;
        expected = last + 1;
      } else if (!isSound) {
        // Nothing follows where files are damaged: so many are there all the same.
        waitingEvents += unread !== undefined && 'eventCount' in unread ? unread.eventCount : 0;
      } else if (last !== undefined) this.#report(ringMismatch(path, last));
    }
    if (isSound && written >= expected) this.#notes.push(writtenNote(written, expected - 1));
    return waitingEvents;
  }

  /** A region that the next opening refuses to pass over. */
  #reportDoubt(region: DoubtfulRegion, nextEventId: number, isSound: boolean): void {
    const { ring } = region;
    const isLacked =
      ring === undefined ||
      !isSound ||
      lastThatFollows(this.#ports, this.#dir, ring, nextEventId, nextEventId) !== undefined;
    if (isLacked) this.#report(uncertainError(this.#dir, region));
  }

  #verdict(): Verdict {
    if (this.#problems.some((problem) => !UNDECIDED.has(problem.code))) return 'corruption';
    if (this.#problems.length > 0) return 'undecidable';
    if (this.#missingTail !== undefined) return 'live-copy';
    return this.#tornTail === undefined ? 'clean' : 'torn-tail';
  }

  /** @throws the error itself where it tells of a failure to read */
  #report(error: unknown, firstLost?: number, lastLost?: number): Draft {
    if (!(error instanceof WalError) || UNREADABLE.has(error.code)) throw error;
    const { code, message, path, offset } = error;
    const file = path === undefined || path === this.#dir ? undefined : this.#nameOf(path);
    const told = this.#problems.find((each) => each.code === code && each.message === message);
    if (told !== undefined) return told;
    const unknown = { lost: undefined, firstEventId: undefined, lastEventId: undefined };
    const problem: Draft = { file, offset, code, message, ...unknown };
    if (firstLost !== undefined && lastLost !== undefined) measure(problem, firstLost, lastLost);
    this.#problems.push(problem);
    return problem;
  }

  /** A region stands in another folder: by its full path. */
  #nameOf(path: string): string {
    return resolve(dirname(path)) === resolve(this.#dir) ? basename(path) : path;
  }

  #reportMeta(meta: MetaReading): void {
    if (meta.status === 'present') this.#claim(meta.meta.durableEventId);
    const isReported = this.#problems.some((problem) => problem.file === META_FILE);
    if (isReported || (meta.status !== 'unsupported' && meta.status !== 'unsafe')) return;
    const path = join(this.#dir, META_FILE);
    const code =
      `ERR_FLASHSTRIKE_${meta.status === 'unsafe' ? 'UNSAFE_FILE' : 'UNSUPPORTED'}` as const;
    this.#report(new WalError(code, meta.message, { path }));
  }

  #verifyEmpty(): void {
    let evidence: ReturnType<typeof gatherEmpty>;
    try {
      evidence = gatherEmpty(this.#ports, this.#dir);
    } catch (error) {
      this.#report(error);
      return;
    }
    if (evidence.segments.length > 0) {
      this.#notes.push('The log was created while it was being verified.');
      return;
    }
    const error = emptyError(this.#dir, evidence);
    if (error === undefined) return;
    const durable = lostWithAll(evidence);
    this.#claim(durable);
    const isKnown = error.code === 'ERR_FLASHSTRIKE_CORRUPT';
    this.#report(error, isKnown ? 1 : undefined, isKnown ? durable : undefined);
  }

  async #verifySegments({ segments }: LogListing): Promise<void> {
    // Whatever else is lost: the first segment begins with the first event.
    if (segments[0]?.index === 1) this.#expectedEventId = 1;
    let file = this.#open(segments[0]?.index ?? 1);
    for (const [position, { index }] of segments.entries()) {
      const next = segments[position + 1];
      if (file !== undefined) this.#enter(file.header);
      const nextFile = next && this.#open(next.index);
      const isFollowed = next?.index === index + 1;
      if (file !== undefined) {
        const reader = this.#readerOf(file);
        if (next === undefined) await this.#verifyTail(reader);
        else await this.#verifyFinished(reader, isFollowed ? nextFile?.header : undefined);
        this.#close(file);
      }
      if (next !== undefined && !isFollowed) this.#reportGap(index + 1, next.index - 1);
      file = nextFile;
    }
  }

  /** Opens a segment; a damaged header is a problem, a file that is gone meanwhile is a note. */
  #open(segmentIndex: number): SegmentFile | undefined {
    const path = join(this.#dir, segmentFileName(segmentIndex));
    try {
      const expected = { index: segmentIndex, logId: this.#logId };
      const file = openSegment(this.#ports.storage, path, expected, 'read', this.#meter);
      if (file === undefined) this.#noteExpired(path);
      else this.#openFiles.add(file);
      return file;
    } catch (error) {
      this.#unmeasured = this.#report(error);
      this.#segments++;
      return undefined;
    }
  }

  /** One buffer for all segments, as large as the largest needs it. */
  #readerOf(file: SegmentFile): SegmentReader {
    if (this.#buffer.length < bufferBytes(file.bytes)) this.#buffer = readBuffer(file.bytes);
    const { storage } = this.#ports;
    return new SegmentReader(
      storage,
      file,
      this.#buffer,
      startOf(file),
      new SegmentMeter(this.#meter),
    );
  }

  #close(file: SegmentFile): void {
    this.#openFiles.delete(file);
    closeSegment(this.#ports.storage, file, this.#meter);
  }

  #noteExpired(path: string): void {
    this.#notes.push(`${basename(path)} was removed while the log was being verified.`);
  }

  #claim(durableEventId: number): void {
    this.#durableEventId = Math.max(this.#durableEventId, durableEventId);
  }

  /** Begins with a segment whose header is sound. */
  #enter(header: SegmentHeader): void {
    this.#segments++;
    this.#firstEventId ??= header.firstEventId;
    this.#claim(header.firstEventId - 1);
    if (this.#unmeasured !== undefined && this.#expectedEventId !== undefined) {
      measure(this.#unmeasured, this.#expectedEventId, header.firstEventId - 1);
    }
    this.#unmeasured = undefined;
  }

  #reportGap(firstIndex: number, lastIndex: number): void {
    const names =
      firstIndex === lastIndex
        ? `segment ${firstIndex} is`
        : `segments ${firstIndex} to ${lastIndex} are`;
    const path = join(this.#dir, segmentFileName(firstIndex));
    const advice = putBackAdvice(this.#dir);
    const message = `${path}: ${names} missing, but there are later ones. ${advice}`;
    const error = new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path });
    this.#unmeasured = this.#report(error);
  }

  async #walk(reader: SegmentReader, limitOffset?: number): Promise<void> {
    let bytesRead = reader.bytesRead;
    while (reader.next(limitOffset)) {
      this.#events += reader.block?.eventCount ?? 0;
      this.#lastEventId = reader.nextEventId - 1;
      this.#bytesThisTurn += reader.bytesRead - bytesRead;
      bytesRead = reader.bytesRead;
      if (this.#bytesThisTurn < TURN_BYTES) continue;
      this.#bytesThisTurn = 0;
      await nextTurn();
    }
    this.#claim(reader.durableEventId);
    this.#expectedEventId = reader.nextEventId;
  }

  /** A segment with a successor, whose header pins it when that is readable. */
  async #verifyFinished(reader: SegmentReader, pin: SegmentHeader | undefined): Promise<void> {
    if (pin === undefined) return this.#verifyUnpinned(reader);
    await this.#walk(reader, pin.previousEndOffset);
    if (endsAtPin(reader, pin)) reader.recordEnd(true);
    else if (isExpired(this.#ports.storage, reader.file)) this.#noteExpired(reader.file.path);
    else await this.#reportFinished(reader, pin);
    this.#expectedEventId = pin.firstEventId;
  }

  /** A segment whose successor is missing or cannot be read: to the end that it tells itself. */
  async #verifyUnpinned(reader: SegmentReader): Promise<void> {
    const { storage } = this.#ports;
    await this.#walk(reader);
    if (reader.sealed) return reader.recordEnd(true);
    const { scan, bounds } = unpinnedEnd(storage, reader);
    this.#claim(scan.durableEventId);
    const last = await this.#reportHoles(reader, bounds);
    if (last.nextEventId > bounds.lastEventId) return;
    last.recordEnd(false);
    const error = durableEndError(last, bounds.lastEventId);
    this.#report(error, last.nextEventId, bounds.lastEventId);
    this.#expectedEventId = bounds.lastEventId + 1;
  }

  /** Tells of each hole within the bounds; returns the reader behind the last one. */
  async #reportHoles(reader: SegmentReader, bounds: SalvageBounds): Promise<SegmentReader> {
    const salvager = new SegmentSalvager(this.#ports.storage, reader);
    for (;;) {
      const { reader: before } = salvager;
      const hole = salvager.skipHole(bounds);
      if (hole === undefined) return before;
      before.recordEnd(false);
      this.#reportHole(holeError(reader.file.path, hole), hole);
      await this.#walk(salvager.reader, bounds.limitOffset);
    }
  }

  /** Every hole of a finished segment, and what is missing at its end. */
  async #reportFinished(reader: SegmentReader, pin: SegmentHeader): Promise<void> {
    const { storage } = this.#ports;
    const last = await this.#reportHoles(reader, boundsOf(pin));
    if (endsAtPin(last, pin)) return;
    last.recordEnd(false);
    const error = pinError(storage, last, pin);
    this.#report(error, last.end.lastEventId + 1, pin.previousLastEventId);
  }

  #reportHole(error: WalError, { firstEventId, events }: Hole): void {
    this.#report(error, firstEventId, firstEventId + events - 1);
  }

  /** The last segment; where the log grows meanwhile, its growth for a few times. */
  async #verifyTail(reader: SegmentReader): Promise<void> {
    const { segmentIndex } = reader.file.header;
    for (;;) {
      await this.#walk(reader);
      if (await this.#judge(reader)) return;
      this.#followedEnds++;
      if (this.#followedEnds > FOLLOWED_ENDS_MAX) {
        this.#notes.push('The log is being written; what was written later was not verified.');
        return;
      }
      const path = join(this.#dir, segmentFileName(segmentIndex + 1));
      if (this.#ports.storage.statusAt(path) === undefined) continue;
      const successor = this.#open(segmentIndex + 1);
      if (successor === undefined) return;
      await this.#verifyFinished(reader, successor.header);
      this.#enter(successor.header);
      return this.#verifyTail(this.#readerOf(successor));
    }
  }

  /** LOCK that cannot be read is told, and the end is judged without it. */
  #outside(logId: bigint): OutsideClaims {
    try {
      return outsideClaims(this.#ports, this.#dir, logId);
    } catch (error) {
      this.#report(error);
      return {};
    }
  }

  /** wal.meta that is of no use is told, and the end is judged without it. */
  readonly #metaUse: MetaUse = (meta, dir, logId) => {
    try {
      return usableMeta(meta, dir, logId);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  };

  /** Judges the end of the log; false when it went on meanwhile. */
  async #judge(reader: SegmentReader): Promise<boolean> {
    const { logId } = reader.file.header;
    const outside = () => this.#outside(logId);
    let judgement: TailJudgement | undefined;
    const startNs = this.#meter.nowNs();
    try {
      judgement = judgeTail(this.#ports.storage, this.#dir, reader, outside, {
        metaOf: this.#metaUse,
      });
    } catch (error) {
      this.#report(error);
      return true;
    }
    this.#meter.manager.onJudgeTail(startNs);
    if (judgement === undefined) return false;
    reader.recordVerdict(judgement.tailCase.verdict);
    this.#claim(judgement.claims.durableEventId);
    this.#notes.push(...cutNotes(reader));
    const error = tailError(judgement);
    const { path, endOffset, droppedEvents, droppedBytes, tailCase } = judgement;
    this.#missingTail = missingTail(judgement);
    if (this.#missingTail !== undefined) {
      this.#notes.push(`${tailCase.prose}${missingSentence(this.#missingTail)}`);
    } else if (tailCase.verdict === 'torn-tail') {
      const lastEventId = judgement.nextEventId - 1;
      const file = basename(path);
      this.#tornTail = { file, offset: endOffset, lastEventId, droppedEvents, droppedBytes };
    } else if (error !== undefined && tailCase.verdict === 'corruption') {
      await this.#reportLast(reader, judgement, error);
    } else if (error !== undefined) {
      this.#report(error);
    }
    return true;
  }

  /** Every hole of the last segment that durable events are missing in, and those at its end. */
  async #reportLast(reader: SegmentReader, judgement: TailJudgement, first: WalError) {
    const { durableEventId } = judgement.claims;
    const { path } = judgement;
    const salvager = new SegmentSalvager(this.#ports.storage, reader);
    let error = first;
    for (;;) {
      const { reader: before } = salvager;
      const hole = salvager.skipHole();
      // Behind the last durable event nothing is damage.
      if (hole === undefined || hole.firstEventId > durableEventId) break;
      before.recordEnd(false);
      this.#reportHole(error === first ? first : holeError(path, hole), hole);
      await this.#walk(salvager.reader);
      error = durableEndError(salvager.reader, durableEventId);
    }
    const { reader: last } = salvager;
    const { nextEventId } = last;
    if (nextEventId <= durableEventId) {
      last.recordEnd(false);
      this.#report(error, nextEventId, durableEventId);
    } else if (error === first) {
      this.#report(error);
    }
  }
}

/** By file, and in a file by offset. */
function byPlace(a: VerifyProblem, b: VerifyProblem): number {
  const [first, second] = [a.file ?? '', b.file ?? ''];
  if (first !== second) return first < second ? -1 : 1;
  return (a.offset ?? 0) - (b.offset ?? 0);
}

/** Writes down which events a problem costs; none where the last is before the first. */
function measure(problem: Draft, firstEventId: number, lastEventId: number): void {
  problem.lost = Math.max(0, lastEventId - firstEventId + 1);
  if (problem.lost === 0) return;
  problem.firstEventId = firstEventId;
  problem.lastEventId = lastEventId;
}

/** Durable events that are missing at the end of the log, behind a hole that was reported. */
function durableEndError(reader: SegmentReader, durableEventId: number): WalError {
  const { file, offset, nextEventId, stop } = reader;
  const message =
    `${file.path} ends at offset ${offset}, event ${nextEventId - 1} (after that: ` +
    `${stop?.message}).${lostSentence(nextEventId, durableEventId)} ${restoreAdvice(file.path)}`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path: file.path, offset });
}
