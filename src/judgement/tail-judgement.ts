// The end of the last segment, judged: what lies behind E, who calls what durable, the verdict.
// The order makes it right without the lock: D is gathered first, then a successor is looked for,
// then E is read again. Whatever D covers was in the files before D was told, so an E that still
// does not validate is a verdict, also while a writer appends.
import { basename, dirname, join } from 'node:path';
import { WalError } from '../errors.js';
import {
  acceptCopyAdvice,
  lostSentence,
  metaBackAdvice,
  restoreAdvice,
} from '../reading/advice.js';
import { firstEventIn } from '../reading/first-event.js';
import {
  type ListedSegment,
  type MetaReading,
  readMeta,
  usableMeta,
} from '../reading/log-directory.js';
import { reading } from '../reading/read-failure.js';
import { confirmSeal } from '../reading/seal-check.js';
import { isExpired } from '../reading/segment-file.js';
import type { SegmentReader } from '../reading/segment-reader.js';
import type { Stop } from '../reading/stop.js';
import { segmentFileName } from '../segment/file-names.js';
import { hasRecycledBody } from '../segment/segment-header.js';
import { judge, type MissingTail, type TailCase, type TailFacts } from '../segment/verdict.js';
import type { WalMeta } from '../segment/wal-meta.js';
import type { Storage } from '../storage/storage.js';
import { PAGE_BYTES } from '../units.js';
import { type DurableClaims, gatherClaims, spokenClaims } from './durable-claims.js';
import { type LaterSegment, laterThanNext } from './later-segments.js';
import { isCopyByLock, isTornByCopying } from './live-copy.js';
import { behindOf, scanTail, type TailScan } from './tail-scan.js';

/** Claims that do not stand in the log's files. */
export interface OutsideClaims {
  /** The durable word of the shared region, when the region is this log's and of this boot. */
  readonly region?: number | undefined;
  /** The highest event that a consumer of this log has acknowledged, on disk. */
  readonly acknowledgement?: number | undefined;
}

export interface TailJudgement {
  /** The labelled case, with verdict and prose. */
  readonly tailCase: TailCase;
  readonly facts: TailFacts;
  /**
   * Corruption that a copy of a log that was being written has, too: all that is missing is a tail.
   */
  readonly isCopyShaped: boolean;
  readonly path: string;
  /** E. */
  readonly endOffset: number;
  /** s. */
  readonly nextEventId: number;
  readonly claims: DurableClaims;
  readonly scan: TailScan;
  /** wal.meta where it is usable. */
  readonly meta: WalMeta | undefined;
  /** Segments that stand behind one that is missing. */
  readonly later: LaterSegment | undefined;
  /** Events that are known to have been written from E on, and are not kept; 0 when clean. */
  readonly droppedEvents: number;
  /** Bytes from E on that hold something, and are not kept; 0 when clean. */
  readonly droppedBytes: number;
  readonly stop: Stop;
}

/** What of wal.meta is taken for true; by default what cannot be used is thrown. */
export type MetaUse = (reading: MetaReading, dir: string, logId: bigint) => WalMeta | undefined;

interface JudgingOptions {
  readonly metaOf?: MetaUse;
  /** The folder is taken for a copy, though nothing proves it. */
  readonly acceptCopy?: boolean;
  /** For who has listed the log, and holds its lock: nobody else adds a segment. */
  readonly listed?: readonly ListedSegment[];
}

/**
 * Judges the end that `reader`, whose `next` returned false without a limit, stands at.
 * Undefined: the log went on meanwhile (a successor, or E validates now): call `next` again.
 *
 * @throws WalError ERR_FLASHSTRIKE_EXPIRED, and what usableMeta throws
 * @param outside called once, before anything is read again
 */
