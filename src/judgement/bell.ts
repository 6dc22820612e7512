// What a follower waits by, in place of looking at the files again and again.

/** Events up to which a follower wants to hear of. */
export type BellFor = 'durable' | 'written';

export interface Bell {
  /**
   * From here on it rings once there is more, and perhaps when there is not; then tells the last
   * event that is there by now. Undefined: it will not ring.
   */
  listen(): number | undefined;
  /** Idempotent. */
  close(): void;
}
