// From two looks at the clock to what is recorded: never an exception, never a negative time.

/** Longer than any length of time that is recorded: 2^53 ns are 104 days. */
export const LONGEST_NS = Number.MAX_SAFE_INTEGER;

/**
 * Whether the start in `interval`, which is no length of time, lies in the future, however far: the
 * clock was stepped. Otherwise one of the two is no time, an infinite start among them, or the
 * interval is longer than any.
 */
export function isClockStep(interval: Float64Array): boolean {
  const elapsed = Math.floor((interval[1] as number) - (interval[0] as number) + 0.5);
  return elapsed < 0 && elapsed > Number.NEGATIVE_INFINITY;
}