export function judgeTail(
  storage: Storage,
  dir: string,
  reader: SegmentReader,
  outside: () => OutsideClaims = () => ({}),
  { metaOf = usableMeta, acceptCopy = false, listed }: JudgingOptions = {},
): TailJudgement | undefined {
  const { file } = reader;
  const { segmentIndex, logId } = file.header;
  confirmSeal(reader);
  const claimed = outside();
  const meta = metaOf(readMeta(storage, dir), dir, logId);
  const evidence = gatherEvidence(storage, reader, meta, claimed);
  if (hasSuccessor(storage, dir, segmentIndex)) return undefined;
  // A successor of the successor, seen first, proves nothing: both may just have been published.
  const later = laterThanNext(storage, dir, segmentIndex, logId, listed);
  if (later !== undefined && hasSuccessor(storage, dir, segmentIndex)) return undefined;
  if (reader.validatesNow()) return undefined;
  const plain = judgeEnd(storage, reader, evidence, later);
  const isCopy = plain.isCopyShaped && (acceptCopy || isCopyByLock(storage, dir));
  const judgement = isCopy ? judgeEnd(storage, reader, evidence, later, true) : plain;
  // Retention takes the oldest first: then it took this one too, and nothing is damaged.
  if (judgement.tailCase.verdict === 'corruption' && isExpired(storage, file)) {
    throw expired(storage, file.path);
  }
  return judgement;
}

/** What is known about the end at which a reader stands, gathered before that is read again. */
interface TailEvidence {
  readonly meta: WalMeta | undefined;
  readonly claims: DurableClaims;
  readonly scan: TailScan;
  readonly outside: OutsideClaims;
}

/** Gathers D and looks at what lies behind E. */
export function gatherEvidence(
  storage: Storage,
  reader: SegmentReader,
  meta: WalMeta | undefined,
  outside: OutsideClaims,
): TailEvidence {
  const { file } = reader;
  const scan = scanTail(storage, file, reader.offset);
  const claims = gatherClaims({
    meta: meta?.durableEventId,
    segmentHeader: file.header.firstEventId - 1,
    block: reader.position.nextBlockIndex > 0 ? reader.durableEventId : undefined,
    blockBehind: scan.validHeaders > 0 ? scan.durableEventId : undefined,
    region: outside.region,
    acknowledgement: outside.acknowledgement,
  });
  return { meta, claims, scan, outside };
}

/** The verdict on an end that still does not validate; `later`: segments behind the next one. */
export function judgeEnd(
  storage: Storage,
  reader: SegmentReader,
  evidence: TailEvidence,
  later?: LaterSegment | undefined,
  copied = false,
): TailJudgement {
  const { stop, offset, nextEventId, file } = reader;
  const { segmentIndex } = file.header;
  const { meta, claims, scan, outside } = evidence;
  const behind = behindOf(scan, hasRecycledBody(file.header));
  // A consumer may be far behind: it proves what was durable, and not that nothing more was.
  const vouched = meta !== undefined || outside.region !== undefined;
  const facts: TailFacts = {
    behind,
    durableLost: claims.durableEventId >= nextEventId,
    laterSegment: later !== undefined || (meta?.segmentIndex ?? 0) > segmentIndex,
    sealed: reader.sealed,
    witnessed: vouched || scan.validHeaders > 0 || reader.position.nextBlockIndex > 0,
    vouched,
    copied,
  };
  const tailCase = judge(facts);
  const isEndOfTail = reader.sealed || behind === 'nothing';
  return {
    tailCase,
    // Between segments that are there nothing is missing in a copy.
    isCopyShaped:
      tailCase.verdict === 'corruption' &&
      later === undefined &&
      (isEndOfTail || isTornByCopying(storage, file, scan)),
    facts,
    path: file.path,
    endOffset: offset,
    nextEventId,
    claims,
    scan,
    meta,
    later,
    ...droppedBy(scan, behind, nextEventId),
    stop: stop ?? { reason: 'full', message: 'the segment ends' },
  };
}

/** What no crash does to the end of the last segment, whatever the verdict on it: a note each. */
export function endNotes({ file, sealed, stop, offset }: SegmentReader): string[] {
  const { path, bytes, header } = file;
  const notes: string[] = [];
  // A log that is closed cuts its last file at the end of a page, and lengthens it by pages.
  const isAsLongAsFile = file.frame === undefined;
  if (isAsLongAsFile && !sealed && bytes < header.segmentBytes && bytes % PAGE_BYTES !== 0) {
    notes.push(
      `${basename(path)} has ${bytes} of its ${header.segmentBytes} bytes: it was truncated.`,
    );
  }
  if (stop?.reason === 'field') {
    notes.push(
      `${basename(path)} has at offset ${offset} a block whose checksum matches and which cannot ` +
        `be there (${stop.message}): no crash does that, but a faulty writer or a forgery.`,
    );
  }
  return notes;
}

