// Labels around what is collected, gone again behind it whatever happens there.
import type { Collector } from './collector.js';

export type Label = readonly [name: string, value: string];

/** Calls `collect` with `labels` pushed, in their order. */
export function underLabels(
  collector: Collector,
  labels: readonly Label[],
  collect: () => void,
): void {
  for (const [name, value] of labels) collector.pushLabel(name, value);
  try {
    collect();
  } finally {
    for (const _ of labels) collector.popLabel();
  }
}
