// A struct of metrics: its memory, reading it, copying it, handing it out. What a struct holds is
// in its catalogue; the subclasses add nothing but their name.
//
// There is no second copy of a struct's memory behind its owner's back: an own property that is a
// function makes structuredClone and postMessage throw DataCloneError, where an object with nothing
// but private fields would silently clone to {}. Structs are frozen, so that it stays there.
import { monotonicClock } from '../clock/clock.js';
import { assert, invalidArgument } from '../errors.js';
import { wordOf } from '../memory/layout.js';
import type {
  Descriptions,
  MetricDescription,
  MetricGroup,
  StructDefinition,
} from './catalogue.js';
import { collectStruct } from './collecting.js';
import type { Collector } from './collector.js';
import { type DumpOptions, dumpStruct, type TextSink } from './dump.js';
import { MetricMemory } from './metric-memory.js';
import { type MetricReading, type Readings, type ReadMetric, readMetric } from './readings.js';
import { LINE_WORDS } from './sequence.js';
import { copyGroup, copyStruct, MemorySource, type MetricSource } from './snapshot.js';

/** What updaters and the log itself need of a struct, and nobody else does. */
interface StructAccess {
  readonly definition: StructDefinition;
  readonly memory: MetricMemory;
}

/** Puts what a look has found into a copy of a struct whose first word is `at`. */
export type FillCopy = (copy: Uint32Array, at: number) => void;

/**
 * Looks at what a struct shows and its own memory does not hold, such as positions of the log.
 * Called before a copy is taken; what it returns is called for that copy.
 */
type LookBeside = () => FillCopy;

/** Whether a log shows a metric, whose line is `line`. */
const isShownInLog = ({ isShownOnceSet }: MetricDescription, line: Uint32Array): boolean =>
  !isShownOnceSet || line.some((word) => word !== 0);

let accessOf: (struct: MetricsStruct) => StructAccess;
let refresh: (
  struct: MetricsStruct,
  source: MetricSource,
  isLive: boolean,
  fill: FillCopy | undefined,
  asOfNs: number | undefined,
) => void;
let beside: (struct: MetricsStruct, look: LookBeside) => void;
let end: (struct: MetricsStruct) => void;
let fedIn: (struct: MetricsStruct) => Iterable<ReadMetric>;

/** What all structs of metrics have in common. */
export abstract class MetricsStruct {
  readonly #definition: StructDefinition;
  readonly #memory: MetricMemory;
  /** The last copy of each group; made at the first reading. */
  #copy: Uint32Array | undefined;
  /** When this copy was taken; undefined for memory that is written to. */
  #takenAtNs: number | undefined;
  #incomplete: readonly string[] = [];
  #lookBeside: LookBeside | undefined;

