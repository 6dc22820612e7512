// The running totals and sparse index of one segment: fed block by block, by the writer as it
// writes and by recovery as it walks, and put into the seal.
import {
  SEAL_ENTRIES_MAX,
  type SealEntry,
  type SealTotals,
  SparseIndexBuilder,
  type SparseIndexState,
} from './seal.js';

/** What a tally has come to, as plain data: another thread may go on with it. */
export interface TallyState {
  readonly totals: SealTotals;
  readonly index: SparseIndexState;
}

export class SegmentTally {
  readonly #index: SparseIndexBuilder;
  readonly #firstEventId: number;
  #eventCount = 0;
  #eventBlocks = 0;
  #watermarkBlocks = 0;
  #payloadBytes = 0;
  #firstTimestampNs = 0n;
  #highestTimestampNs = 0n;

  /** @param firstEventId id that the segment's first event has, or would have */
  constructor(firstEventId: number, index = new SparseIndexBuilder()) {
    this.#firstEventId = firstEventId;
    this.#index = index;
  }

  /** Goes on where another has come to. */
  static from({ totals, index }: TallyState): SegmentTally {
    const { firstEventId } = totals;
    const tally = new SegmentTally(firstEventId, new SparseIndexBuilder(SEAL_ENTRIES_MAX, index));
    tally.#eventCount = totals.eventCount;
    tally.#eventBlocks = totals.eventBlocks;
    tally.#watermarkBlocks = totals.watermarkBlocks;
    tally.#payloadBytes = totals.payloadBytes;
    tally.#firstTimestampNs = totals.firstTimestampNs;
    tally.#highestTimestampNs = totals.highestTimestampNs;
    return tally;
  }

  get state(): TallyState {
    return { totals: this.totals, index: this.#index.state };
  }

  get highestTimestampNs(): bigint {
    return this.#highestTimestampNs;
  }

  addEvents(
    blockHeader: { firstEventId: number; eventCount: number; payloadBytes: number },
    place: { offset: number; blockIndex: number },
    firstTimestampNs: bigint,
    highestTimestampNs: bigint,
  ): void {
    if (this.#eventCount === 0) this.#firstTimestampNs = firstTimestampNs;
    if (highestTimestampNs > this.#highestTimestampNs)
      this.#highestTimestampNs = highestTimestampNs;
    this.#eventCount += blockHeader.eventCount;
    this.#eventBlocks++;
    this.#payloadBytes += blockHeader.payloadBytes;
    const highest = this.#highestTimestampNs;
    this.#index.add(blockHeader.firstEventId, highest, place.offset, place.blockIndex);
  }

  addWatermark(): void {
    this.#watermarkBlocks++;
  }

  get totals(): SealTotals {
    return {
      firstEventId: this.#firstEventId,
      lastEventId: this.#firstEventId + this.#eventCount - 1,
      eventCount: this.#eventCount,
      eventBlocks: this.#eventBlocks,
      watermarkBlocks: this.#watermarkBlocks,
      payloadBytes: this.#payloadBytes,
      firstTimestampNs: this.#firstTimestampNs,
      highestTimestampNs: this.#highestTimestampNs,
    };
  }

  get entries(): readonly SealEntry[] {
    return this.#index.entries;
  }
}
