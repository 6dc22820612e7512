// Reads Prometheus' text format, version 0.0.4, by the rules of its description and by nothing of
// ours; anything that they do not allow is an error.
//
//     lines end with \n, the last one as well; empty lines count for nothing
//     # HELP name text        at most one a name; \\ and \n are escapes
//     # TYPE name type        at most one a name, before the name's first sample
//     name{label="value",…} number [timestamp]     \\, \" and \n are escapes in values
//     all lines of a name stand in one group; a name and its labels occur once
//     histogram: cumulative buckets with ascending `le`, the last +Inf and equal to _count; _sum
//     summary: _sum and _count

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The number as it is spelt. */
  readonly text: string;
  readonly value: number;
}

export interface ExposedFamily {
  readonly name: string;
  readonly help: string | undefined;
  readonly type: FamilyType;
  readonly samples: readonly Sample[];
}

interface OpenFamily {
  name: string;
  help: string | undefined;
  type: FamilyType | undefined;
  samples: Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^\\"\n]|\\["\\n])*)"/;
const TYPES: readonly string[] = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
/** What Go's ParseFloat takes, underscores and hexadecimal excepted, which nobody prints. */
const NUMBER = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|Inf(?:inity)?|NaN)$/i;

const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));

/** The families of an exposition, in their order. */
export function parseExposition(text: string): ExposedFamily[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error('the last line is not ended');
  const families = new Map<string, OpenFamily>();
  const seen = new Set<string>();
  let current: OpenFamily | undefined;

  const enter = (name: string): OpenFamily => {
    if (current?.name === name) return current;
    if (families.has(name)) throw new Error(`the lines of ${name} do not stand in one group`);
    current = { name, help: undefined, type: undefined, samples: [] };
    families.set(name, current);
    return current;
  };

  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) ([^ ]+) (.*)$/s.exec(line);
    if (comment !== null) {
      const [, what, name = '', rest = ''] = comment;
      if (name.replace(NAME, '') !== '') throw new Error(`no name of a metric: ${line}`);
      const family = enter(name);
      if (what === 'HELP') help(family, rest);
      else type(family, rest);
      continue;
    }
    if (line.startsWith('#')) continue;
    const sample = parseSample(line);
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(key)) throw new Error(`the same series twice: ${line}`);
    seen.add(key);
    const family: OpenFamily =
      current !== undefined && belongs(sample.name, current) ? current : enter(sample.name);
    family.samples.push(sample);
  }
  return [...families.values()].map(closed);
}

function help(family: OpenFamily, text: string): void {
  if (family.help !== undefined) throw new Error(`two help texts of ${family.name}`);
  if (/\\(?![\\n])/.test(text.replaceAll('\\\\', ''))) throw new Error(`unknown escape: ${text}`);
  family.help = unescaped(text);
}

function type(family: OpenFamily, name: string): void {
  if (family.type !== undefined) throw new Error(`two types of ${family.name}`);
  if (family.samples.length > 0) throw new Error(`${family.name} has samples before its type`);
  if (!TYPES.includes(name)) throw new Error(`unknown type ${name}`);
  family.type = name as FamilyType;
}

function belongs(sample: string, { name, type }: OpenFamily): boolean {
  if (!sample.startsWith(name)) return false;
  const suffix = sample.slice(name.length);
  if (type === 'histogram') return ['_bucket', '_sum', '_count'].includes(suffix);
  if (type === 'summary') return ['', '_sum', '_count'].includes(suffix);
  return suffix === '';
}

function parseSample(line: string): Sample {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`no sample: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    rest = rest.slice(1);
    for (let label = LABEL.exec(rest); label !== null; label = LABEL.exec(rest)) {
      const [all, key = '', value = ''] = label;
      if (Object.hasOwn(labels, key)) throw new Error(`label ${key} twice: ${line}`);
      labels[key] = unescaped(value);
      rest = rest.slice(all.length);
      if (!rest.startsWith(',')) break;
      rest = rest.slice(1);
    }
    if (!rest.startsWith('}')) throw new Error(`labels do not end: ${line}`);
    rest = rest.slice(1);
  }
  const [, number = '', timestamp] = /^ +([^ ]+)(?: +(-?\d+))?$/.exec(rest) ?? [];
  if (!NUMBER.test(number)) throw new Error(`no number: ${line}`);
  if (timestamp !== undefined) throw new Error(`nobody asked for a timestamp: ${line}`);
  return { name, labels, text: number, value: numberOf(number) };
}

function numberOf(text: string): number {
  const infinite = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinite === null) return Number(text);
  return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function closed({ name, help: text, type: kind = 'untyped', samples }: OpenFamily): ExposedFamily {
  if (samples.length === 0) throw new Error(`${name} has no sample`);
  for (const series of seriesOf(samples)) {
    if (kind === 'histogram') checkHistogram(name, series);
    if (kind === 'summary') sampleValue(`${name}_sum`, series);
    if (kind === 'summary') sampleValue(`${name}_count`, series);
  }
  return { name, help: text, type: kind, samples };
}

/** Samples that have the same labels, `le` and `quantile` aside. */
export function seriesOf(samples: readonly Sample[]): Sample[][] {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _le, quantile: _quantile, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  return [...series.values()];
}

/** The one sample of a series that is called `name`. */
export function sampleValue(name: string, series: readonly Sample[]): number {
  const found = series.filter((sample) => sample.name === name);
  if (found.length !== 1) throw new Error(`${found.length} samples are called ${name}`);
  return found[0]?.value as number;
}

function checkHistogram(name: string, series: readonly Sample[]): void {
  const buckets = series.filter((sample) => sample.name === `${name}_bucket`);
  let lastBound = Number.NEGATIVE_INFINITY;
  let lastCount = 0;
  for (const { labels, value } of buckets) {
    const bound = numberOf(labels['le'] ?? 'NaN');
    if (!(bound > lastBound)) throw new Error(`${name}: le does not ascend at ${bound}`);
    if (value < lastCount) throw new Error(`${name}: buckets are not cumulative at ${bound}`);
    lastBound = bound;
    lastCount = value;
  }
  if (lastBound !== Number.POSITIVE_INFINITY) throw new Error(`${name} has no bucket +Inf`);
  const count = sampleValue(`${name}_count`, series);
  if (lastCount !== count) throw new Error(`${name}: +Inf is ${lastCount}, _count ${count}`);
  sampleValue(`${name}_sum`, series);
}
