// Recovery on open: finds where the log ends, judges that end, and makes what is accepted durable
// again, before anything is appended behind it. The caller holds the lock. Whatever is refused
// leaves the folder as it was; whatever is done can be done again after a crash at any step.
import { basename, dirname, join } from 'node:path';
import { removeUnfinished } from '../consumers/left-overs.js';
import { assert, type ErrorCode, WalError } from '../errors.js';
import {
  acknowledgedWithoutSegments,
  type EmptyEvidence,
  emptyError,
  wasOpened,
} from '../judgement/empty-log.js';
import { firstKeptIn, missingBeginning } from '../judgement/kept-events.js';
import {
  endNotes,
  judgeTail,
  missingTail,
  type OutsideClaims,
  type TailJudgement,
  tailError,
} from '../judgement/tail-judgement.js';
import { type Random64, random64 } from '../random.js';
import {
  missingSentence,
  openCopyAdvice,
  putBackAdvice,
  withoutTailAdvice,
} from '../reading/advice.js';
import {
  type ConsumerFile,
  consumerNotes,
  highestAcknowledged,
  readConsumers,
} from '../reading/consumer-files.js';
import {
  type LogListing,
  listingNotes,
  listLog,
  metaNotes,
  usableMeta,
} from '../reading/log-directory.js';
import { checkTelemetry, type ReadingMeter } from '../reading/reading-meter.js';
import { closeSegment, openSegment, type SegmentFile } from '../reading/segment-file.js';
import { SegmentMeter } from '../reading/segment-meter.js';
import { readBuffer, SegmentReader, startOf } from '../reading/segment-reader.js';
import { integrityFailureOf } from '../reading/stop.js';
import { META_TEMPORARY_FILE, parsePreparedFileName } from '../segment/file-names.js';
import { SEGMENT_HEADER_PAGE_BYTES } from '../segment/segment-header.js';
import type { SegmentTally } from '../segment/segment-tally.js';
import type { MissingTail } from '../segment/verdict.js';
import type { WalMeta } from '../segment/wal-meta.js';
import { isLeftOver } from '../storage/left-over.js';
import type { Storage } from '../storage/storage.js';
import type { IntegrityFailure } from '../telemetry/integrity-failure.js';
import type { Telemetry } from '../telemetry/recovery/telemetry.js';
import { MIB } from '../units.js';
import { type LogChain, type LogSurvey, surveyLog } from './log-chain.js';
import { bodyLossesOf, lossError, lossesOf, type SegmentLoss } from './segment-losses.js';
import { type SegmentWalk, walkSegment } from './segment-walk.js';

/**
 * What an open does with damage that it finds. Damage to durable events at the end of the log is
 * refused in every mode, and then nothing is changed.
 * - `default`: a torn tail, which contains nothing durable, is set aside and counted; if it cannot
 *   be determined whether events are missing, the open is refused
 * - `strict`: a torn tail is refused too
 * - `tolerate-tail`: if it cannot be determined, the log continues with what is sound; a ring that
 *   does not continue the files is dropped and counted
 * - `accept-loss`: like `default` at the end of the log; if earlier segments are missing, damaged
 *   or from another log, the log continues, and `wal.recovery.losses` lists what is lost
 * - `accept-copy`: like `default`, but a folder whose end looks like that of a copied log is
 *   treated as a copy. A folder that is provably a copy needs no option: it opens in every mode
 *   except `strict`, with the verdict `live-copy`
 *
 * To read what comes after damage, use `salvage`, which opens nothing and changes nothing.
 */
export type RecoveryMode = 'default' | 'strict' | 'tolerate-tail' | 'accept-loss' | 'accept-copy';

/**
 * What is read of the finished segments when a log opens. Their names, sizes and headers are
 * checked against each other in any case.
 * - `tail`: nothing more
 * - `all`: every block, before the log opens
 * - `background`: every block, while the log is open; `wal.verification` reports the progress
 */
export type VerifyMode = 'tail' | 'all' | 'background';

interface RecoveryChoice {
  readonly mode: RecoveryMode;
  readonly verify: VerifyMode;
}

/** Damage that `accept-loss` accepted. It is not repaired, and every open finds it again. */
export interface AcceptedLoss {
  /** The damaged file, or the folder if a file is missing. */
  readonly file: string;
  /** Byte offset in the file. */
  readonly offset: number | undefined;
  /** What kind of damage it is. */
  readonly code: ErrorCode;
  /** What is wrong, in sentences. */
  readonly message: string;
  /** First lost id; undefined if it is not known. */
  readonly firstEventId: number | undefined;
  /** Last lost id; firstEventId - 1 if no event is lost. */
  readonly lastEventId: number;
}

