// A heartbeat per thread in the region's header: a metric that a stalled thread feeds looks
// healthy, its heartbeat does not.
import type { Clock } from '../../clock/clock.js';
import { beat, heartbeatIndex, THREAD_NAMES, type ThreadName } from '../../region/heartbeat.js';
import type { SharedRegion } from '../../region/shared-region.js';

/** A function that beats the heart of `thread`. */
export function heartbeatOf(region: SharedRegion, thread: ThreadName, clock: Clock): () => void {
  const word = heartbeatIndex(THREAD_NAMES.indexOf(thread));
  const { words } = region;
  return () => beat(words, word, clock.nowNs() / 1e6);
}
