// One salvage of a whole log: every block of events that is provably part of it, in ascending order
// of ids and each event once, and a gap wherever something is not as it should be. Nothing is
// changed and no lock is taken. Memory is the read buffer and one entry a segment.
//
// Invariant: `#expected` is the id that comes next. Blocks and gaps with known ids move it on, so
// together they cover every id up to the last that is known.
import { join } from 'node:path';
import { WalError } from '../errors.js';
import { emptyError, gatherEmpty } from '../judgement/empty-log.js';
import { type LeftRing, lastToTake } from '../judgement/left-rings.js';
import { highestOutside, outsideClaims, type ReadingPorts } from '../judgement/reading-ports.js';
import {
  gatherEvidence,
  judgeEnd,
  type OutsideClaims,
  type TailJudgement,
} from '../judgement/tail-judgement.js';
import { behindOf } from '../judgement/tail-scan.js';
import { unpinnedEnd } from '../judgement/unpinned.js';
import { endsAtPin } from '../reading/pin.js';
import { reading } from '../reading/read-failure.js';
import { confirmSeal } from '../reading/seal-check.js';
import { isExpired, openSource, type SegmentFile } from '../reading/segment-file.js';
import { SegmentReader } from '../reading/segment-reader.js';
import { type Hole, type SalvageBounds, SegmentSalvager } from '../reading/segment-salvager.js';
import { runsOf, skipUntil } from '../ring/ring-snapshot.js';
import type { BlockHeader } from '../segment/block-header.js';
import { isDefect } from '../segment/defect.js';
import { LOCK_FILE, META_FILE, segmentFileName } from '../segment/file-names.js';
import { hasRecycledBody, type SegmentHeader } from '../segment/segment-header.js';
import { ReadOnlyStorage } from '../storage/read-only-storage.js';
import {
  type GapCause,
  type GapPlace,
  gapOf,
  harmlessGap,
  type SalvageGap,
} from './salvage-gap.js';
import {
  type Survey,
  type SurveyedSegment,
  surveyLog,
  type UnreadableSegment,
} from './salvage-survey.js';

/** A block of events; its frames stand in `bytes` at [start, end) until the next step. */
export interface SalvagedBlock {
  readonly kind: 'block';
  readonly header: Pick<BlockHeader, 'firstEventId' | 'eventCount' | 'writtenTsNs'>;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

type SalvagePart = SalvagedBlock | SalvageGap;
type BytesPlace = Pick<Hole, 'offset' | 'bytes'>;
type Parts = Generator<SalvagePart, void, undefined>;

/** A log that is being written goes on and on: how often its end is followed. */
const FOLLOWED_ENDS_MAX = 3;
/** So many unreadable files are named in one message. */
const FILES_NAMED_MAX = 3;
const CORRUPT = 'ERR_FLASHSTRIKE_CORRUPT';
const MISMATCH = 'ERR_FLASHSTRIKE_RING_MISMATCH';

export class LogSalvager {
  readonly #ports: ReadingPorts;
  readonly #storage: ReadOnlyStorage;
  readonly #dir: string;
  readonly #buffer: Uint8Array;
  #survey: Survey;
  #expected = 1;
  /** Index of the segment that was dealt with last; 0 for none. */
  #passedIndex = 0;
  #nextUnreadable = 0;
  #durableEventId = 0;
  #followedEnds = 0;
  #rings: readonly LeftRing[] = [];

  /** @throws WalError as surveyLog does */
  constructor(ports: ReadingPorts, dir: string) {
    this.#ports = ports;
    this.#dir = dir;
    this.#buffer = ports.readBuffer();
    this.#storage = new ReadOnlyStorage(ports.storage);
    this.#survey = surveyLog(this.#storage, dir);
  }

  get survey(): Survey {
    return this.#survey;
  }

