// What each metric is called, counts, covers, and who writes it: one catalogue that dump,
// Prometheus text, `top` and docs/METRICS.md all read. A struct's entries stand in the order of its
// layout, one for every field but the spare ones; the compiler refuses one too few or too many.
import { assert } from '../errors.js';
import type { BinaryType, Layout } from '../memory/layout.js';
import { wordOf } from '../memory/layout.js';
import { CACHE_LINE_BYTES } from '../units.js';
import { Counter64 } from './counter64.js';
import { Duration64 } from './duration64.js';
import { type ApplyNote, Journal } from './journal.js';
import { LatencyHistogram } from './latency-histogram.js';
import { LifeCycle } from './life-cycle.js';
import { Operation64 } from './operation64.js';
import { RecentMax64 } from './recent-max.js';
import { BEGUN } from './sequence.js';

/**
 * The threads of a log, as the metrics name them; `any` is whoever owns the struct, and `reader`
 * whoever looks: the value is computed at each look, from the positions of the log at that moment.
 */
export type MetricWriter =
  | 'application'
  | 'writer'
  | 'preparer'
  | 'housekeeping'
  | 'maintainer'
  | 'reader'
  | 'any';

/**
 * `age64`: since when (monotonic ns) something has been so, read as its age; 0 when it is not so.
 * `constant64`: a value that is set once. `recent_max64`: the longest of the last 10 to 20 seconds,
 * beside the longest ever, which a duration keeps. `journal`: the notes of a group, no metric of
 * its own.
 */
export type MetricKind =
  | 'counter64'
  | 'gauge64'
  | 'constant64'
  | 'age64'
  | 'recent_max64'
  | 'duration64'
  | 'operation64'
  | 'life_cycle'
  | 'latency_histogram'
  | 'journal';

type MetricUnit =
  | 'ns'
  | 'ps'
  | 'bytes'
  | 'events'
  | 'segments'
  | 'consumers'
  | 'streams'
  | 'calls'
  | 'steps'
  | 'id';

export interface MetricDescription<Kind extends MetricKind = MetricKind> {
  readonly kind: Kind;
  readonly unit: MetricUnit;
  /** One sentence without its full stop, as Prometheus shows it. */
  readonly help: string;
  readonly writer: MetricWriter;
  /** The exact interval, or event, that one record covers. */
  readonly covers: string;
  /**
   * Of an operation64: `unseen` where a failure leaves nobody who could look, as an open that fails
   * leaves no telemetry; it is counted, but exporters have no family for it.
   */
  readonly failures: 'seen' | 'unseen';
  /** Whether there are logs in which nothing records it: it is shown once something has. */
  readonly isShownOnceSet: boolean;
  /** What the reference exports it as, its suffixes left out; undefined: it has no such metric. */
  readonly reference: string | undefined;
  /** The first field of the group that is recorded together; undefined: the field is alone. */
  readonly group: string | undefined;
  /** Of a journal: how a note is applied to its group. */
  readonly apply: ApplyNote | undefined;
}

/** The part of a description that is written down for each metric. */
export interface MetricText {
  readonly help: string;
  readonly writer: MetricWriter;
  readonly covers: string;
  readonly unit?: MetricUnit;
  readonly failures?: 'unseen';
  readonly isShownOnceSet?: true;
  readonly reference?: string;
  readonly group?: string;
}

const describing =
  <const Kind extends MetricKind>(kind: Kind, defaultUnit: MetricUnit) =>
  (text: MetricText): MetricDescription<Kind> => {
    const { help, writer, covers, group, reference } = text;
    const { unit = defaultUnit, failures = 'seen', isShownOnceSet = false } = text;
    const apply = undefined;
    return Object.freeze({
      kind,
      unit,
      help,
      writer,
      covers,
      failures,
      isShownOnceSet,
      reference,
      group,
      apply,
    });
  };

export const counter = describing('counter64', 'calls');
export const gauge = describing('gauge64', 'calls');
export const constant = describing('constant64', 'segments');
export const age = describing('age64', 'ns');
export const recentMax = describing('recent_max64', 'ns');
export const duration = describing('duration64', 'ns');
export const operation = describing('operation64', 'ns');
export const lifeCycle = describing('life_cycle', 'ns');
export const histogram = describing('latency_histogram', 'ns');

/** The journal of the group whose first field is `group`. */
export const journal = (
  group: string,
  writer: MetricWriter,
  apply: ApplyNote,
): MetricDescription<'journal'> =>
  Object.freeze({
    kind: 'journal',
    unit: 'calls',
    help: '',
    writer,
    covers: '',
    failures: 'seen',
    isShownOnceSet: false,
    reference: undefined,
    group,
    apply,
  });

const LAYOUT_OF_KIND: Readonly<Record<MetricKind, BinaryType>> = {
  counter64: Counter64,
  gauge64: Counter64,
  constant64: Counter64,
  age64: Counter64,
  recent_max64: RecentMax64,
  duration64: Duration64,
  operation64: Operation64,
  life_cycle: LifeCycle,
  latency_histogram: LatencyHistogram,
  journal: Journal,
};

/** Fields that are recorded together, between two counters. Offsets in words. */
export interface MetricGroup {
  readonly name: string;
  readonly at: number;
  /** Words of the lines that are changed together; the head and the notes of a journal excepted. */
  readonly wordCount: number;
  /** Word that moves when a change begins; `at` is the word that follows when it has ended. */
  readonly begunAt: number;
  readonly journalAt: number | undefined;
  readonly apply: ApplyNote | undefined;
}

