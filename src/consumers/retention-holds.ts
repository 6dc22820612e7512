// The port through which the maintainer asks, before it removes a segment, what somebody still
// needs of the log. Who cannot say what is needed (a record that is missing or damaged) says that
// everything is.

export interface RetentionHolds {
  /**
   * The lowest event that anybody needs, with all behind it; undefined where nobody needs any.
   * Asked before each removal: once before wal.meta says that the log begins later, and once more
   * behind that.
   * What it throws keeps the segment, and is asked again later.
   * @param nextEventId all events before it are to go
   */
  oldestNeeded(nextEventId: number): number | undefined;
}