/** The error for a segment that was taken away while it was read. */
export function expired(storage: Storage, path: string, logId?: bigint | undefined): WalError {
  const firstEventId = firstEventIn(storage, dirname(path), logId);
  const advice =
    firstEventId === undefined
      ? 'Read from a later event.'
      : `The first event that is still there is ${firstEventId}.`;
  const message = `${path} was removed or reused while it was read. ${advice}`;
  return new WalError('ERR_FLASHSTRIKE_EXPIRED', message, { path, firstEventId });
}

function hasSuccessor(storage: Storage, dir: string, segmentIndex: number): boolean {
  const path = join(dir, segmentFileName(segmentIndex + 1));
  return reading(path, () => storage.statusAt(path)) !== undefined;
}

function droppedBy(scan: TailScan, behind: TailFacts['behind'], nextEventId: number) {
  if (behind === 'nothing') return { droppedEvents: 0, droppedBytes: 0 };
  const endOffset = Math.max(scan.nonZeroEndOffset, scan.blocksEndOffset);
  return {
    droppedEvents: Math.max(0, scan.lastEventId - nextEventId + 1),
    droppedBytes: endOffset - scan.fromOffset,
  };
}

/** What a copy lacks, as far as it tells; undefined for any other verdict. */
export function missingTail(judgement: TailJudgement): MissingTail | undefined {
  const { tailCase, nextEventId, claims, scan } = judgement;
  if (tailCase.verdict !== 'live-copy') return undefined;
  const lastEventId = Math.max(claims.durableEventId, scan.lastEventId);
  return { firstEventId: nextEventId, lastEventId: Math.max(lastEventId, nextEventId - 1) };
}

/** The error for a verdict that refuses; undefined for those of sound logs and of copies. */
export function tailError(judgement: TailJudgement): WalError | undefined {
  const { tailCase, path, endOffset, nextEventId, claims, stop } = judgement;
  const { verdict, prose } = tailCase;
  if (verdict !== 'corruption' && verdict !== 'undecidable') return undefined;
  const where = `${path} is sound up to offset ${endOffset}, event ${nextEventId - 1}`;
  const details = { path, offset: endOffset };
  if (verdict === 'undecidable') {
    const message =
      `${where}; whether there was more cannot be determined (${stop.message}). ${prose} ` +
      metaBackAdvice(nextEventId);
    return new WalError('ERR_FLASHSTRIKE_UNDECIDABLE', message, details);
  }
  const known = spokenClaims(claims, nextEventId);
  const message =
    `${where} (after that: ${stop.message}). ${prose}${lostIn(judgement)}` +
    `${known === '' ? '' : ` Reported durable by ${known}.`} ${restoreAdvice(path)}` +
    (judgement.isCopyShaped ? ` ${acceptCopyAdvice(dirname(path))}` : '');
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, details);
}

/** Which file or which events are gone, in a sentence. */
function lostIn(judgement: TailJudgement): string {
  const { facts, nextEventId, claims, scan } = judgement;
  if (facts.laterSegment) return missingIn(judgement);
  const { firstWholeEventId } = scan;
  if (firstWholeEventId < nextEventId) return lostSentence(nextEventId, claims.durableEventId);
  const lastLost = Math.min(claims.durableEventId, firstWholeEventId - 1);
  return lostSentence(nextEventId, lastLost);
}

/** The segments between this one and the next that is there, or the last that wal.meta tells of. */
function missingIn({ path, nextEventId, claims, meta, later }: TailJudgement): string {
  const first = Number(basename(path).slice(0, 10)) + 1;
  const last = later === undefined ? (meta?.segmentIndex ?? first) : later.firstIndex - 1;
  const names = last <= first ? '' : ` to ${segmentFileName(last)}`;
  const lastLost =
    later?.firstEventId === undefined ? claims.durableEventId : later.firstEventId - 1;
  const missing = ` ${segmentFileName(first)}${names} cannot be found.`;
  return missing + lostSentence(nextEventId, lastLost);
}
