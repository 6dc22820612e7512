// Where a backup of a log ends: behind the last block whose events are all durable. A log that some
// process has open, or had open when it was killed, tells what is durable, in its shared region and
// in its files. Of one that nobody has open what its next opening would keep counts.
import { WalError } from '../errors.js';
import { emptyError, gatherEmpty } from '../judgement/empty-log.js';
import { logIdIn } from '../judgement/log-identity.js';
import { highestOutside, outsideClaims, type ReadingPorts } from '../judgement/reading-ports.js';
import { judgeTail, missingTail, tailError } from '../judgement/tail-judgement.js';
import { lostSentence, openCopyAdvice } from '../reading/advice.js';
import { holdsLog, listLog, noLogIn, readMeta, usableMeta } from '../reading/log-directory.js';
import { openSegment, type SegmentFile } from '../reading/segment-file.js';
import { type SegmentEnd, SegmentReader } from '../reading/segment-reader.js';
import { isLockHeld } from '../storage/lock-holder.js';
import { KIB } from '../units.js';

/** Read between two steps. */
const STEP_BYTES = 512 * KIB;
/** Each time, what was the last segment had a successor, or was gone, before it was read. */
const ATTEMPTS_MAX = 10;

export interface SourceEnd {
  readonly logId: bigint;
  /** Some process has the log open: it must not be held up. */
  readonly isOpen: boolean;
  /** Index of the first segment that was listed. */
  readonly firstIndex: number;
  /** The last segment; whoever asked for it closes it. */
  readonly file: SegmentFile;
  /** The backup ends here. */
  readonly end: SegmentEnd;
}

interface KnownEnd {
  /** The durable id, where it is known for certain. */
  readonly durableEventId?: number | undefined;
  /** The log that must stand there; undefined: any. */
  readonly logId?: bigint | undefined;
}

/**
 * Finds the end in bounded steps. The file of the last segment stays open.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG, _WRONG_LOG; _CORRUPT, _UNDECIDABLE, and whatever
 * reading throws
 */
export function* findSourceEnd(
  ports: ReadingPorts,
  dir: string,
  known: KnownEnd,
): Generator<void, SourceEnd, undefined> {
  const { storage } = ports;
  for (let attempt = 1; ; attempt++) {
    const logId = sourceId(ports, dir, known.logId);
    // What anyone calls durable is in the files by then.
    const { isOpen, durableEventId } = durableOf(ports, dir, logId, known.durableEventId);
    const { segments } = listLog(storage, dir);
    const last = segments.at(-1);
    const file = last && openSegment(storage, last.path, { index: last.index, logId });
    if (attempt === ATTEMPTS_MAX) {
      if (file !== undefined) storage.close(file.fd);
      throw restlessError(dir);
    }
    if (file === undefined) continue;
    let end: SegmentEnd | undefined;
    try {
      end = yield* endIn(ports, dir, file, durableEventId);
      // Opened meanwhile: what was read may be written and not durable yet.
      if (durableEventId === undefined && isInUse(ports, dir, logId)) end = undefined;
    } finally {
      if (end === undefined) storage.close(file.fd);
    }
    if (end === undefined) continue;
    return { logId, isOpen, firstIndex: segments[0]?.index ?? 1, file, end };
  }
}

function restlessError(dir: string): WalError {
  const message = `${dir} has another end each time it is read. Make the backup again.`;
  return new WalError('ERR_FLASHSTRIKE_IO', message, { path: dir });
}

function sourceId(ports: ReadingPorts, dir: string, expected: bigint | undefined): bigint {
  const listing = listLog(ports.storage, dir);
  if (!holdsLog(listing)) throw noLogIn(dir);
  const logId = logIdIn(ports.storage, listing);
  if (expected !== undefined && logId !== expected) {
    const message =
      `${dir} does not hold the log that is open here: the folder was moved or replaced. Call ` +
      'backup() with the folder where the log is now.';
    throw new WalError('ERR_FLASHSTRIKE_WRONG_LOG', message, { path: dir });
  }
  if (listing.segments.length > 0 && logId !== undefined) return logId;
  const lost = emptyError(dir, gatherEmpty(ports, dir));
  if (lost !== undefined) throw lost;
  const message = `${dir} holds no segment yet. Open the log once, then make the backup.`;
  throw new WalError('ERR_FLASHSTRIKE_NOT_A_LOG', message, { path: dir });
}

/** Whether some process has the log open, or was killed with it open. */
const isInUse = (ports: ReadingPorts, dir: string, logId: bigint): boolean =>
  isLockHeld(ports.storage, dir) || outsideClaims(ports, dir, logId).region !== undefined;

/** Undefined: nobody has the log open, and what stands in its files decides. */
function durableOf(
  ports: ReadingPorts,
  dir: string,
  logId: bigint,
  known: number | undefined,
): { readonly isOpen: boolean; readonly durableEventId: number | undefined } {
  if (known !== undefined) return { isOpen: true, durableEventId: known };
  const isHeld = isLockHeld(ports.storage, dir);
  const claims = outsideClaims(ports, dir, logId);
  if (!isHeld && claims.region === undefined) return { isOpen: false, durableEventId: undefined };
  const meta = usableMeta(readMeta(ports.storage, dir), dir, logId);
  const durableEventId = Math.max(highestOutside(claims), meta?.durableEventId ?? 0);
  return { isOpen: isHeld, durableEventId };
}

/** The end in the last segment; undefined where the log went on, and has another last segment. */
function* endIn(
  ports: ReadingPorts,
  dir: string,
  file: SegmentFile,
  told: number | undefined,
): Generator<void, SegmentEnd | undefined, undefined> {
  const reader = new SegmentReader(ports.storage, file);
  let durableEventId = Math.max(told ?? 0, file.header.firstEventId - 1);
  let end = reader.end;
  /** Ends that are not known to be durable yet: a later block may call them so. */
  const waiting: SegmentEnd[] = [];
  let enough = STEP_BYTES;
  for (;;) {
    while (reader.next()) {
      durableEventId = Math.max(durableEventId, reader.durableEventId);
      waiting.push(reader.end);
      let passed = 0;
      for (; passed < waiting.length; passed++) {
        const next = waiting[passed];
        if (next === undefined || next.lastEventId > durableEventId) break;
        end = next;
      }
      waiting.splice(0, passed);
      if (reader.bytesRead < enough) continue;
      enough = reader.bytesRead + STEP_BYTES;
      yield;
    }
    if (told !== undefined && reader.nextEventId > durableEventId) return end;
    const claims = outsideClaims(ports, dir, file.header.logId);
    const region = told === undefined ? claims.region : durableEventId;
    const judgement = judgeTail(ports.storage, dir, reader, () => ({ ...claims, region }));
    if (judgement === undefined) {
      // Another segment follows by now, or the block that was missing is there.
      if (reader.validatesNow()) continue;
      return told === undefined ? undefined : wholeOrNone(reader, durableEventId);
    }
    const error = tailError(judgement);
    if (error !== undefined) throw error;
    const missing = missingTail(judgement);
    if (missing !== undefined) {
      const message =
        `${dir} is a copy that lacks events.` +
        `${lostSentence(missing.firstEventId, missing.lastEventId)} ${openCopyAdvice(dir)}`;
      throw new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path: dir });
    }
    return told === undefined ? reader.end : end;
  }
}

/** A segment that is finished by now is durable whole. */
const wholeOrNone = (reader: SegmentReader, durableEventId: number): SegmentEnd | undefined =>
  reader.nextEventId > durableEventId ? reader.end : undefined;
