// Metrics in Prometheus' text format, version 0.0.4: one HELP and TYPE a family, however often it
// was collected with other labels, and its lines behind them without a gap.
//
// Numbers come out in their shortest spelling that reads as the same double, and whole ones below
// 2^53 digit by digit. What is counted beyond 2^53 is rounded to the nearest double on the way
// here, and Prometheus keeps nothing but doubles.
import { invalidArgument, printable } from '../../errors.js';
import type {
  CollectedBucket,
  CollectedHistogram,
  CollectedMetric,
  Collector,
} from '../../metrics/collector.js';
import { type Label, seriesKey } from '../../metrics/labels.js';

type FamilyType = 'counter' | 'gauge' | 'summary' | 'histogram';

/** What the names of a family's lines may end with, the family's own included. */
const SUFFIXES: Readonly<Record<FamilyType, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  summary: ['', '_sum', '_count'],
  histogram: ['', '_bucket', '_sum', '_count'],
};

/** A line of a family. */
export interface Sample {
  /** What follows the family's name: `_sum`, `_count`, `_bucket` or nothing. */
  readonly suffix: string;
  /** Names and values; `le` is the last. */
  readonly labels: readonly Label[];
  /** In the unit of the name. */
  readonly value: number;
}

/** A metric with its lines, of all the logs that were collected. */
export interface Family {
  /** Without the suffixes of its lines. */
  readonly name: string;
  /** As the text has it behind `# TYPE`. */
  readonly type: FamilyType;
  /** As the text has it behind `# HELP`, not escaped. */
  readonly help: string;
  /** In the order in which they were collected. */
  readonly samples: readonly Sample[];
}

interface OpenFamily extends Family {
  readonly samples: Sample[];
  /** The label sets that were collected. */
  readonly series: Set<string>;
}

/** Options of {@link PrometheusCollector}. */
export interface PrometheusOptions {
  /**
   * Adds what the reference (the FlashStrike engine) exports, under its names: summaries in
   * nanoseconds (`…_ns`) with shortest, mean, jitter and rate, and the labels `system` and
   * `subsystem`. Default: false.
   */
  readonly referenceNames?: boolean;
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Labels that the format itself gives to the lines of histograms and summaries. */
const RESERVED_LABELS = new Set(['le', 'quantile']);

const shown = (value: unknown): string => printable(String(value));

/**
 * Gathers metrics for one response to Prometheus: `toString()` is the text, `contentType` its type.
 * Create a new one for each scrape. Several structs, or the telemetry of several logs, may be
 * collected into one, as long as labels distinguish their series. A call that the format cannot
 * represent throws a WalError with the code ERR_FLASHSTRIKE_INVALID_ARGUMENT, and adds nothing.
 *
 * @example
 * import { Wal } from 'flashstrike';
 * import { PrometheusCollector } from 'flashstrike/prometheus';
 *
 * await using wal = await Wal.open('./orders');
 * const collector = new PrometheusCollector();
 * collector.pushLabel('log', 'orders');
 * wal.telemetry.collect('flashstrike_wal_recorder', collector);
 * collector.popLabel();
 * console.log(collector.contentType, collector.toString());
 */
export class PrometheusCollector implements Collector {
  /** For the header `Content-Type` of the response. */
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  readonly referenceNames: boolean;
  /** By name, in the order in which they were first collected. */
  readonly #families = new Map<string, OpenFamily>();
  /** Every name that a line may begin with, and the family that has it. */
  readonly #taken = new Map<string, OpenFamily>();
  readonly #labels: Label[] = [];

  /** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for options of another type */
  constructor(options: PrometheusOptions = {}) {
    if (typeof options !== 'object' || options === null) {
      throw invalidArgument('The options of a PrometheusCollector must be an object.');
    }
    const { referenceNames = false } = options;
    if (typeof referenceNames !== 'boolean') {
      throw invalidArgument('The option referenceNames must be true or false.');
    }
    this.referenceNames = referenceNames;
  }

  pushLabel(name: string, value: string): void {
    if (typeof name !== 'string' || !LABEL_NAME.test(name) || RESERVED_LABELS.has(name)) {
      throw invalidArgument(`"${shown(name)}" cannot be the name of a label.`);
    }
    if (typeof value !== 'string')
      throw invalidArgument(`The value of label ${name} is not a string.`);
    if (this.hasLabel(name)) {
      throw invalidArgument(`Label ${name} is already set: pop it before you push it again.`);
    }
    this.#labels.push([name, value]);
  }

  popLabel(): void {
    if (this.#labels.pop() === undefined) throw invalidArgument('There is no label to pop.');
  }

  hasLabel(name: string): boolean {
    return this.#labels.some(([other]) => other === name);
  }

  counter(metric: CollectedMetric, value: number): void {
    checkCount(metric, value);
    this.#add('counter', metric, [['', undefined, value]]);
  }

  gauge(metric: CollectedMetric, value: number): void {
    checkNumber(metric, value);
    this.#add('gauge', metric, [['', undefined, value]]);
  }

  summary(metric: CollectedMetric, value: { readonly sum: number; readonly count: number }): void {
    const { sum, count } = value;
    checkNumber(metric, sum);
    checkCount(metric, count);
    this.#add('summary', metric, [
      ['_sum', undefined, sum],
      ['_count', undefined, count],
    ]);
  }

