// How many stalls a log has had since it was opened, by cause.
import type { Collector } from '../../metrics/collector.js';
import { underLabels } from '../../metrics/labels.js';
import { STALL_CAUSES } from './causes.js';
import type { StallArea } from './stall-area.js';

/** By cause, in the order of STALL_CAUSES; none where they are not recorded. */
export type StallCounts = readonly number[];

export const countsIn = (area: StallArea): StallCounts =>
  area.isKnown && area.word('thresholdMs') > 0 ? STALL_CAUSES.map((_, at) => area.count(at)) : [];

/** `<prefix>_stalls_total{cause="sync"}`, each cause; nothing where stalls are not recorded. */
export function collectStalls(prefix: string, counts: StallCounts, collector: Collector): void {
  const name = `${prefix}_stalls_total`;
  const help =
    'Waits of append, of durable() or for the next segment that took stallThresholdMs or longer, ' +
    'by what they were caused by; those at the same time are one';
  counts.forEach((count, at) => {
    underLabels(collector, [['cause', STALL_CAUSES[at] ?? 'unknown']], () => {
      collector.counter({ name, help }, count);
    });
  });
}
