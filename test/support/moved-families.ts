// Which families of an exposition ever changed, over any number of looks at any number of logs.
import type { Collector } from '../../src/metrics/collector.js';
import { PrometheusCollector } from '../../src/prometheus.js';
import { parseExposition } from '../telemetry/exposition.js';

/** Whatever hands its metrics to a collector. */
interface Collected {
  collect(prefix: string, collector: Collector): void;
}

/** Labels that tell whose series it is, not which of its log's. */
const WHOSE: ReadonlySet<string> = new Set(['log', 'log_id']);

interface SeenLine {
  /** How often it was there. */
  readonly looks: number;
  readonly first: number;
  readonly moved: boolean;
}

interface SeenFamily {
  looks: number;
  readonly lines: Map<string, SeenLine>;
}

export class MovedFamilies {
  readonly #seen = new Map<string, SeenFamily>();

  /** One look at metrics, as one scrape of their own. */
  collect(prefix: string, source: Collected): void {
    const collector = new PrometheusCollector();
    source.collect(prefix, collector);
    this.look(collector.toString());
  }

  /** One look at what a scrape has answered. */
  look(exposition: string): void {
    for (const { name: family, samples } of parseExposition(exposition)) {
      // By convention a family of this name is always 1: what it tells is in its labels.
      if (family.endsWith('_info')) continue;
      const seen = this.#seen.get(family) ?? { looks: 0, lines: new Map<string, SeenLine>() };
      this.#seen.set(family, seen);
      seen.looks++;
      for (const { name, labels, value } of samples) {
        const which = Object.entries(labels).filter(([label]) => !WHOSE.has(label));
        const line = JSON.stringify([name, ...which]);
        const { looks, first, moved } = seen.lines.get(line) ?? {
          looks: 0,
          first: value,
          moved: false,
        };
        seen.lines.set(line, { looks: looks + 1, first, moved: moved || value !== first });
      }
    }
  }

  get size(): number {
    return this.#seen.size;
  }

  /** Families of which every line was there at each look, with one value. */
  get unmoved(): string[] {
    return [...this.#seen]
      .filter(([, { looks, lines }]) =>
        [...lines.values()].every((line) => line.looks === looks && !line.moved),
      )
      .map(([family]) => family);
  }
}