  histogram(metric: CollectedMetric, value: CollectedHistogram): void {
    const { sum, count, buckets } = value;
    checkNumber(metric, sum);
    checkCount(metric, count);
    checkBuckets(metric, buckets, count);
    this.#add('histogram', metric, [
      ...buckets.map(({ le, count: upTo }) => ['_bucket', spelt(le), upTo] as const),
      ['_bucket', '+Inf', count],
      ['_sum', undefined, sum],
      ['_count', undefined, count],
    ]);
  }

  /** The text, ended by a line break; empty when nothing was collected. */
  toString(): string {
    let text = '';
    for (const { name, type, help, samples } of this.#families.values()) {
      text += `# HELP ${name} ${escapedHelp(help)}\n# TYPE ${name} ${type}\n`;
      for (const { suffix, labels, value } of samples) {
        text += `${name}${suffix}${labelText(labels)} ${spelt(value)}\n`;
      }
    }
    return text;
  }

  /** What was collected, by name, in the order in which it was. */
  get families(): ReadonlyMap<string, Family> {
    return this.#families;
  }

  #add(
    type: FamilyType,
    metric: CollectedMetric,
    lines: readonly (readonly [suffix: string, le: string | undefined, value: number])[],
  ): void {
    const family = this.#families.get(metric.name) ?? this.#newFamily(type, metric);
    const { name, series, samples } = family;
    if (family.type !== type) {
      throw invalidArgument(
        `${name} is collected as a ${type}, but was collected as a ${family.type} before.`,
      );
    }
    if (family.help !== metric.help) {
      throw invalidArgument(`${name} is collected with two different help texts.`);
    }
    const key = seriesKey(this.#labels);
    if (series.has(key)) {
      const labels = labelText(this.#labels);
      throw invalidArgument(
        `${name}${printable(labels)} is collected twice: push a label that distinguishes the two.`,
      );
    }
    if (series.size === 0) {
      this.#families.set(name, family);
      for (const suffix of SUFFIXES[type]) this.#taken.set(`${name}${suffix}`, family);
    }
    series.add(key);
    const own = [...this.#labels];
    for (const [suffix, le, value] of lines) {
      const labels = le === undefined ? own : [...own, ['le', le] as const];
      samples.push({ suffix, labels, value });
    }
  }

  /** A family that is not there yet; it is added with its first line. */
  #newFamily(type: FamilyType, { name, help }: CollectedMetric): OpenFamily {
    if (typeof name !== 'string' || !METRIC_NAME.test(name)) {
      throw invalidArgument(`"${shown(name)}" cannot be the name of a metric.`);
    }
    if (typeof help !== 'string')
      throw invalidArgument(`The help text of ${name} is not a string.`);
    for (const suffix of SUFFIXES[type]) {
      const owner = this.#taken.get(`${name}${suffix}`);
      if (owner === undefined) continue;
      throw invalidArgument(`${name}${suffix} would belong to both ${owner.name} and ${name}.`);
    }
    return { name, type, help, samples: [], series: new Set() };
  }
}

function checkNumber({ name }: CollectedMetric, value: number): void {
  if (typeof value !== 'number')
    throw invalidArgument(`${shown(name)}: ${shown(value)} is not a number.`);
}

/** What counts begins at 0. */
function checkCount(metric: CollectedMetric, value: number): void {
  checkNumber(metric, value);
  if (!(value >= 0)) throw invalidArgument(`${shown(metric.name)}: ${value} is not a count.`);
}

function checkBuckets(
  metric: CollectedMetric,
  buckets: readonly CollectedBucket[],
  total: number,
): void {
  let lastBound = Number.NEGATIVE_INFINITY;
  let lastCount = 0;
  for (const { le, count } of [...buckets, { le: Number.POSITIVE_INFINITY, count: total }]) {
    checkNumber(metric, le);
    checkCount(metric, count);
    if (!(le > lastBound)) {
      throw invalidArgument(`${shown(metric.name)}: bucket ${le} comes after bucket ${lastBound}.`);
    }
    if (count < lastCount) {
      throw invalidArgument(
        `${shown(metric.name)}: bucket ${le} counts ${count}, the one before ${lastCount}.`,
      );
    }
    lastBound = le;
    lastCount = count;
  }
}

/** As Prometheus spells a number. */
function spelt(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

const labelOf = ([name, value]: Label): string => `${name}="${escapedValue(value)}"`;

const labelText = (labels: readonly Label[]): string =>
  labels.length === 0 ? '' : `{${labels.map(labelOf).join(',')}}`;

const escapedHelp = (text: string): string => text.replace(/[\\\n]/g, escaped);
const escapedValue = (text: string): string => text.replace(/[\\\n"]/g, escaped);
const escaped = (char: string): string => (char === '\n' ? '\\n' : `\\${char}`);
