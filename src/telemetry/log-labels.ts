// Whose metrics these are: labels that tell several logs apart in one exposition.
import { basename, resolve } from 'node:path';
import type { Collector } from '../metrics/collector.js';

export interface LogName {
  /** The folder. */
  readonly directory: string;
  readonly logId: bigint;
}

/**
 * Calls `collect` with the labels `log`, the name of the folder, and `log_id`, 16 hexadecimal
 * digits: a name may be given twice, an id is not. A label that the caller has pushed stays as it
 * is.
 */
export function collectAs(
  { directory, logId }: LogName,
  collector: Collector,
  collect: () => void,
): void {
  const labels: readonly (readonly [name: string, value: string])[] = [
    ['log', basename(resolve(directory))],
    ['log_id', BigInt.asUintN(64, logId).toString(16).padStart(16, '0')],
  ];
  const missing = labels.filter(([name]) => collector.hasLabel?.(name) !== true);
  for (const [name, value] of missing) collector.pushLabel(name, value);
  try {
    collect();
  } finally {
    for (const _ of missing) collector.popLabel();
  }
}