/** What recovery found and did; `wal.recovery`. */
export interface RecoveryReport {
  /**
   * `new`: there was no log. `torn-tail`: the last write was torn, and is set aside. `live-copy`:
   * the folder is a copy of a log that was being written, and lacks its last events.
   */
  readonly verdict: 'new' | 'clean' | 'torn-tail' | 'live-copy';
  /** The ids that a live copy lacks, as far as known; undefined for any other verdict. */
  readonly missingTail: MissingTail | undefined;
  /** The last segment file; undefined for a new log. */
  readonly file: string | undefined;
  /** Where the valid part of that file ends. */
  readonly offset: number | undefined;
  /** Number of events that a crashed process had left in its ring; they are now in the files. */
  readonly eventsFromRing: number;
  /** Number of events that were written but never durable, and could not be kept. */
  readonly droppedEvents: number;
  /** Number of bytes of the torn write. */
  readonly droppedBytes: number;
  /** What happened to the shared region of the previous open. */
  readonly region: RegionOutcome;
  /**
   * The last event that was kept, including those from the ring; the next one gets the id after it.
   */
  readonly lastEventId: number;
  /** Damage before the last segment that `accept-loss` accepted; usually none. */
  readonly losses: readonly AcceptedLoss[];
  /** What to do next, in a sentence. */
  readonly advice: string;
  /** Anything odd that did no harm, a sentence each. */
  readonly notes: readonly string[];
}

/** What happened to the shared region that a process left; `region` of {@link RecoveryReport}. */
export type RegionOutcome =
  | 'none'
  | 'recovered'
  /** `oldRing: 'leave'`, now or at an earlier open. */
  | 'left'
  | 'missing'
  | 'foreign'
  | 'other-boot'
  | 'damaged'
  | 'unsupported';

/** Where the log ends and what may follow. */
export interface RecoveredLog {
  readonly logId: bigint;
  readonly verdict: RecoveryReport['verdict'];
  readonly nextEventId: number;
  /** The last segment, opened for writing; undefined for a new log. */
  readonly last: RecoveredSegment | undefined;
  readonly droppedEvents: number;
  readonly droppedBytes: number;
  /** Accepted damage before the last segment, oldest first. */
  readonly losses: readonly SegmentLoss[];
  readonly missingTail: MissingTail | undefined;
  /** See WalMeta. */
  readonly firstKeptEventId: number;
  /** Those in the folder, as they were found. */
  readonly consumers: readonly ConsumerFile[];
  /** In a copy: wal.meta tells of earlier events than there are, which is no loss there. */
  readonly beginsLater: boolean;
  readonly notes: readonly string[];
}

interface RecoveredSegment {
  readonly file: SegmentFile;
  readonly walk: SegmentWalk;
  /** E. */
  readonly endOffset: number;
  /** Highest durable id that is claimed inside the file. */
  readonly durableClaim: number;
  /**
   * True when the next block may go to E; else a new segment must follow, as behind a linked file.
   */
  readonly canContinue: boolean;
  /** Which check the block at E did not pass, where the tail is torn. */
  readonly integrityFailure: IntegrityFailure | undefined;
}

const corrupt = (path: string, message: string, offset?: number): WalError =>
  new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset });

const vanished = (path: string): WalError =>
  corrupt(
    path,
    `${path} disappeared while the log was being opened. ${putBackAdvice(dirname(path))}`,
  );

/**
 * Finds and judges the end of the log. Writes only to re-dirty the accepted prefix.
 * @param outside what the shared region claims durable; what consumers do is read here
 * @param random for the id of a log that is new
 * @param telemetry records how long what took
 * @param survey of the folder as it is; by default it is made here
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT, _UNDECIDABLE, _UNSUPPORTED, _WRONG_LOG, …
 */
export function recoverLog(
  storage: Storage,
  directory: string,
  mode: RecoveryMode,
  outside: OutsideClaims,
  random: Random64 = random64,
  telemetry?: Telemetry,
  verify: VerifyMode = 'tail',
  survey?: LogSurvey,
): RecoveredLog {
  const meter = checkTelemetry(telemetry);
  return meter.measure(
    (startNs, ok) => meter.manager.onRecoverLog(startNs - (survey?.tookNs ?? 0), ok),
    () => {
      const found = survey ?? surveyLog(storage, directory, meter);
      return recover(storage, directory, { mode, verify }, outside, random, meter, found);
    },
  );
}

