// What SegmentPreparer and SegmentWriter share: the queue of prepared files, and the words that say
// that a taker waits or that preparation is in trouble.
import type { Clock } from '../clock/clock.js';
import { WalError } from '../errors.js';
import type { SegmentPreparerUpdater } from '../telemetry/recorder/worker/segment-preparer.js';
import { QUEUE_ENTRY_WORDS, type Signals, Trouble } from './signals.js';

/** A file that is allocated, and zero-written as far as `zeroedBytes`. */
export interface PreparedSegment {
  /** Number in the file's name; not the segment's index. */
  readonly ticket: number;
  readonly fd: number;
  readonly segmentBytes: number;
  readonly zeroedBytes: number;
}

const UNIT_BYTES = 4096;

/** The producing end, for the preparer. */
export function offer(signals: Signals, segment: PreparedSegment): boolean {
  return signals.preparedQueue.tryPush([
    segment.ticket | 0,
    segment.fd,
    segment.segmentBytes / UNIT_BYTES,
    segment.zeroedBytes / UNIT_BYTES,
  ]);
}

/** The consuming end: the next prepared segment, or undefined when none is ready. */
export function takePrepared(signals: Signals): PreparedSegment | undefined {
  const entry = new Int32Array(QUEUE_ENTRY_WORDS);
  if (!signals.preparedQueue.tryPop(entry)) return undefined;
  const [ticket = 0, fd = 0, segmentUnits = 0, zeroedUnits = 0] = entry;
  return {
    ticket: ticket >>> 0,
    fd,
    segmentBytes: segmentUnits * UNIT_BYTES,
    zeroedBytes: zeroedUnits * UNIT_BYTES,
  };
}

/** The taker's side, for the writer: `getNextSegment`, and what the preparer is told. */
export class PreparedSegments {
  readonly #signals: Signals;
  readonly #clock: Clock;
  readonly #telemetry: SegmentPreparerUpdater;
  #waitingSinceNs: number | undefined;

  constructor(signals: Signals, clock: Clock, telemetry: SegmentPreparerUpdater) {
    this.#signals = signals;
    this.#clock = clock;
    this.#telemetry = telemetry;
  }

  /**
   * The next prepared segment, or undefined when none is ready; does not wait. The call that began
   * with the first undefined ends with the segment, or with `giveUp`: that is the wait it shows.
   */
  getNextSegment(): PreparedSegment | undefined {
    const startNs = this.#waitingSinceNs ?? this.#clock.nowNs();
    const queued = this.#signals.preparedQueue.length;
    const segment = takePrepared(this.#signals);
    if (segment === undefined) {
      if (this.#waitingSinceNs === undefined) this.#beginWaiting(startNs);
      return undefined;
    }
    if (this.#waitingSinceNs === undefined) {
      this.#telemetry.onGetNextSegment(startNs, 'ready', queued);
    } else {
      this.#telemetry.onGetNextSegment(startNs, 'waited', 0);
      this.#endWaiting();
    }
    return segment;
  }

  /** Nobody waits any more: preparation has failed, or the log has ended. */
  giveUp(): void {
    if (this.#waitingSinceNs === undefined) return;
    this.#telemetry.onGetNextSegment(this.#waitingSinceNs, 'failed', 0);
    this.#endWaiting();
  }

  #beginWaiting(sinceNs: number): void {
    this.#waitingSinceNs = sinceNs;
    this.#telemetry.setWaitingSince(sinceNs);
    this.#announceWaiting(true);
  }

  #endWaiting(): void {
    this.#waitingSinceNs = undefined;
    this.#telemetry.setWaitingSince(0);
    this.#announceWaiting(false);
  }

  /** Says that a taker waits: the preparer hands over what it has. */
  #announceWaiting(waiting: boolean): void {
    const word = waiting ? 1 : 0;
    if (this.#signals.get('takerWaiting') === word) return;
    this.#signals.set('takerWaiting', word);
    if (waiting) this.#signals.wake('preparer');
  }

  announceTaken(): void {
    this.#signals.count('segmentsTaken', 1);
    this.#signals.wake('preparer');
  }

  /** More spares than the first are made once half of the active segment is used. */
  announceHalfUsed(halfUsed: boolean): void {
    if (this.#signals.get('halfUsed') === (halfUsed ? 1 : 0)) return;
    this.#signals.set('halfUsed', halfUsed ? 1 : 0);
    if (halfUsed) this.#signals.wake('preparer');
  }

  /** Why preparation does not succeed, when the preparer has given up on it for good. */
  get error(): Error | undefined {
    if (this.#signals.get('preparerTrouble') !== Trouble.error) return undefined;
    return (
      this.#signals.preparerError.read() ??
      new WalError('ERR_FLASHSTRIKE_IO', 'A segment could not be prepared.')
    );
  }

  get isOutOfSpace(): boolean {
    return this.#signals.get('preparerTrouble') === Trouble.noSpace;
  }
}