export type Descriptions = Readonly<Record<string, MetricDescription>>;

/** A struct: its proven layout and what its fields mean. */
export interface StructDefinition<Fields extends Descriptions = Descriptions> {
  /** `SegmentPreparer`. */
  readonly name: string;
  /** `Segment Preparer`, as dumps call it. */
  readonly label: string;
  /** `segment_preparer`, as exported names call it. */
  readonly exportedName: string;
  /** The label that its metrics carry, as in the reference: `subsystem="…"`; undefined: none. */
  readonly subsystem: string | undefined;
  readonly layout: Layout<number, number, Readonly<Record<string, number>>>;
  readonly fields: Fields;
  readonly groups: readonly MetricGroup[];
}

/** `applied`, the first line of a journal, belongs to the lines that are changed together. */
const APPLIED_BYTES = Journal.offset.head;

/** Words of `SegmentPreparer`: `Segment`, `Preparer`. */
const wordsOf = (name: string): string[] => name.split(/(?=[A-Z])/);
/** `getNextSegment` → `get_next_segment`. */
export const snakeCase = (name: string): string => wordsOf(name).join('_').toLowerCase();
/** `getNextSegment` → `Get next segment`. */
export const sentenceCase = (name: string): string => {
  const text = wordsOf(name).join(' ').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** Names of a layout's fields that are no padding. */
type FieldNames<Offsets> = Exclude<keyof Offsets & string, `spare${number}`>;

/** The alignment of a metrics struct, or what the compiler says of another one. */
type CacheLine<Align extends number> = Align extends 64
  ? Align
  : `the alignment of a metrics struct must be 64, not ${Align}`;

/**
 * Joins a layout with the meaning of its fields.
 * @throws AssertionFailure when the module loads: the pair assertion to what the compiler proved
 */
export function defineMetrics<
  Size extends number,
  Align extends number,
  Offsets extends Readonly<Record<string, number>>,
  const Fields extends Readonly<Record<FieldNames<Offsets>, MetricDescription>>,
>(
  structLayout: Layout<Size, Align, Offsets> & { readonly align: CacheLine<Align> },
  subsystem: string | undefined,
  fields: Fields & { readonly [Name in Exclude<keyof Fields, FieldNames<Offsets>>]: never },
): StructDefinition<Fields> {
  const { name, align, size } = structLayout;
  assertSameFields(structLayout, fields);
  assert(align === CACHE_LINE_BYTES, `${name}: its alignment is ${align}, not 64`);
  assert(size % CACHE_LINE_BYTES === 0, `${name}: its size ${size} is not a multiple of 64`);
  return Object.freeze({
    name,
    label: wordsOf(name).join(' '),
    exportedName: snakeCase(name),
    subsystem,
    layout: structLayout,
    fields: Object.freeze(fields),
    groups: Object.freeze(groupsOf(structLayout, fields)),
  });
}

type StructLayout = StructDefinition['layout'];

const isSpare = (field: string): boolean => /^spare\d+$/.test(field);

/** Dumps and exporters go by the descriptions, copying by the layout: both must be one list. */
function assertSameFields({ name, fields }: StructLayout, descriptions: Descriptions): void {
  const laidOut = fields.map((field) => field.name).filter((field) => !isSpare(field));
  for (const field of laidOut) {
    assert(Object.hasOwn(descriptions, field), `${name}.${field} is not described`);
  }
  for (const [index, field] of Object.keys(descriptions).entries()) {
    assert(laidOut.includes(field), `${name}.${field} is described, but is not a field`);
    assert(laidOut[index] === field, `${name}.${field} is not described in the layout's order`);
  }
}

function groupsOf(
  { name, fields: layoutFields, type }: StructLayout,
  descriptions: Descriptions,
): MetricGroup[] {
  const groups: { -readonly [Key in keyof MetricGroup]: MetricGroup[Key] }[] = [];
  for (const { name: field, offset, size } of layoutFields) {
    if (isSpare(field)) continue;
    const { kind, group: groupName = field, apply } = descriptions[field] as MetricDescription;
    assert(
      offset % CACHE_LINE_BYTES === 0,
      `${name}: offset ${offset} of ${field} is not a multiple of 64`,
    );
    assert(type[field] === LAYOUT_OF_KIND[kind], `${name}.${field} is not of the kind ${kind}`);
    const last = groups.at(-1);
    const covered = kind === 'journal' ? APPLIED_BYTES : size;
    if (groupName === field) {
      const at = wordOf(offset);
      const alone = { name: field, at, wordCount: wordOf(covered), begunAt: at + BEGUN };
      groups.push({ ...alone, journalAt: undefined, apply: undefined });
      continue;
    }
    const follows = last !== undefined && wordOf(offset) === last.at + last.wordCount;
    assert(
      follows && last.name === groupName,
      `${name}.${field} does not follow in the group ${groupName}`,
    );
    last.wordCount += wordOf(covered);
    if (kind !== 'journal') continue;
    last.journalAt = wordOf(offset);
    last.begunAt = last.journalAt + BEGUN;
    last.apply = apply;
  }
  return groups.map((group) => Object.freeze(group));
}