function recover(
  storage: Storage,
  directory: string,
  { mode, verify }: RecoveryChoice,
  outside: OutsideClaims,
  random: Random64,
  meter: ReadingMeter,
  { listing, meta: reading, chain }: LogSurvey,
): RecoveredLog {
  const notes = [...listingNotes(listing, reading), ...metaNotes(reading, listing)];
  // They would be removed: looked at before anything is changed.
  for (const path of leftOversIn(listing)) isLeftOver(storage, path);
  const last = listing.segments.at(-1);
  if (last === undefined) {
    // Never 0, so that all-zero bytes name no log.
    const { region } = outside;
    const acknowledgement = acknowledgedWithoutSegments(storage, directory, reading);
    const opened = wasOpened(storage, directory);
    const evidence = { meta: reading, region, acknowledgement, wasOpened: opened };
    const log = withoutSegments(directory, evidence, mode, random() | 1n, notes);
    const consumers = consumersOf(storage, listing, log.logId);
    return { ...log, consumers, notes: [...log.notes, ...consumerNotes(directory, consumers)] };
  }
  const header = chain.links[0]?.header;
  const acceptCopy = mode === 'accept-copy';
  const missing = header && missingBeginning(storage, directory, reading, header, acceptCopy);
  const losses = judgeBefore(storage, listing, chain, missing, { mode, verify }, meter);
  const beginsLater = missing !== undefined && missing.error === undefined;
  if (beginsLater) notes.push(missing.note);
  const { logId } = chain;
  const consumers = consumersOf(storage, listing, logId);
  notes.push(...consumerNotes(directory, consumers));
  const claims = { ...outside, acknowledgement: highestAcknowledged(consumers) };
  const file = openSegment(storage, last.path, { index: last.index, logId }, 'rewrite', meter);
  if (file === undefined) throw vanished(last.path);
  try {
    const log = withLastSegment(storage, listing, file, mode, claims, notes, meter);
    // A copy may have wal.meta of a time when nothing of what it holds was kept any more.
    const firstKept = firstKeptIn(reading, logId);
    const isBeyond = beginsLater || firstKept > log.nextEventId;
    const first = Math.min(header?.firstEventId ?? log.nextEventId, log.nextEventId);
    const firstKeptEventId = isBeyond ? first : firstKept;
    return { ...log, losses, consumers, beginsLater, firstKeptEventId };
  } catch (error) {
    closeSegment(storage, file, meter);
    throw error;
  }
}

/** Without one, the folder is not listed again. */
const consumersOf = (
  storage: Storage,
  { dir, consumers }: LogListing,
  logId: bigint | undefined,
): readonly ConsumerFile[] => (consumers.length === 0 ? [] : readConsumers(storage, dir, logId));

function withoutSegments(
  directory: string,
  evidence: EmptyEvidence,
  mode: RecoveryMode,
  newLogId: bigint,
  notes: readonly string[],
): Omit<RecoveredLog, 'consumers'> {
  const meta = usableMeta(evidence.meta, directory);
  const error = emptyError(directory, evidence);
  const isDoubt = error?.code === 'ERR_FLASHSTRIKE_UNDECIDABLE';
  if (error !== undefined && !(isDoubt && mode === 'tolerate-tail')) throw error;
  return {
    logId: meta?.logId ?? newLogId,
    verdict: 'new',
    nextEventId: 1,
    last: undefined,
    droppedEvents: 0,
    droppedBytes: 0,
    losses: [],
    missingTail: undefined,
    firstKeptEventId: 0,
    beginsLater: false,
    notes: isDoubt ? [...notes, TOLERATED] : notes,
  };
}

/**
 * Judges all that stands before the last segment. What is lost there, which is accepted by name
 * only.
 * @throws WalError where it is not, or where the last segment's own header is damaged
 */
