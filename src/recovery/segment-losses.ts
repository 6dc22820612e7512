// Which events are lost where the chain of segments is broken, or where a finished segment does not
// validate up to its pin. It reads what is needed to name them: only what is damaged, and what
// stands right before it.
import { basename } from 'node:path';
import { wholeFrameDefect } from '../compression/frame-check.js';
import { assert, WalError } from '../errors.js';
import { acceptLossAdvice, lostSentence, putBackAdvice, restoreAdvice } from '../reading/advice.js';
import type { LogListing, SegmentGap } from '../reading/log-directory.js';
import { boundsOf, endsAtPin, frameError, pinError } from '../reading/pin.js';
import type { ReadingMeter } from '../reading/reading-meter.js';
import { confirmSeal, SealCheck, sealError } from '../reading/seal-check.js';
import { closeSegment, openSegment } from '../reading/segment-file.js';
import { SegmentMeter } from '../reading/segment-meter.js';
import { readBuffer, SegmentReader, startOf } from '../reading/segment-reader.js';
import { holeError, SegmentSalvager } from '../reading/segment-salvager.js';
import { segmentFileName } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import type { ChainLink, LogChain } from './log-chain.js';

/** Damage in front of a log's last segment, and what it costs. */
export interface SegmentLoss {
  /** What is wrong: one error a file, at least one. */
  readonly errors: readonly WalError[];
  /** Of the events that are lost; undefined where the log does not tell. */
  readonly firstEventId: number | undefined;
  /** firstEventId - 1 where none is lost. */
  readonly lastEventId: number;
}

/** A segment that is not there, or that says nothing: its events end where a later one begins. */
interface Unreadable {
  readonly errors: WalError[];
  readonly firstEventId: number | undefined;
}

/** All that the chain shows to be damaged or missing, oldest first. */
export function lossesOf(
  storage: Storage,
  listing: LogListing,
  { links }: LogChain,
  meter: ReadingMeter,
): SegmentLoss[] {
  const losses: SegmentLoss[] = [];
  // The first segment of a log begins with its first event, whatever else is lost.
  let nextEventId = links[0]?.listed.index === 1 ? 1 : undefined;
  let unreadable: Unreadable | undefined;
  let intruder: WalError | undefined;
  links.forEach((link, position) => {
    const { listed, error } = link;
    const header = intruder === undefined ? link.header : undefined;
    const gap = listing.gaps.find(({ lastIndex }) => lastIndex === listed.index - 1);
    if (gap !== undefined || header === undefined) {
      unreadable ??= { errors: [], firstEventId: nextEventId };
      if (gap !== undefined) unreadable.errors.push(missingError(listing.dir, gap));
      const cause = intruder ?? error;
      if (header === undefined && cause !== undefined) unreadable.errors.push(cause);
      intruder = undefined;
    }
    if (header === undefined) return;
    if (unreadable !== undefined) {
      losses.push({ ...unreadable, lastEventId: header.firstEventId - 1 });
      unreadable = undefined;
    }
    const next = links[position + 1];
    const pin = pinOf(link, next);
    if (next === undefined || (pin !== undefined && error === undefined)) {
      nextEventId = pin?.firstEventId;
      return;
    }
    const end = ownEndOf(storage, link, meter);
    if (pin !== undefined && end.isSealed && next.error !== undefined) {
      // Whole by itself, while the next one fits neither to it nor to its own successor.
      intruder = intruderError(next.listed.path);
      nextEventId = end.nextEventId;
      return;
    }
    nextEventId = pin?.firstEventId ?? end.nextEventId;
    if (pin === undefined || error === undefined) return;
    const { firstEventId } = header;
    const { previousLastEventId: lastEventId } = pin;
    // Whole, and not what is pinned: events of another state of the log, under the same ids.
    if (end.isSealed) losses.push({ errors: [error], firstEventId, lastEventId });
    else losses.push(...lossesIn(storage, link, pin, error, meter));
  });
  if (unreadable !== undefined) losses.push({ ...unreadable, lastEventId: 0 });
  return losses;
}

/** What the blocks of all segments show that are chained soundly: each is walked up to its pin. */
export function bodyLossesOf(
  storage: Storage,
  { links }: LogChain,
  meter: ReadingMeter,
): SegmentLoss[] {
  return links.flatMap((link, position) => {
    const pin = pinOf(link, links[position + 1]);
    const isSound = link.header !== undefined && link.error === undefined;
    return pin !== undefined && isSound ? lossesIn(storage, link, pin, undefined, meter) : [];
  });
}

/** The header that pins the end of a segment, where it is readable and the next one. */
function pinOf({ listed }: ChainLink, next: ChainLink | undefined) {
  return next?.listed.index === listed.index + 1 ? next.header : undefined;
}

/**
 * Walks a finished segment up to its pin.
 * @param error what the chain says is wrong with it, if anything
 */
