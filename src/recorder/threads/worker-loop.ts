// The loop around a worker object: steps it, beats its heart, waits. Nothing else runs in a thread.
import type { Clock } from '../../clock/clock.js';
import type { ThreadName } from '../../telemetry/heartbeats.js';
import { NS_PER_US } from '../../units.js';
import type { Signals } from './signals.js';

export interface LoopBody {
  /** One bounded piece of work; returns 0 to go on, else how many ms may pass. Never waits. */
  step(): number;
  /** Tells other threads and processes that this one is alive. */
  beat(): void;
  /** For how long to look for more work before sleeping, in µs; 0 for a thread that never spins. */
  readonly spinUs: number;
}

/** Runs until the thread is asked to stop. */
export function runUntilStopped(
  thread: ThreadName,
  signals: Signals,
  clock: Clock,
  body: LoopBody,
): void {
  let spinUntilNs = 0;
  while (!signals.stopRequested(thread)) {
    // Read before looking for work: a wake-up that comes in between ends the sleep at once.
    const seen = signals.wakeCount(thread);
    body.beat();
    const waitMs = body.step();
    if (waitMs === 0) {
      const { spinUs } = body;
      spinUntilNs = spinUs === 0 ? 0 : clock.nowNs() + spinUs * NS_PER_US;
    } else if (spinUntilNs === 0 || clock.nowNs() >= spinUntilNs) {
      signals.sleep(thread, seen, waitMs);
    }
  }
}
