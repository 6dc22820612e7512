// What is known about the blocks of finished segments: `wal.verification`, and what the maintainer
// records for it.
import type { WalError } from '../../errors.js';
import type { AcceptedLoss, VerifyMode } from '../../recovery/recover-log.js';
import type {
  SegmentMaintainer,
  SegmentMaintainerUpdater,
} from '../../telemetry/recorder/worker/segment-maintainer-metrics.js';
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
  /**
   * Number of finished segments to verify so far; 0 until that begins. With `verify: 'tail'` only
   * retention has segments verified.
   */
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

/** What the maintainer tells while it verifies. */
export interface VerificationListener {
  /** So many more finished segments are to be verified. */
  toVerify(segments: number): void;
  /** One of them is done; `error`: what is wrong with it. */
  verified(startNs: number, error: WalError | undefined): void;
  /** All that were there at the beginning are verified, or none had to be. */
  verifiedAll(): void;
}

/** Where the maintainer tells; `onDamage` is called for the first one only. */
export function verificationListener(
  signals: Signals,
  updater: SegmentMaintainerUpdater,
  onDamage: (error: WalError) => void,
): VerificationListener {
  let isTold = false;
  let toVerify = 0;
  return {
    toVerify(segments) {
      toVerify += segments;
      updater.setVerificationSegments(toVerify);
    },
    verified(startNs, error) {
      updater.onVerification(error === undefined, startNs);
      if (error === undefined || isTold) return;
      isTold = true;
      signals.verificationProblem.write(error);
      onDamage(error);
    },
    verifiedAll: () => signals.set('verificationEnded', 1),
  };
}
