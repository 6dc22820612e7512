// A struct of metrics with a value of its own in every field, put straight into its memory: what
// exporters show of it can be told apart.
import { monotonicClock } from '../../src/clock/clock.js';
import { addToValue } from '../../src/metrics/counter64.js';
import { addSample } from '../../src/metrics/duration64.js';
import { addToHistogram } from '../../src/metrics/latency-histogram.js';
import { recordCycle } from '../../src/metrics/life-cycle.js';
import { type MetricsStruct, structAccess } from '../../src/metrics/metrics-struct.js';
import { recordRecentMax } from '../../src/metrics/recent-max.js';
import { recordOutcome } from '../support/records.js';

/** Puts `seed`, `seed` + 1 … into the fields of a struct that stands alone. */
export function fill(struct: MetricsStruct, seed: number): void {
  const { definition, memory } = structAccess(struct);
  const { words, start } = memory;
  for (const [index, [field, { kind }]] of Object.entries(definition.fields).entries()) {
    const at = start + (definition.layout.offset[field] as number) / Uint32Array.BYTES_PER_ELEMENT;
    const value = seed + index;
    switch (kind) {
      case 'journal':
        break;
      case 'duration64':
        addSample(words, at, value, 0);
        addSample(words, at, 3 * value, 0);
        break;
      case 'operation64':
        recordOutcome(words, at, value, true);
        recordOutcome(words, at, 3 * value, false);
        break;
      case 'life_cycle':
        recordCycle(words, at, true, value, 7);
        recordCycle(words, at, false, 2 * value, 9);
        break;
      case 'latency_histogram':
        for (const one of [1, value, 1000 * value, 2 ** 31]) addToHistogram(words, at, one, 0);
        // Out of range.
        addToHistogram(words, at, 0, 2 ** 4);
        break;
      case 'recent_max64': {
        const nowNs = monotonicClock.nowNs();
        recordRecentMax(words, at, Float64Array.of(nowNs - value, nowNs));
        break;
      }
      default:
        addToValue(words, at, value);
    }
  }
}
