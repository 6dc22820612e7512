// What the consumers of one log need from outside.
import type { ReadingPorts } from '../judgement/reading-ports.js';
import type { DiskSyncs } from '../storage/disk-syncs.js';

export interface ConsumerPlace {
  readonly ports: ReadingPorts;
  readonly syncs: DiskSyncs;
  readonly dir: string;
  readonly logId: bigint;
  readonly lock: 'flock' | 'none';
  /** Milliseconds since 1970. */
  readonly wallClockMs: () => number;
  /** Whether no crash takes that event back. */
  readonly isDurable: (eventId: number) => boolean;
  /** Whether the log has that event, or had it: it does not end before it. */
  readonly isThere: (eventId: number) => boolean;
}
