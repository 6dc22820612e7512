// Where a restored log ends: at an event or at a time, and never inside of a batch, of which either
// all events survive or none.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invalidArgument, outOfRange, WalError } from '../errors.js';
import { checkEventId, checkTime } from '../reading/event-range.js';
import { listLog, readMeta } from '../reading/log-directory.js';
import { openSegment } from '../reading/segment-file.js';
import { SegmentReader } from '../reading/segment-reader.js';
import { findPlace } from '../replay/cursor.js';
import type { LogWalker } from '../replay/log-walker.js';
import type { FrameRun } from '../ring/ring-snapshot.js';
import { decodeFrame, FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../segment/frame.js';
import { outputFailure } from '../storage/output-folder.js';
import type { Storage } from '../storage/storage.js';
import { MIB } from '../units.js';

/** Bytes between two turns of the event loop. */
export const TURN_BYTES = 16 * MIB;

/** The last event, or the latest time of one; neither: all that is there. */
export interface RestoreEnd {
  readonly toId: number | undefined;
  readonly toTimeNs: bigint | undefined;
}

/** What callers give, of whatever kind. */
interface GivenEnd {
  readonly toId?: unknown;
  readonly toTime?: unknown;
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT */
export function endOf({ toId, toTime }: GivenEnd): RestoreEnd {
  if (toId !== undefined && toTime !== undefined) {
    throw invalidArgument('toId and toTime cannot be used together.');
  }
  return { toId: checkEventId('toId', toId), toTimeNs: checkTime('toTime', toTime) };
}

/** Runs work on the log that is made in `target`; a failure says what is to be done with it. */
export function writingTo<Result>(target: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    const advice = `The log is not complete: remove ${target}, then restore again.`;
    throw outputFailure(error, target, advice);
  }
}

/** The events of a block that a restored log takes. */
interface Taken {
  /** Undefined: none. */
  readonly run: FrameRun | undefined;
  /** The log ends with them. */
  readonly isEnd: boolean;
  /** The batch that `toId` would cut. */
  readonly cutBatch?: { readonly firstEventId: number; readonly lastEventId: number } | undefined;
}

/** What of a block stands before the end: whole batches. */
export function takeFrom(run: FrameRun, { toId, toTimeNs }: RestoreEnd): Taken {
  const { bytes, start, end, header } = run;
  let eventId = header.firstEventId;
  let batchStart = start;
  let batchFirstEventId = eventId;
  let isBeyond = false;
  for (let at = start; at < end; eventId++) {
    const { kind, timestampNs, payloadBytes } = decodeFrame(bytes, at);
    isBeyond ||= toId !== undefined && eventId > toId;
    isBeyond ||= toTimeNs !== undefined && timestampNs > toTimeNs;
    at += frameSpan(FRAME_HEADER_BYTES + payloadBytes);
    if (kind === FrameKind.continued) continue;
    if (isBeyond) {
      const eventCount = batchFirstEventId - header.firstEventId;
      const isCut = toId !== undefined && batchFirstEventId <= toId;
      return {
        run: eventCount === 0 ? undefined : cut(run, batchStart, eventCount),
        isEnd: true,
        cutBatch: isCut ? { firstEventId: batchFirstEventId, lastEventId: eventId } : undefined,
      };
    }
    batchStart = at;
    batchFirstEventId = eventId + 1;
  }
  return { run, isEnd: toId !== undefined && eventId > toId };
}

const cut = (run: FrameRun, end: number, eventCount: number): FrameRun => ({
  ...run,
  end,
  header: { ...run.header, eventCount },
});

/** The walker's current block. */
export function runOf(walker: LogWalker): FrameRun | undefined {
  const { reader } = walker;
  const header = reader?.block;
  if (reader === undefined || header === undefined) return undefined;
  const { bytes, payloadStart: start, payloadEnd: end } = reader;
  return { bytes, start, end, header };
}

/**
 * The first block that holds an event from `from` on; undefined where there is none.
 * @throws WalError as `replay`
 */
function blockAt(walker: LogWalker, from: number | undefined): FrameRun | undefined {
  walker.resume(findPlace(walker, { eventId: from }), from === undefined);
  for (;;) {
    if (!walker.next()) {
      if (walker.confirmEnd()) return undefined;
      continue;
    }
    const run = runOf(walker);
    if (run === undefined) continue;
    const { firstEventId, eventCount } = run.header;
    if (from === undefined || firstEventId + eventCount > from) return run;
  }
}

/**
 * Refuses an end that the log in `dir` does not have, before anything is written.
 * @throws WalError ERR_FLASHSTRIKE_OUT_OF_RANGE, _EXPIRED, _INVALID_ARGUMENT
 */
export function checkEnd(newWalker: () => LogWalker, dir: string, end: RestoreEnd): void {
  const { toId, toTimeNs } = end;
  if (toId !== undefined) {
    const run = walking(newWalker, (walker) => blockAt(walker, toId));
    if (run === undefined) throw outOfRange(`${dir} ends before event ${toId}.`);
    const { cutBatch } = takeFrom(run, end);
    if (cutBatch === undefined) return;
    const { firstEventId, lastEventId } = cutBatch;
    const first = walking(newWalker, (walker) => blockAt(walker, undefined));
    const isFirst = first?.header.firstEventId === firstEventId;
    const before = isFirst ? '' : `${firstEventId - 1} or `;
    throw invalidArgument(
      `Event ${toId} stands inside of a batch, events ${firstEventId} to ${lastEventId}, of ` +
        `which a log has all or none. End at event ${before}${lastEventId}.`,
    );
  }
  if (toTimeNs === undefined) return;
  const run = walking(newWalker, (walker) => blockAt(walker, undefined));
  if (run === undefined) throw outOfRange(`${dir} holds no event.`);
  if (takeFrom(run, end).run !== undefined) return;
  const { firstEventId } = run.header;
  const firstNs = decodeFrame(run.bytes, run.start).timestampNs;
  throw outOfRange(
    `${dir} holds no event up to that time: its first one, ${firstEventId}, is of ${firstNs} ns ` +
      'after 1970.',
  );
}

/** What is found keeps the memory of its walker. */
function walking<Found>(newWalker: () => LogWalker, find: (walker: LogWalker) => Found): Found {
  const walker = newWalker();
  try {
    return find(walker);
  } finally {
    walker.close();
  }
}

/** The last segment, and an id that no event of the log is above, as far as can be read. */
export async function lastOf(
  storage: Storage,
  dir: string,
): Promise<{ readonly segmentBytes: number; readonly highestEventId: number }> {
  const last = listLog(storage, dir).segments.at(-1);
  const file = last && openSegment(storage, last.path, { index: last.index });
  if (file === undefined) {
    const message = `${dir} holds no segment: there is nothing to restore. Give another folder.`;
    throw new WalError('ERR_FLASHSTRIKE_NOT_A_LOG', message, { path: dir });
  }
  try {
    const reader = new SegmentReader(storage, file);
    for (let enough = TURN_BYTES; reader.next(); ) {
      if (reader.bytesRead < enough) continue;
      enough = reader.bytesRead + TURN_BYTES;
      await nextTurn();
    }
    const { segmentBytes } = file.header;
    const meta = readMeta(storage, dir);
    const told = meta.status === 'present' ? meta.meta.durableEventId : 0;
    return { segmentBytes, highestEventId: Math.max(told, reader.nextEventId - 1) };
  } finally {
    storage.close(file.fd);
  }
}
