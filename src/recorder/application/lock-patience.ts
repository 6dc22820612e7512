// Waiting for whoever has the log open: a service that is replaced overlaps with its successor for
// as long as it takes to end.
import type { Clock } from '../../clock/clock.js';
import { codeOf } from '../../errors.js';
import { NS_PER_MS } from '../../units.js';
import { pause } from './unless-aborted.js';

const PAUSE_MS_MIN = 5;
const PAUSE_MS_MAX = 100;

/**
 * What `open` returns, which is tried again while the log is locked.
 * @param timeoutMs so long at most; 0: it is tried once
 * @param signal ends the waiting
 * @throws what `open` throws: ERR_FLASHSTRIKE_LOCKED only after `timeoutMs`; the reason of `signal`
 */
export async function openWhenUnlocked<Opened>(
  timeoutMs: number,
  clock: Clock,
  open: () => Promise<Opened>,
  signal?: AbortSignal,
): Promise<Opened> {
  const endNs = clock.nowNs() + timeoutMs * NS_PER_MS;
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    signal?.throwIfAborted();
    try {
      return await open();
    } catch (error) {
      const leftMs = (endNs - clock.nowNs()) / NS_PER_MS;
      if (codeOf(error) !== 'ERR_FLASHSTRIKE_LOCKED' || leftMs <= 0) throw error;
      await pause(Math.min(pauseMs, leftMs), signal);
    }
  }
}
