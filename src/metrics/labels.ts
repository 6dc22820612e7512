// Labels around what is collected, gone again behind it whatever happens there.
import type { Collector } from './collector.js';

export type Label = readonly [name: string, value: string];

/** Equal for equal label sets: order does not count, and an empty label is no label. */
export const seriesKey = (labels: readonly Label[]): string =>
  JSON.stringify(labels.filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1)));

/** Calls `collect` with `labels` pushed, in their order. */
export function underLabels(
  collector: Collector,
  labels: readonly Label[],
  collect: () => void,
): void {
  let pushed = 0;
  try {
    for (const [name, value] of labels) {
      collector.pushLabel(name, value);
      pushed++;
    }
    collect();
  } finally {
    for (; pushed > 0; pushed--) collector.popLabel();
  }
}