  *parts(): Parts {
    yield* this.#survey.oddities;
    yield* this.#lookForRings();
    this.#claim(this.#survey.meta?.durableEventId);
    for (let position = 0; ; position++) {
      // Asked again each time: a log that is being written gets further segments.
      const segment = this.#survey.segments[position];
      if (segment === undefined) break;
      yield* this.#before(segment);
      yield* this.#segment(segment, position);
      this.#passedIndex = segment.index;
    }
    yield* this.#atEnd();
    for (const ring of this.#rings) yield* this.#waiting(ring);
  }

  /**
   * What a crashed process left in memory. Before the files: it begins where they end, or before.
   */
  *#lookForRings(): Parts {
    const { logId } = this.#survey;
    try {
      const { rings } = this.#ports.leftRegions(this.#dir);
      this.#rings = rings.filter((ring) => logId === undefined || ring.logId === logId);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      // LOCK is a link or a folder, or the region ends early: the files are read all the same.
      yield harmlessGap({ path: error.path ?? LOCK_FILE }, error);
    }
  }

  /** Whether a ring continues after the last event: then nothing is lost with a torn write. */
  #waitsNext(): boolean {
    return this.#rings.some(({ unread }) => {
      const last = lastToTake(unread, this.#expected);
      return typeof last === 'number';
    });
  }

  /** The events of a ring that the files lack. */
  *#waiting({ path, memory, unread }: LeftRing): Parts {
    if (unread === undefined) return;
    if ('defect' in unread) {
      const message = `The events in shared memory cannot be trusted: ${unread.defect}.`;
      yield gapOf({ path }, { code: MISMATCH, message }, this.#expected, undefined);
      return;
    }
    if (unread.lastEventId < this.#expected) return;
    if (unread.firstEventId > this.#expected) {
      const message = 'The files end before the first event in shared memory.';
      yield this.#gap({ path }, { code: MISMATCH, message }, unread.firstEventId - 1);
    }
    skipUntil(memory, this.#expected);
    for (const run of runsOf(memory, this.#expected)) {
      this.#expected = run.header.firstEventId + run.header.eventCount;
      yield { kind: 'block', ...run };
    }
  }

  #claim(eventId: number | undefined): void {
    this.#durableEventId = Math.max(this.#durableEventId, eventId ?? 0);
  }

  /** A gap from the next id to `lastEventId`, where that is known; the ids count as dealt with. */
  #gap(place: GapPlace, cause: GapCause, lastEventId: number | undefined): SalvageGap {
    const gap = gapOf(place, cause, this.#expected, lastEventId);
    if (lastEventId !== undefined) this.#expected = Math.max(this.#expected, lastEventId + 1);
    return gap;
  }

  /** The ids and files between the segment that was dealt with and this one. */
  *#before({ index, header }: SurveyedSegment): Parts {
    const lastEventId = header.firstEventId - 1;
    if (this.#passedIndex === 0) yield* this.#removedBefore(header.firstEventId);
    const run = this.#unreadableBefore(index);
    const isRun = run.length > 0 || index > this.#passedIndex + 1;
    if (this.#passedIndex === 0 && run.length === 0) {
      if (lastEventId < this.#expected) return;
      // Where wal.meta tells what was removed on purpose, nothing else was.
      const isLoss = this.#expected > 1;
      const message = isLoss
        ? `The log begins with segment ${index}: the segments before it are missing.`
        : `The log begins with segment ${index}: it does not have the events before it, as when ` +
          'the oldest segments were removed on purpose.';
      const cause: GapCause = { code: isLoss ? CORRUPT : 'ERR_FLASHSTRIKE_EXPIRED', message };
      yield this.#gap({ path: segmentFileName(index - 1) }, cause, lastEventId);
    } else if (isRun || lastEventId >= this.#expected) {
      yield this.#runGap(run, index - 1, lastEventId);
    }
  }

  /** What was removed on purpose, as wal.meta tells, and is not there. */
  *#removedBefore(firstEventId: number): Parts {
    const firstKept = Math.min(this.#survey.meta?.firstKeptEventId ?? 0, firstEventId);
    if (firstKept <= this.#expected) return;
    const message = `Events before ${firstKept} were removed on purpose.`;
    const cause: GapCause = { code: 'ERR_FLASHSTRIKE_EXPIRED', message };
    yield this.#gap({ path: META_FILE }, cause, firstKept - 1);
  }

  /** Files whose names stand before `index` and that were not dealt with yet. */
  #unreadableBefore(index: number): UnreadableSegment[] {
    const run: UnreadableSegment[] = [];
    const { unreadable } = this.#survey;
    for (;;) {
      const file = unreadable[this.#nextUnreadable];
      if (file === undefined || file.index >= index) return run;
      this.#nextUnreadable++;
      run.push(file);
    }
  }

  /** Segments up to `lastIndex` that are missing or unreadable, as one gap. */
  #runGap(
    run: readonly UnreadableSegment[],
    lastIndex: number,
    lastEventId: number | undefined,
  ): SalvageGap {
    const [file] = run;
    // Before the first one that is there, segments may have been removed for good.
    const from = this.#passedIndex === 0 ? (file?.index ?? lastIndex) : this.#passedIndex + 1;
    const isFirst = file !== undefined && file.index === from;
    const path = isFirst ? file.path : join(this.#dir, segmentFileName(from));
    const place = isFirst ? { path, offset: 0, bytes: file.bytes } : { path };
    const code = file?.code ?? CORRUPT;
    return this.#gap(place, { code, message: runMessage(run, from, lastIndex) }, lastEventId);
  }

  *#segment(segment: SurveyedSegment, position: number): Parts {
    const next = this.#survey.segments[position + 1];
    const file = this.#open(segment);
    if (file === undefined) {
      yield this.#goneGap(segment.path, next?.header);
      return;
    }
    try {
      const salvager = new SegmentSalvager(
        this.#storage,
        new SegmentReader(this.#storage, file, this.#buffer),
      );
      if (next?.index === segment.index + 1) yield* this.#finished(salvager, next.header);
      else if (segment.index < this.#survey.lastIndex) yield* this.#unpinned(salvager);
      else yield* this.#last(salvager);
      this.#claim(salvager.reader.durableEventId);
    } finally {
      this.#storage.close(file.fd);
    }
  }

  /** The file that was surveyed; undefined where another one has its name by now, or none. */
  #open({ path, bytes, device, inode, header }: SurveyedSegment): SegmentFile | undefined {
    const now = openSource(this.#storage, path);
    if (now === undefined || isDefect(now)) return undefined;
    if (now.inode === inode && now.device === device) return { ...now, bytes, header };
    this.#storage.close(now.fd);
    return undefined;
  }

  #goneGap(path: string, next: SegmentHeader | undefined): SalvageGap {
    const message = 'The file was removed or changed while the log was read.';
    const cause = { code: 'ERR_FLASHSTRIKE_EXPIRED', message } as const;
    return this.#gap({ path }, cause, next && next.firstEventId - 1);
  }

  /** The blocks up to the next hole or the end. */
  *#walk(salvager: SegmentSalvager, bounds: SalvageBounds): Parts {
    const { path } = salvager.file;
    let repeatedFrom: number | undefined;
    while (salvager.next(bounds)) {
      const { block, bytes, payloadStart, payloadEnd, blockOffset } = salvager.reader;
      if (block === undefined) continue;
      const { firstEventId, eventCount } = block;
      if (firstEventId < this.#expected) {
        repeatedFrom ??= blockOffset;
        continue;
      }
      if (firstEventId > this.#expected) {
        const cause = damaged(`event ${firstEventId} instead of event ${this.#expected}`);
        yield this.#gap({ path, offset: blockOffset, bytes: 0 }, cause, firstEventId - 1);
      }
      this.#expected = firstEventId + eventCount;
      yield { kind: 'block', header: block, bytes, start: payloadStart, end: payloadEnd };
    }
    if (repeatedFrom === undefined) return;
    const bytes = salvager.reader.offset - repeatedFrom;
    const cause = damaged('events with ids that were already read: they are left out');
    yield harmlessGap({ path, offset: repeatedFrom, bytes }, cause);
  }

  /** Over all holes to the end, with a gap for each. */
  *#walkHoles(
    salvager: SegmentSalvager,
    bounds: SalvageBounds,
    causeOf: (hole: Hole) => GapCause,
  ): Parts {
    for (;;) {
      const hole = salvager.skipHole(bounds);
      if (hole === undefined) return;
      const { path } = salvager.file;
      const lastEventId = hole.firstEventId + hole.events - 1;
      const place = { path, offset: hole.offset, bytes: hole.bytes };
      yield this.#gap(place, this.#causeIn(salvager.file, place, causeOf(hole)), lastEventId);
      yield* this.#walk(salvager, bounds);
    }
  }

  /** A segment whose successor's header is sound, and pins where it ends. */
  *#finished(salvager: SegmentSalvager, pin: SegmentHeader): Parts {
    const { path } = salvager.file;
    const limitOffset = pin.previousEndOffset;
    const lastEventId = pin.previousLastEventId;
    const bounds = { limitOffset, lastEventId };
    yield* this.#walk(salvager, bounds);
    if (endsAtPin(salvager.reader, pin)) return;
    if (isExpired(this.#storage, salvager.file)) {
      yield this.#goneGap(path, pin);
      return;
    }
    yield* this.#walkHoles(salvager, bounds, ({ message }) => damaged(message));
    const { reader } = salvager;
    if (endsAtPin(reader, pin)) return;
    const bytes = Math.max(0, limitOffset - reader.offset);
    const cause = damaged(
      reader.nextEventId > lastEventId && bytes === 0
        ? `the last block is not the one that segment ${pin.segmentIndex} names`
        : (reader.stop?.message ?? 'the segment ends'),
    );
    const place = { path, offset: reader.offset, bytes };
    yield this.#gap(place, this.#causeIn(salvager.file, place, cause), lastEventId);
  }

  /** A segment that was finished, while nothing else tells where. */
  *#unpinned(salvager: SegmentSalvager): Parts {
    const { path, header } = salvager.file;
    yield* this.#walk(salvager, {});
    confirmSeal(salvager.reader);
    const { scan, bounds } = unpinnedEnd(this.#storage, salvager.reader);
    this.#claim(scan.durableEventId);
    yield* this.#walkHoles(salvager, bounds, ({ message }) => damaged(message));
    const { offset, sealed, stop } = salvager.reader;
    const bytes = Math.max(scan.nonZeroEndOffset, scan.blocksEndOffset) - offset;
    if (sealed || bytes <= 0 || behindOf(scan, hasRecycledBody(header)) === 'nothing') return;
    const why = `${stop?.message}; what follows may belong to an abandoned write: it is left out`;
    // The ids are in the gap for the segments after it.
    const place = { path, offset, bytes };
    const cause = this.#causeIn(salvager.file, place, damaged(why));
    yield gapOf(place, cause, this.#expected, undefined);
  }

  /** The last segment: its end is judged as recovery and verify do it. */
  *#last(salvager: SegmentSalvager): Parts {
    const { file } = salvager;
    const { logId, segmentIndex } = file.header;
    const storage = this.#storage;
    const successorPath = join(this.#dir, segmentFileName(segmentIndex + 1));
    for (;;) {
      yield* this.#walk(salvager, {});
      confirmSeal(salvager.reader);
      const outside = this.#outside(logId);
      const { reader } = salvager;
      const evidence = gatherEvidence(storage, reader, this.#survey.meta, outside);
      if (reading(successorPath, () => storage.statusAt(successorPath)) !== undefined) {
        yield* this.#grown(salvager, segmentIndex);
        return;
      }
      // What was after E when D was gathered was in the file before: a live log continues here.
      if (reader.validatesNow()) continue;
      yield* this.#lastEnd(salvager, judgeEnd(storage, reader, evidence), outside);
      return;
    }
  }

  #outside(logId: bigint | undefined): OutsideClaims {
    try {
      const outside = outsideClaims(this.#ports, this.#dir, logId);
      this.#claim(highestOutside(outside));
      return outside;
    } catch (error) {
      // What is wrong with LOCK or the region was told when they were looked at first.
      if (!(error instanceof WalError)) throw error;
      return {};
    }
  }

  /** The segment got a successor since the folder was looked at. */
  *#grown(salvager: SegmentSalvager, segmentIndex: number): Parts {
    this.#followedEnds++;
    if (this.#followedEnds > FOLLOWED_ENDS_MAX) return;
    this.#survey = surveyLog(this.#storage, this.#dir);
    const next = this.#survey.segments.find((segment) => segment.index > segmentIndex);
    if (next?.index === segmentIndex + 1) yield* this.#finished(salvager, next.header);
    else yield* this.#unpinned(salvager);
  }

  *#lastEnd(salvager: SegmentSalvager, first: TailJudgement, outside: OutsideClaims): Parts {
    this.#claim(first.claims.durableEventId);
    if (first.tailCase.verdict === 'clean') return;
    const endOffset = salvager.reader.offset;
    if (this.#waitsNext()) {
      const message = 'A write that was cut short by a crash; its events are in shared memory.';
      const place = { path: first.path, offset: endOffset, bytes: first.droppedBytes };
      yield harmlessGap(place, { code: 'ERR_FLASHSTRIKE_TORN_TAIL', message });
      return;
    }
    yield* this.#walkHoles(salvager, {}, ({ firstEventId, message }) =>
      this.#tailCause(firstEventId, message),
    );
    const { reader } = salvager;
    const storage = this.#storage;
    const judgement =
      reader.offset === endOffset
        ? first
        : judgeEnd(storage, reader, gatherEvidence(storage, reader, this.#survey.meta, outside));
    yield* this.#tailGap(salvager.file, judgement);
  }

  /** The disk itself, where it could not read these bytes. */
  #causeIn(file: SegmentFile, { offset, bytes }: BytesPlace, cause: GapCause): GapCause {
    // Where a compressed segment is concerned, the cause names the block and the place in its file.
    if (file.frame !== undefined) return cause;
    if (!this.#storage.hasUnreadable(file.fd, offset, bytes)) return cause;
    const message = 'The disk cannot read all of these bytes (EIO).';
    return { code: 'ERR_FLASHSTRIKE_IO', message };
  }

  /** Damage where the events from `eventId` on were durable, a torn write elsewhere. */
  #tailCause(eventId: number, why: string): GapCause {
    if (eventId <= this.#durableEventId) return damaged(why);
    const message = sentence(`${why}: what follows was never reported durable`);
    return { code: 'ERR_FLASHSTRIKE_TORN_TAIL', message };
  }

  *#tailGap(file: SegmentFile, judgement: TailJudgement): Parts {
    const { tailCase, path, endOffset, droppedBytes, scan, stop } = judgement;
    if (tailCase.verdict === 'clean') return;
    const place = { path, offset: endOffset, bytes: droppedBytes };
    const last = Math.max(this.#durableEventId, scan.lastEventId);
    const known = last >= this.#expected ? last : undefined;
    if (tailCase.verdict === 'undecidable') {
      const message = `${sentence(stop.message)} ${tailCase.prose}`;
      yield this.#gap(place, { code: 'ERR_FLASHSTRIKE_UNDECIDABLE', message }, known);
      return;
    }
    const cause = this.#tailCause(this.#expected, stop.message);
    yield this.#gap(place, this.#causeIn(file, place, cause), known);
  }

  /** What the names, wal.meta and the region tell of events after the last readable segment. */
  *#atEnd(): Parts {
    const { segments, unreadable, lastIndex, logId } = this.#survey;
    if (segments.length === 0) this.#outside(logId);
    const durable = this.#durableEventId;
    const known = durable >= this.#expected ? durable : undefined;
    const run = this.#unreadableBefore(Number.POSITIVE_INFINITY);
    if (run.length > 0 || lastIndex > this.#passedIndex) {
      if (this.#followedEnds > FOLLOWED_ENDS_MAX) return;
      yield this.#runGap(run, Math.max(lastIndex, run.at(-1)?.index ?? 0), known);
      return;
    }
    if (segments.length > 0 || unreadable.length > 0) return;
    const error = emptyError(this.#dir, gatherEmpty(this.#ports, this.#dir));
    if (error === undefined) return;
    yield this.#gap({ path: join(this.#dir, segmentFileName(1)) }, error, known);
  }
}

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

const damaged = (what: string): GapCause => ({ code: CORRUPT, message: sentence(what) });

function runMessage(
  run: readonly UnreadableSegment[],
  firstIndex: number,
  lastIndex: number,
): string {
  const missing = lastIndex - firstIndex + 1 - run.length;
  const range =
    firstIndex === lastIndex ? `Segment ${firstIndex}` : `Segments ${firstIndex} to ${lastIndex}`;
  if (run.length === 0)
    return `${range}: missing, although there are later ones or wal.meta mentions it.`;
  const named = run.slice(0, FILES_NAMED_MAX).map(({ message }) => message);
  if (run.length > FILES_NAMED_MAX) named.push(`And ${run.length - FILES_NAMED_MAX} more.`);
  const absent = missing > 0 ? ` (${missing} missing)` : '';
  return `${range}${absent}: ${named.join(' ')}`;
}
