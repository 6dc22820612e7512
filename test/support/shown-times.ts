// Where time shows in a telemetry: every duration and every histogram of times that is not zero.
import type { Telemetry } from '../../src/telemetry/recorder/telemetry.js';

/** The sums by `struct.metric`, in nanoseconds; what is zero is left out. */
export function shownTimes(telemetry: Telemetry): Readonly<Record<string, number>> {
  const shown: Record<string, number> = {};
  for (const [struct, readings] of Object.entries(telemetry.toJSON())) {
    for (const [metric, reading] of Object.entries(readings)) {
      if (typeof reading === 'number' || metric === 'groupCommitHistogram') continue;
      const totalNs = 'totalNs' in reading ? reading.totalNs : reading.total;
      if (totalNs > 0) shown[`${struct}.${metric}`] = totalNs;
    }
  }
  return shown;
}

/** The same, as the exact tests expect it: all of these, `ns` each, and nothing else. */
export const timesOf = (ns: number, ...metrics: readonly string[]): Record<string, number> =>
  Object.fromEntries(metrics.map((metric) => [metric, ns]));

/** The steps of a rotation, in their order; metrics of the segment writer. */
export const ROTATION_STEPS = [
  'rotateSeal',
  'rotateSync',
  'rotateHeader',
  'rotateRename',
  'rotateDirectorySync',
] as const;
