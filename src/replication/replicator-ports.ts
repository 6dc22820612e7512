// What a replicator is given, and whom it tells what happens.
import type { Random64 } from '../random.js';
import type { StreamFailureReason } from './block-stream.js';
import type { OutgoingRun } from './outgoing-runs.js';

/** What the replicator does now; see `ReplicaState`. */
export type Activity = 'claiming' | 'catching-up' | 'following' | 'waiting';

export interface ReplicatorPorts {
  /** Resolves after so long, or once `signal` is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random64: Random64;
  readonly wallClockMs: () => number;
}

/** Is told what happens, as it happens. */
export interface ReplicatorObserver {
  onActivity(activity: Activity): void;
  /** A claim was accepted: the stream has all events up to `confirmedEventId`. */
  onClaimed(epoch: number, confirmedEventId: number): void;
  /** Another log has taken over the stream, by a claim of that epoch. */
  onFenced(ownerLogId: bigint, epoch: number): void;
  /** A run of events is on its way. */
  onSending(run: OutgoingRun): void;
  /** The stream has a run of events more. */
  onConfirmed(run: OutgoingRun, ackMs: number): void;
  /** The stream has accepted a block that was sent at `sentMs`, of `performance.now()`. */
  onProven(sentMs: number): void;
  /** A block was there although its append had failed. */
  onFoundStored(): void;
  onFailure(reason: StreamFailureReason, message: string): void;
  /** The stream has lost events that it had confirmed; those behind `toEventId` are sent again. */
  onRegression(fromEventId: number, toEventId: number): void;
}

export interface ReplicatorOptions {
  readonly takeover: boolean;
  /** So long nothing is sent at most: an idle stream keeps its position, whatever its age limit. */
  readonly checkpointMs: number;
  readonly signal: AbortSignal;
}