  static {
    accessOf = (struct) => ({ definition: struct.#definition, memory: struct.#memory });
    refresh = (struct, ...from) => struct.#take(...from);
    beside = (struct, look) => {
      struct.#lookBeside = look;
    };
    end = (struct) => struct.#close();
    fedIn = (struct) => struct.#metrics(isShownInLog);
  }

  constructor(definition: StructDefinition, memory: MetricMemory) {
    if (!(memory instanceof MetricMemory)) {
      throw invalidArgument(
        `A ${definition.name} is created without arguments; copyTo copies one into another.`,
      );
    }
    this.#definition = definition;
    this.#memory = memory;
    this.copyTo = this.copyTo.bind(this);
    Object.freeze(this);
  }

  /**
   * Copies all metrics into `other`. Each group of metrics is consistent in itself, even while it
   * is being written.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT if `other` is not of the same class, or live
   */
  copyTo(other: this): void {
    if (!(other instanceof MetricsStruct) || other.#definition !== this.#definition) {
      throw invalidArgument(`copyTo takes another ${this.#definition.name} to copy into.`);
    }
    if (other === this) return;
    const source = new MemorySource(this.#memory.words, this.#memory.start);
    other.#take(source, this.#isLive, this.#lookBeside?.(), this.#takenAtNs);
  }

  /** Whether anyone may be recording: not into a copy, and not when the log is closed. */
  get #isLive(): boolean {
    return this.#memory.isOpen && this.#takenAtNs === undefined;
  }

  #take(
    source: MetricSource,
    isLive: boolean,
    fill: FillCopy | undefined,
    asOfNs = monotonicClock.nowNs(),
  ): void {
    const { words, start, isShared } = this.#memory;
    if (isShared) {
      const message =
        'The metrics of an open log cannot be overwritten: only its threads write them.';
      throw invalidArgument(message);
    }
    this.#incomplete = copyStruct(this.#definition, source, words, start, isLive);
    fill?.(words, start);
    this.#takenAtNs = asOfNs;
  }

  #close(): void {
    if (!this.#memory.isOpen) return;
    const { copy, incomplete } = this.#wholeCopy(false);
    this.#incomplete = incomplete;
    this.#lookBeside = undefined;
    // Of what has ended nothing grows older.
    this.#takenAtNs = monotonicClock.nowNs();
    this.#memory.close(copy);
  }

  /** A copy of all groups, with what a look beside them adds. */
  #wholeCopy(isLive: boolean): { readonly copy: Uint32Array; readonly incomplete: string[] } {
    const { words, start } = this.#memory;
    const copy = new Uint32Array(wordOf(this.#definition.layout.size));
    const fill = this.#lookBeside?.();
    const source = new MemorySource(words, start);
    const incomplete = copyStruct(this.#definition, source, copy, 0, isLive);
    fill?.(copy, 0);
    return { copy, incomplete };
  }

  /**
   * Groups of which this copy has an unfinished change, because their writer was killed or stopped
   * for half a second in the middle of it: their numbers may be off by that change. Only for copies
   * and for the metrics of a closed log; empty while metrics are being recorded.
   */
  get incompleteGroups(): readonly string[] {
    return this.#incomplete;
  }

  /** Reads one metric, its whole group at one moment. */
  protected read(field: string): MetricReading {
    const description = this.#definition.fields[field];
    const at = this.#definition.layout.offset[field];
    assert(description !== undefined && at !== undefined, `there is no metric ${field}`);
    const group = this.#groupOf(field, description);
    const { words, start } = this.#memory;
    this.#copy ??= new Uint32Array(wordOf(this.#definition.layout.size));
    const fill = this.#lookBeside?.();
    copyGroup(group, new MemorySource(words, start), this.#copy, 0, this.#isLive);
    fill?.(this.#copy, 0);
    const nowNs = this.#takenAtNs ?? monotonicClock.nowNs();
    return readMetric(description, this.#copy, wordOf(at), nowNs);
  }

  #groupOf(field: string, { group: name = field }: MetricDescription): MetricGroup {
    const group = this.#definition.groups.find((each) => each.name === name);
    assert(group !== undefined, `there is no group ${name}`);
    return group;
  }

  /** The metrics in the order of the layout, of one copy. */
  *#metrics(
    isShown = (_description: MetricDescription, _line: Uint32Array) => true,
  ): Generator<ReadMetric> {
    const { copy } = this.#wholeCopy(this.#isLive);
    const nowNs = this.#takenAtNs ?? monotonicClock.nowNs();
    for (const [field, description] of Object.entries(this.#definition.fields)) {
      if (description.kind === 'journal') continue;
      const at = wordOf(this.#definition.layout.offset[field] as number);
      if (!isShown(description, copy.subarray(at, at + LINE_WORDS))) continue;
      yield [field, description, readMetric(description, copy, at, nowNs)];
    }
  }

  /**
   * Prints all metrics as text, one per row.
   * @param label for the title; default: the name of the struct, `Segment Preparer`
   * @param stream default: standard output
   * @param options `extended: false` prints only the metrics that the reference has
   */
  dump(
    label: string = this.#definition.label,
    stream: TextSink = process.stdout,
    options: DumpOptions = {},
  ): void {
    dumpStruct(label, this.#metrics(), stream, options);
  }

  /** Passes all metrics to `collector`. Their names begin with `prefix` and an underscore. */
  collect(prefix: string, collector: Collector): void {
    collectStruct(prefix, this.#definition, this.#metrics(), collector);
  }

  /** All values by name. */
  toJSON(): Readonly<Record<string, MetricReading>> {
    return Object.fromEntries([...this.#metrics()].map(([field, , reading]) => [field, reading]));
  }
}

/**
 * The class of a struct: `class X extends structOf(X_METRICS) {}`. The mapped type gives it one
 * flat object type of readings, in editors and in declaration files.
 */
export function structOf<const Fields extends Descriptions>(
  definition: StructDefinition<Fields>,
): (new (
  memory?: MetricMemory,
) => MetricsStruct & { readonly [Name in keyof Readings<Fields>]: Readings<Fields>[Name] }) & {
  readonly definition: StructDefinition;
} {
  class Struct extends MetricsStruct {
    static readonly definition = definition;

    constructor(memory = MetricMemory.own(definition.layout.size)) {
      super(definition, memory);
    }
  }
  for (const [field, { kind }] of Object.entries(definition.fields)) {
    if (kind === 'journal') continue;
    Object.defineProperty(Struct.prototype, field, {
      get(this: Struct) {
        return this.read(field);
      },
      enumerable: true,
    });
  }
  // The getters were just defined from the same catalogue that the type is made of.
  return Struct as unknown as (new (
    memory?: MetricMemory,
  ) => MetricsStruct & Readings<Fields>) & { readonly definition: StructDefinition };
}

/** For the log and its updaters: memory and definition of a struct. */
export const structAccess = (struct: MetricsStruct): StructAccess => accessOf(struct);

/**
 * Takes a copy of what `source` holds into `struct`, and lets `fill` complete it.
 * @param asOfNs up to when ages count and what is recent; default: now
 */
export const takeFrom = (
  struct: MetricsStruct,
  source: MetricSource,
  isLive: boolean,
  fill?: FillCopy,
  asOfNs?: number,
): void => refresh(struct, source, isLive, fill, asOfNs);

/** From now on, readers of `struct` get what `look` adds as well. */
export const lookBeside = (struct: MetricsStruct, look: LookBeside): void => beside(struct, look);

/** Ends a struct of a log that is closing: it keeps its last values, and updaters do nothing. */
export const closeStruct = (struct: MetricsStruct): void => end(struct);

/** For the telemetry of a log: what this version records of a struct, in the layout's order. */
export const fedMetrics = (struct: MetricsStruct): Iterable<ReadMetric> => fedIn(struct);
