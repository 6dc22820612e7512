// A finished segment in a run of `verify`: all its blocks, each hole between them, and its end,
// which the next segment's header pins.
import { WalError } from '../errors.js';
import { unpinnedEnd } from '../judgement/unpinned.js';
import { lostSentence, restoreAdvice } from '../reading/advice.js';
import { boundsOf, endsAtPin, frameError, pinError } from '../reading/pin.js';
import { SealCheck, sealDefect, sealError } from '../reading/seal-check.js';
import { isExpired } from '../reading/segment-file.js';
import type { SegmentReader } from '../reading/segment-reader.js';
import {
  type Hole,
  holeError,
  type SalvageBounds,
  SegmentSalvager,
} from '../reading/segment-salvager.js';
import type { Defect } from '../segment/defect.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import type { Findings } from './findings.js';
import type { VerifiedWalk } from './verified-walk.js';

export class FinishedCheck {
  readonly #storage: Storage;
  readonly #walk: VerifiedWalk;
  readonly #findings: Findings;

  constructor(storage: Storage, walk: VerifiedWalk, findings: Findings) {
    this.#storage = storage;
    this.#walk = walk;
    this.#findings = findings;
  }

  /** A segment with a successor, whose header pins it when that is readable. */
  async run(reader: SegmentReader, pin: SegmentHeader | undefined): Promise<void> {
    if (pin === undefined) return this.#checkUnpinned(reader);
    const { previousEndOffset } = pin;
    const isFresh = reader.position.nextBlockIndex === 0;
    const check = isFresh ? SealCheck.at(reader, previousEndOffset) : undefined;
    await this.#walk.over(reader, previousEndOffset, check);
    if (endsAtPin(reader, pin)) {
      const frameDefect = await this.#walk.frameDefect(reader.file);
      reader.recordEnd(frameDefect === undefined);
      if (frameDefect === undefined) {
        this.#reportSeal(reader, isFresh ? check?.defect(reader) : sealDefect(reader));
      } else this.#reportFrame(reader, frameDefect);
    } else if (isExpired(this.#storage, reader.file)) this.#findings.noteExpired(reader.file.path);
    else await this.#reportFinished(reader, pin);
    this.#walk.expectedEventId = pin.firstEventId;
  }

  /** A segment whose successor is missing or cannot be read: to the end that it tells itself. */
  async #checkUnpinned(reader: SegmentReader): Promise<void> {
    await this.#walk.over(reader);
    if (reader.hasUnconfirmedSeal) {
      const defect = sealDefect(reader);
      this.#reportSeal(reader, defect);
      reader.settleSeal(defect);
    }
    if (reader.sealed) return reader.recordEnd(true);
    const { scan, bounds } = unpinnedEnd(this.#storage, reader);
    this.#walk.claim(scan.durableEventId);
    const last = await this.#reportHoles(reader, bounds);
    if (last.nextEventId > bounds.lastEventId) return;
    if (isExpired(this.#storage, last.file)) {
      this.#findings.noteExpired(last.file.path);
      return;
    }
    last.recordEnd(false);
    const error = durableEndError(last, bounds.lastEventId);
    this.#findings.report(error, last.nextEventId, bounds.lastEventId);
    this.#walk.expectedEventId = bounds.lastEventId + 1;
  }

  /** A seal that is not true costs nothing, and is told: who wrote it may have done worse. */
  #reportSeal({ file, end }: SegmentReader, defect: Defect | undefined): void {
    if (defect === undefined) return;
    const { endOffset, lastEventId } = end;
    const error = sealError(file, endOffset, defect);
    this.#findings.report(error, lastEventId + 1, lastEventId);
  }

  /** All events are there, and the file is not what was written. */
  #reportFrame({ file, end }: SegmentReader, defect: Defect): void {
    const { lastEventId } = end;
    this.#findings.report(frameError(file, defect), lastEventId + 1, lastEventId);
  }

  /** Tells of each hole within the bounds; returns the reader behind the last one. */
  async #reportHoles(reader: SegmentReader, bounds: SalvageBounds): Promise<SegmentReader> {
    const salvager = new SegmentSalvager(this.#storage, reader);
    for (;;) {
      const { reader: before } = salvager;
      const hole = salvager.skipHole(bounds);
      if (hole === undefined) return before;
      before.recordEnd(false);
      reportHole(this.#findings, holeError(reader.file.path, hole), hole);
      await this.#walk.over(salvager.reader, bounds.limitOffset);
    }
  }

  /** Every hole of a finished segment, and what is missing at its end. */
  async #reportFinished(reader: SegmentReader, pin: SegmentHeader): Promise<void> {
    const last = await this.#reportHoles(reader, boundsOf(pin));
    if (endsAtPin(last, pin)) return;
    last.recordEnd(false);
    const error = pinError(this.#storage, last, pin);
    this.#findings.report(error, last.end.lastEventId + 1, pin.previousLastEventId);
  }
}

export const reportHole = (
  findings: Findings,
  error: WalError,
  { firstEventId, events }: Hole,
): unknown => findings.report(error, firstEventId, firstEventId + events - 1);

/** Durable events that are missing at the end of the log, behind a hole that was reported. */
export function durableEndError(reader: SegmentReader, durableEventId: number): WalError {
  const { file, offset, nextEventId, stop } = reader;
  const message =
    `${file.path} ends at offset ${offset}, event ${nextEventId - 1} (after that: ` +
    `${stop?.message}).${lostSentence(nextEventId, durableEventId)} ${restoreAdvice(file.path)}`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path: file.path, offset });
}
