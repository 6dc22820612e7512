// Whose metrics these are: labels that tell several logs apart in one exposition.
import { basename, resolve } from 'node:path';
import type { Collector } from '../metrics/collector.js';
import { type Label, underLabels } from '../metrics/labels.js';
import { hexOf64 } from '../units.js';

export interface LogName {
  /** The folder. */
  readonly directory: string;
  readonly logId: bigint;
}

/**
 * Calls `collect` with the labels `log`, the name of the folder, and `log_id`, 16 hexadecimal
 * digits. A label that the caller has pushed stays as it is: two folders of one name that hold
 * copies of one log have both in common, and need one of the caller's.
 */
export function collectAs(
  { directory, logId }: LogName,
  collector: Collector,
  collect: () => void,
): void {
  const labels: readonly Label[] = [
    ['log', basename(resolve(directory))],
    ['log_id', hexOf64(logId)],
  ];
  const missing = labels.filter(([name]) => collector.hasLabel?.(name) !== true);
  underLabels(collector, missing, collect);
}