function judgeBefore(
  storage: Storage,
  listing: LogListing,
  chain: LogChain,
  missing: ReturnType<typeof missingBeginning>,
  { mode, verify }: RecoveryChoice,
  meter: ReadingMeter,
): SegmentLoss[] {
  const { links } = chain;
  const isBroken = listing.gaps.length > 0 || links.some(({ error }) => error !== undefined);
  const losses = missing === undefined ? [] : beginningLosses(missing);
  if (isBroken) losses.push(...lossesOf(storage, listing, chain, meter));
  if (verify === 'all') losses.push(...bodyLossesOf(storage, chain, meter));
  const [first, ...others] = losses;
  if (first === undefined) return losses;
  // Where the log ends, and so which id comes next, only this one tells.
  const last = links.at(-1);
  const isAcceptable = last?.error === undefined;
  if (mode !== 'accept-loss') throw lossError(first, others, isAcceptable);
  if (!isAcceptable) throw last.error;
  return losses;
}

/** Events that are missing before the first segment, whose header is sound. */
function beginningLosses({
  error,
  firstEventId,
  lastEventId,
}: NonNullable<ReturnType<typeof missingBeginning>>): SegmentLoss[] {
  return error === undefined ? [] : [{ firstEventId, lastEventId, errors: [error] }];
}

function withLastSegment(
  storage: Storage,
  { dir, segments: listed }: LogListing,
  file: SegmentFile,
  mode: RecoveryMode,
  outside: OutsideClaims,
  notes: readonly string[],
  meter: ReadingMeter,
): Omit<RecoveredLog, 'losses' | 'firstKeptEventId' | 'beginsLater' | 'consumers'> {
  const buffer = readBuffer(file.bytes);
  const reader = new SegmentReader(storage, file, buffer, startOf(file), new SegmentMeter(meter));
  const walk = walkSegment(reader);
  const startNs = meter.nowNs();
  const acceptCopy = mode === 'accept-copy';
  const judgement = judgeTail(storage, dir, reader, () => outside, { acceptCopy, listed });
  meter.manager.onJudgeTail(startNs);
  // Under the lock nobody else writes: a file that goes on growing is not ours alone.
  if (judgement === undefined) {
    const message =
      `${file.path} keeps changing while it is recovered: another process is writing to it. Stop ` +
      'that process, then open again.';
    throw new WalError('ERR_FLASHSTRIKE_LOCKED', message, { path: file.path });
  }
  reader.recordVerdict(judgement.tailCase.verdict);
  const verdict = accept(judgement, mode);
  const { tailCase } = judgement;
  const doubts = [...endNotes(reader), ...linkedNotes(file)];
  if (tailCase.verdict === 'undecidable') doubts.push(`${tailCase.prose} ${TOLERATED}`);
  const missing = missingTail(judgement);
  if (missing !== undefined) doubts.push(`${tailCase.prose}${missingSentence(missing)}`);
  const { endOffset, nextEventId, claims, meta, droppedEvents, droppedBytes } = judgement;
  // What is compressed was finished, and durable before its original went.
  if (file.frame === undefined && !provesCleanClose(meta, judgement, file)) {
    redirty(storage, file, walk.tally, claims.durableEventId, endOffset, meter);
  }
  return {
    logId: file.header.logId,
    verdict,
    nextEventId,
    last: {
      file,
      walk,
      endOffset,
      durableClaim: Math.max(walk.durableEventId, file.header.firstEventId - 1),
      canContinue: verdict === 'clean' && !walk.sealed && isOurs(file),
      integrityFailure: verdict === 'clean' ? undefined : integrityFailureOf(judgement.stop),
    },
    droppedEvents,
    droppedBytes,
    missingTail: missing,
    notes: [...notes, ...doubts],
  };
}

/** Whether what is written into the file shows nowhere else, and can be read again. */
const isOurs = ({ names, frame }: SegmentFile): boolean => names === 1 && frame === undefined;

/** A file that others know by another name keeps its content: the log goes on in a new one. */
function linkedNotes({ path, names }: SegmentFile): string[] {
  if (names === 1) return [];
  return [
    `${basename(path)} has ${names} names, as after a snapshot made of hard links: it is not ` +
      'changed, and the log continues in a new segment.',
  ];
}

/** What is noted where the option decided what the files could not. */
const TOLERATED =
  "Whether events are missing could not be determined; recovery: 'tolerate-tail' continued.";

