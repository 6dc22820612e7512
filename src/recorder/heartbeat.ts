// A heartbeat per thread in the region's header: a metric that a stalled thread feeds looks
// healthy, its heartbeat does not.
import type { Clock } from '../clock/clock.js';
import { beat, heartbeatWord, type SharedRegion } from '../memory/shared-region.js';
import { THREAD_NAMES, type ThreadName } from './signals.js';

/** A function that beats the heart of `thread`. */
export function heartbeatOf(region: SharedRegion, thread: ThreadName, clock: Clock): () => void {
  const word = heartbeatWord(region, THREAD_NAMES.indexOf(thread));
  const { words } = region;
  return () => beat(words, word, clock.nowNs() / 1e6);
}