function lossesIn(
  storage: Storage,
  { listed }: ChainLink,
  pin: SegmentHeader,
  error: WalError | undefined,
  meter: ReadingMeter,
): SegmentLoss[] {
  const file = openSegment(storage, listed.path, { index: listed.index }, 'read', meter);
  if (file === undefined) return [];
  try {
    const losses: SegmentLoss[] = [];
    const bounds = boundsOf(pin);
    const segmentMeter = new SegmentMeter(meter);
    const buffer = readBuffer(file.bytes);
    const first = new SegmentReader(storage, file, buffer, startOf(file), segmentMeter);
    const sealCheck = SealCheck.at(first, pin.previousEndOffset);
    while (first.next(pin.previousEndOffset)) sealCheck?.add(first);
    const salvager = new SegmentSalvager(storage, first);
    for (;;) {
      while (salvager.next(bounds));
      const { reader } = salvager;
      const isWhole = endsAtPin(reader, pin);
      reader.recordEnd(isWhole);
      if (isWhole) break;
      const hole = salvager.skipHole(bounds);
      if (hole === undefined) {
        const firstEventId = reader.end.lastEventId + 1;
        const lastEventId = Math.max(pin.previousLastEventId, firstEventId - 1);
        losses.push({ errors: [pinError(storage, reader, pin)], firstEventId, lastEventId });
        break;
      }
      const { firstEventId, events } = hole;
      const lastEventId = firstEventId + events - 1;
      losses.push({ errors: [holeError(listed.path, hole)], firstEventId, lastEventId });
    }
    if (losses.length > 0) return losses;
    const { firstEventId, previousLastEventId: lastEventId, previousEndOffset } = pin;
    const frameDefect = wholeFrameDefect(file.frame);
    if (frameDefect !== undefined) {
      return [{ errors: [frameError(file, frameDefect)], firstEventId, lastEventId }];
    }
    if (error !== undefined) return [{ errors: [error], firstEventId, lastEventId }];
    const defect = sealCheck?.defect(first);
    if (defect === undefined) return [];
    return [{ errors: [sealError(file, previousEndOffset, defect)], firstEventId, lastEventId }];
  } finally {
    closeSegment(storage, file, meter);
  }
}

/** Where a segment ends as it tells itself, whatever the next one says. */
function ownEndOf(storage: Storage, { listed }: ChainLink, meter: ReadingMeter) {
  const file = openSegment(storage, listed.path, { index: listed.index }, 'read', meter);
  if (file === undefined) return { nextEventId: undefined, isSealed: false };
  try {
    const reader = new SegmentReader(storage, file);
    while (reader.next());
    return { nextEventId: reader.nextEventId, isSealed: confirmSeal(reader) };
  } finally {
    closeSegment(storage, file, meter);
  }
}

function intruderError(path: string): WalError {
  const message =
    `${path} fits neither the segment before it nor the one after it: it is from another state ` +
    `of this log. ${restoreAdvice(path)}`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset: 0 });
}

function missingError(dir: string, { firstIndex, lastIndex }: SegmentGap): WalError {
  const names =
    firstIndex === lastIndex
      ? `${segmentFileName(firstIndex)} is`
      : `${segmentFileName(firstIndex)} to ${segmentFileName(lastIndex)} are`;
  const message = `${dir}: ${names} missing. ${putBackAdvice(dir)}`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path: dir });
}

/** The ids of a loss in a sentence, with a space before it; empty where there is nothing to say. */
function lossSentence({ firstEventId, lastEventId }: SegmentLoss): string {
  if (firstEventId !== undefined) return lostSentence(firstEventId, lastEventId);
  if (lastEventId < 1) return '';
  return ` Events before ${lastEventId + 1} that are in no other segment are lost.`;
}

/** The damage as one sentence after another: what is wrong, which ids are lost, what to do. */
export function lossText(loss: SegmentLoss): string {
  const text = loss.errors.map(({ message }) => message).join(' ');
  // Some messages name what is lost themselves.
  const sentence = lossSentence(loss);
  return text.includes(sentence) ? text : text + sentence;
}

const NAMED_MAX = 5;

/**
 * Why a log does not open: the first damage, and where there is more.
 * @param isAcceptable `accept-loss` would open it: its last segment is not among them
 */
export function lossError(
  first: SegmentLoss,
  others: readonly SegmentLoss[],
  isAcceptable: boolean,
): WalError {
  const [error] = first.errors;
  assert(error !== undefined, 'a loss has a cause');
  const names = new Set(
    others.flatMap(({ errors }) => errors.map(({ path }) => basename(path ?? ''))),
  );
  const listed = [...names].slice(0, NAMED_MAX).join(', ');
  const more =
    names.size === 0
      ? ''
      : ` There is more damage: ${listed}${names.size > NAMED_MAX ? ', …' : ''}.`;
  const { code, path, offset, cause } = error;
  return new WalError(
    code,
    `${lossText(first)}${more}${isAcceptable ? ` ${acceptLossAdvice}` : ''}`,
    {
      path,
      offset,
      cause,
    },
  );
}
