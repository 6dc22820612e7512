// Waiting for room in the ring on the event loop, for who takes events in from outside and would
// rather stop reading for a while. A blocked append waits for the same, but holds its thread
// (Stalls).
import { pause } from './unless-aborted.js';

// The writer releases room block by block, some hundred KiB in a millisecond: a wake-up for each
// would be no faster.
const PAUSE_MS_MIN = 1;
const PAUSE_MS_MAX = 10;

/**
 * Resolves once `hasRoom`, which is asked now and from time to time; both may throw.
 * @param askWriter has the writer thread look at what waits
 * @throws the reason of `signal` when that is aborted
 */
export async function untilRoom(
  hasRoom: () => boolean,
  askWriter: () => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    signal?.throwIfAborted();
    if (hasRoom()) return;
    askWriter();
    await pause(pauseMs, signal);
  }
}
