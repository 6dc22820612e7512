// A collector for tests: notes each metric with the labels that applied to it.
import type { CollectedHistogram, CollectedMetric, Collector } from './collector.js';

export interface CollectedLine {
  readonly kind: 'counter' | 'gauge' | 'summary' | 'histogram';
  readonly name: string;
  readonly help: string;
  /** `system=wal_recovery,subsystem=wal_segment_reader`. */
  readonly labels: string;
  /** As it was given. */
  readonly value: unknown;
}

export class FakeCollector implements Collector {
  readonly lines: CollectedLine[] = [];
  /** Labels that are pushed now. */
  readonly labels: string[] = [];
  /** Thrown by every metric, when set. */
  failure: Error | undefined;
  readonly referenceNames: boolean;

  constructor({ referenceNames = false } = {}) {
    this.referenceNames = referenceNames;
  }

  get names(): string[] {
    return this.lines.map(({ name }) => name);
  }

  pushLabel(name: string, value: string): void {
    this.labels.push(`${name}=${value}`);
  }

  popLabel(): void {
    this.labels.pop();
  }

  hasLabel(name: string): boolean {
    return this.labels.some((label) => label.startsWith(`${name}=`));
  }

  counter(metric: CollectedMetric, value: number): void {
    this.#note('counter', metric, value);
  }

  gauge(metric: CollectedMetric, value: number): void {
    this.#note('gauge', metric, value);
  }

  summary(metric: CollectedMetric, value: { sum: number; count: number }): void {
    this.#note('summary', metric, value);
  }

  histogram(metric: CollectedMetric, { sum, count, buckets }: CollectedHistogram): void {
    this.#note('histogram', metric, { sum, count, buckets });
  }

  #note(kind: CollectedLine['kind'], { name, help }: CollectedMetric, value: unknown): void {
    if (this.failure !== undefined) throw this.failure;
    this.lines.push({ kind, name, help, labels: this.labels.join(','), value });
  }
}
