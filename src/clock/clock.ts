// Time comes in through one method, so that tests can steer it.

import { NS_PER_MS } from '../units.js';

/** A monotonic clock, for updaters and snapshotters. */
export interface Clock {
  /** Nanoseconds since a point in time that is the same for all processes of the machine. */
  nowNs(): number;
}

/**
 * The offset of this thread's `performance.now()` from the clock that all threads share. Both read
 * CLOCK_MONOTONIC, so the offset is constant; the tightest of a few readings bounds its error.
 */
function measureOrigin(): number {
  let origin = 0;
  let narrowest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 16; attempt++) {
    const before = process.hrtime.bigint();
    const nowMs = performance.now();
    const width = Number(process.hrtime.bigint() - before);
    if (width < narrowest) {
      narrowest = width;
      origin = Number(before) + width / 2 - nowMs * NS_PER_MS;
    }
  }
  return origin;
}

const originNs = measureOrigin();

/** CLOCK_MONOTONIC in nanoseconds, as a number. Unlike `process.hrtime` it allocates nothing. */
export const monotonicClock: Clock = Object.freeze({
  nowNs: (): number => originNs + performance.now() * NS_PER_MS,
});

/**
 * Writes the time of `clock` to `target[index]`. The product's own clock is written out here, so
 * that its number leaves this function through memory only: as a result it might be boxed.
 */
export function stampClock(clock: Clock, target: Float64Array, index: number): void {
  if (clock === monotonicClock) target[index] = originNs + performance.now() * NS_PER_MS;
  else stampOther(clock, target, index);
}

/** A clock of a caller's own: where it throws, or tells no number, its time is NaN. */
function stampOther(clock: Clock, target: Float64Array, index: number): void {
  try {
    const nowNs: unknown = clock.nowNs();
    target[index] = typeof nowNs === 'number' ? nowNs : Number.NaN;
  } catch {
    // Whoever takes the time must not be brought down by it; updaters count it as dropped.
    target[index] = Number.NaN;
  }
}
