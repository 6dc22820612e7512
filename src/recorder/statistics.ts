// Counts of one opening that the benchmarks print. Not part of the package's surface.

export interface RecorderStatistics {
  /** How often `append` found the ring full, and how long it waited in all. */
  readonly ringStalls: number;
  readonly ringStallNs: number;
  readonly segmentsTaken: number;
  /** Segments that were handed over before they were zeroed whole. */
  readonly segmentsHurried: number;
  /** How often the writer waited for a segment, and how long in all. */
  readonly segmentWaits: number;
  readonly segmentWaitNs: number;
}

export const STATISTICS = Symbol('statistics');
