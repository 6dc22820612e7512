// What is known about the blocks of finished segments: `wal.verification`, and what the
// housekeeping thread records for it.
import { monotonicClock } from '../../clock/clock.js';
import type { WalError } from '../../errors.js';
import type { AcceptedLoss, VerifyMode } from '../../recovery/recover-log.js';
import {
  type SegmentMaintainer,
  SegmentMaintainerUpdater,
} from '../../telemetry/recorder/worker/segment-maintainer-metrics.js';
import type { VerificationListener } from '../../verification/finished-verification.js';
import type { Signals } from './signals.js';

/** How far the blocks of the finished segments have been verified: `wal.verification`. */
export interface VerificationStatus {
  /**
   * - `headers`: only headers are checked (`verify: 'tail'`)
   * - `running`: no damage so far
   * - `sound`: all are verified, without damage
   * - `damaged`: damage was found; the log continues
   */
  readonly state: 'headers' | 'running' | 'sound' | 'damaged';
  /** Number of finished segments to verify; 0 until that begins, and with `verify: 'tail'`. */
  readonly segments: number;
  /** Number of segments verified so far. */
  readonly checkedSegments: number;
  /** Number of those that are damaged. */
  readonly damagedSegments: number;
  /** The first damage: file, offset, ids and what to do. */
  readonly problem: Error | undefined;
}

/** What `wal.verification` tells now. */
export function verificationStatus(
  mode: VerifyMode,
  losses: readonly AcceptedLoss[],
  signals: Signals,
  telemetry: SegmentMaintainer,
): VerificationStatus {
  const { successes, failures } = telemetry.verification;
  const counts = {
    segments: telemetry.verificationSegments,
    checkedSegments: successes + failures,
    damagedSegments: failures,
    problem: signals.verificationProblem.read(),
  };
  if (mode === 'tail') return { state: 'headers', ...counts };
  if (counts.problem !== undefined || losses.length > 0) return { state: 'damaged', ...counts };
  const isDone = mode === 'all' || signals.get('verificationEnded') === 1;
  return { state: isDone ? 'sound' : 'running', ...counts };
}

/** Where the housekeeping thread tells; `onDamage` is called for the first one only. */
export function verificationListener(
  signals: Signals,
  telemetry: SegmentMaintainer,
  onDamage: (error: WalError) => void,
): VerificationListener {
  const updater = new SegmentMaintainerUpdater(telemetry, monotonicClock);
  let isTold = false;
  return {
    begin: (segments) => updater.setVerificationSegments(segments),
    segment(startNs, error) {
      updater.onVerification(error === undefined, startNs);
      if (error === undefined || isTold) return;
      isTold = true;
      signals.verificationProblem.write(error);
      onDamage(error);
    },
    end: () => signals.set('verificationEnded', 1),
  };
}