/** The verdict, where the mode lets the log open with it. */
function accept(
  judgement: TailJudgement,
  mode: RecoveryMode,
): Exclude<RecoveryReport['verdict'], 'new'> {
  const { verdict } = judgement.tailCase;
  if (verdict === 'undecidable' && mode === 'tolerate-tail') return 'torn-tail';
  const error = tailError(judgement);
  if (error !== undefined) throw error;
  assert(
    verdict !== 'corruption' && verdict !== 'undecidable',
    `an error is missing for ${verdict}`,
  );
  if (verdict === 'clean' || mode !== 'strict') return verdict;
  const missing = missingTail(judgement);
  if (missing !== undefined) throw copyRefused(judgement, missing);
  const { path, endOffset, nextEventId, droppedBytes, droppedEvents } = judgement;
  const known =
    droppedEvents === 0 ? '' : `, events ${nextEventId} to ${nextEventId + droppedEvents - 1}`;
  throw new WalError(
    'ERR_FLASHSTRIKE_TORN_TAIL',
    `${path} is sound up to offset ${endOffset}, event ${nextEventId - 1}; after it there are ` +
      `${droppedBytes} bytes of a write that was never durable${known}. Nothing was changed. ` +
      withoutTailAdvice(dirname(path)),
    { path, offset: endOffset },
  );
}

/** What `strict` says of a copy. */
function copyRefused({ path, endOffset, tailCase }: TailJudgement, missing: MissingTail): WalError {
  const message =
    `${path} is sound up to offset ${endOffset}, event ${missing.firstEventId - 1}. ` +
    `${tailCase.prose}${missingSentence(missing)} Nothing was changed. ` +
    `${openCopyAdvice(dirname(path))}`;
  return new WalError('ERR_FLASHSTRIKE_LIVE_COPY', message, { path, offset: endOffset });
}

function provesCleanClose(
  meta: WalMeta | undefined,
  judgement: TailJudgement,
  file: SegmentFile,
): boolean {
  return (
    meta?.cleanlyClosed === true &&
    meta.segmentIndex === file.header.segmentIndex &&
    meta.offset === judgement.endOffset &&
    meta.durableEventId === judgement.nextEventId - 1
  );
}

const CHUNK_BYTES = MIB;

/**
 * Writes the accepted prefix beyond the durable events in place again, the same bytes, and syncs.
 * In a file with other names too: the same bytes change nothing under them.
 * A sync that failed before the crash may have left pages marked clean that never reached the
 * disk: reading them back proves nothing, and a sync alone would write nothing.
 */
function redirty(
  storage: Storage,
  file: SegmentFile,
  tally: SegmentTally,
  durableEventId: number,
  endOffset: number,
  meter: ReadingMeter,
): void {
  // From the block that holds the last durable event: what follows it, watermarks too, is unproven.
  let from = SEGMENT_HEADER_PAGE_BYTES;
  for (const { eventId, offset } of tally.entries) if (eventId <= durableEventId) from = offset;
  const bytes = Math.max(0, endOffset - from);
  meter.measure(
    (startNs, ok) => meter.manager.onRewritePrefix(startNs, ok, bytes),
    () => writeAgain(storage, file, from, endOffset),
  );
}

function writeAgain(storage: Storage, file: SegmentFile, from: number, endOffset: number): void {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(0, endOffset - from)));
  for (let at = from; at < endOffset; at += CHUNK_BYTES) {
    const part = chunk.subarray(0, Math.min(CHUNK_BYTES, endOffset - at));
    const count = storage.read(file.fd, part, at);
    assert(count === part.length, `${file.path} became shorter while it was recovered`);
    storage.write(file.fd, [part], at);
  }
  storage.sync(file.fd);
}

function leftOversIn(listing: LogListing): string[] {
  const { dir, prepared, compressing, returned } = listing;
  const meta = listing.hasMetaTemporary ? [META_TEMPORARY_FILE] : [];
  return [...prepared, ...compressing, ...returned, ...meta].map((name) => join(dir, name));
}

/**
 * Removes what a crash left over: prepared files, a half-written meta, half-compressed segments,
 * segments that were removed on purpose before, consumers of whom nobody was told.
 * Only after the log was accepted. Returns the first ticket that no left-over has.
 * @param listing of the folder, where nothing in it was renamed since; by default it is listed
 */
export function removeLeftovers(
  storage: Storage,
  directory: string,
  lock: 'flock' | 'none' = 'none',
  listing = listLog(storage, directory),
): number {
  removeUnfinished(storage, directory, listing.unfinishedConsumers, lock);
  let firstTicket = 1;
  for (const name of listing.prepared) {
    firstTicket = Math.max(firstTicket, (parsePreparedFileName(name) ?? 0) + 1);
  }
  for (const path of leftOversIn(listing)) if (isLeftOver(storage, path)) storage.unlink(path);
  return firstTicket > 1_000_000_000 ? 1 : firstTicket;
}
