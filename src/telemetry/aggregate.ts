// All metric structs of one side of a log: `recorder.Telemetry`, `recovery.Telemetry`. What a side
// consists of is a table of struct classes; the subclasses add nothing but their name.
//
// Like a struct, an aggregate has no second copy: an own property that is a function makes
// structuredClone and postMessage throw DataCloneError.
import { invalidArgument } from '../errors.js';
import type { StructDefinition } from '../metrics/catalogue.js';
import { collectFaultyTimes, collectStruct, underReferenceLabel } from '../metrics/collecting.js';
import type { Collector } from '../metrics/collector.js';
import { type DumpOptions, dumpStruct, RULE, type TextSink } from '../metrics/dump.js';
import type { MetricMemory } from '../metrics/metric-memory.js';
import {
  closeStruct,
  fedMetrics,
  type MetricsStruct,
  structAccess,
} from '../metrics/metrics-struct.js';
import { inOneReading } from '../metrics/patience.js';
import type { MetricReading } from '../metrics/readings.js';

/** A class of structs, which are made without arguments or over memory that stands elsewhere. */
interface AnyStructClass {
  new (memory?: MetricMemory): MetricsStruct;
  readonly definition: StructDefinition;
}

type StructClasses = Readonly<Record<string, AnyStructClass>>;

type StructsOf<Classes extends StructClasses> = {
  readonly [Name in keyof Classes]: InstanceType<Classes[Name]>;
};

type NamedStructs = Readonly<Record<string, MetricsStruct>>;

/** What an aggregate is called. */
interface AggregateNames<System extends string = string> {
  /** The reference's label for all its metrics: `system="…"`. */
  readonly system: System;
  /** Stands above a dump of all its structs. */
  readonly title: string;
}

let namedStructsIn: (aggregate: Aggregate) => NamedStructs;

/** All metric structs of one side of a log: `recorder.Telemetry` or `recovery.Telemetry`. */
export abstract class Aggregate {
  readonly #system: string;
  readonly #title: string;
  readonly #structs: NamedStructs;

  static {
    namedStructsIn = (aggregate) => aggregate.#structs;
  }

  constructor({ system, title }: AggregateNames, structs: NamedStructs) {
    this.#system = system;
    this.#title = title;
    this.#structs = Object.freeze(structs);
    this.copyTo = this.copyTo.bind(this);
  }

  /**
   * Copies all structs into those of `other`. Each group of metrics is consistent in itself; groups
   * are copied one after another, not at the same moment.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT if `other` is not of the same class
   */
  copyTo(other: this): void {
    if (!(other instanceof Aggregate) || other.#system !== this.#system) {
      throw invalidArgument(`copyTo takes another telemetry of ${this.#system} to copy into.`);
    }
    inOneReading(() => {
      for (const [name, struct] of Object.entries(this.#structs)) {
        struct.copyTo(other.#structs[name] as MetricsStruct);
      }
    });
  }

  /**
   * Prints all structs as text, each under its own title, after a title for all of them.
   * @param label is put before each title; default: none
   * @param stream default: standard output
   * @param options `extended: false` prints only the metrics that the reference has
   */
  dump(label = '', stream: TextSink = process.stdout, options: DumpOptions = {}): void {
    const title = label === '' ? this.#title : `[${label}] ${this.#title}`;
    stream.write(`${RULE}\n${title}:\n${RULE}\n`);
    inOneReading(() => {
      for (const [, struct] of this.#shown()) {
        const { definition } = structAccess(struct);
        const name = label === '' ? definition.label : `${label} ${definition.label}`;
        dumpStruct(name, fedMetrics(struct), stream, options);
      }
    });
  }

  /**
   * Passes all metrics to `collector`. Their names begin with `prefix` and the name of the struct:
   * `<prefix>_segment_preparer_get_next_segment_seconds`. Each aggregate needs a prefix of its own.
   */
  collect(prefix: string, collector: Collector): void {
    let clockSteps = 0;
    let dropped = 0;
    underReferenceLabel(collector, 'system', this.#system, () =>
      inOneReading(() => {
        for (const struct of Object.values(this.#structs)) {
          const { definition } = structAccess(struct);
          const name = `${prefix}_${definition.exportedName}`;
          const faulty = collectStruct(name, definition, fedMetrics(struct), collector);
          clockSteps += faulty.clockSteps;
          dropped += faulty.dropped;
        }
        // One pair for all: it tells that a clock or a caller is wrong; the readings tell where.
        collectFaultyTimes(prefix, { clockSteps, dropped }, collector);
      }),
    );
  }

  /** All values by struct and name. */
  toJSON(): Readonly<Record<string, Readonly<Record<string, MetricReading>>>> {
    const readingsOf = (struct: MetricsStruct) =>
      Object.fromEntries([...fedMetrics(struct)].map(([field, , reading]) => [field, reading]));
    return inOneReading(() =>
      Object.fromEntries(this.#shown().map(([name, struct]) => [name, readingsOf(struct)])),
    );
  }

  /** The structs of which a log shows anything. */
  #shown(): (readonly [string, MetricsStruct])[] {
    return Object.entries(this.#structs).filter(([, struct]) => {
      for (const _ of fedMetrics(struct)) return true;
      return false;
    });
  }
}

/**
 * The class of an aggregate: `class Telemetry extends aggregateOf({ system, title }, { … }) {}`.
 * Its constructor takes structs that stand elsewhere, in a log's shared region for instance, and
 * makes the others.
 */
export function aggregateOf<const Classes extends StructClasses, const System extends string>(
  names: AggregateNames<System>,
  classes: Classes,
): (new (
  structs?: Partial<StructsOf<Classes>>,
) => Aggregate & StructsOf<Classes>) & { readonly system: System; readonly structs: Classes } {
  class Telemetry extends Aggregate {
    static readonly system = names.system;
    static readonly structs = Object.freeze(classes);

    constructor(given: Readonly<Record<string, MetricsStruct | undefined>> = {}) {
      const structs: Record<string, MetricsStruct> = {};
      for (const [name, Struct] of Object.entries(classes)) {
        structs[name] = structFor(name, Struct, given[name]);
      }
      super(names, structs);
      Object.assign(this, structs);
      Object.freeze(this);
    }
  }
  // The fields were just assigned from the same table that the type is made of.
  return Telemetry as unknown as (new (
    structs?: Partial<StructsOf<Classes>>,
  ) => Aggregate & StructsOf<Classes>) & { readonly system: System; readonly structs: Classes };
}

/** A struct of each class, over the memory that `memoryOf` has for it. */
export function structsOver<Classes extends StructClasses>(
  classes: Classes,
  memoryOf: (definition: StructDefinition) => MetricMemory,
): StructsOf<Classes> {
  const structs = Object.entries(classes).map(([name, Struct]) => {
    return [name, new Struct(memoryOf(Struct.definition))] as const;
  });
  return Object.fromEntries(structs) as StructsOf<Classes>;
}

function structFor(
  name: string,
  Struct: AnyStructClass,
  given: MetricsStruct | undefined,
): MetricsStruct {
  if (given === undefined) return new Struct();
  if (given instanceof Struct) return given;
  const message = `${name} must be a ${Struct.name}.`;
  throw invalidArgument(message);
}

/** Names and structs of an aggregate, in their order. */
export const structsIn = (aggregate: Aggregate): readonly (readonly [string, MetricsStruct])[] =>
  Object.entries(namedStructsIn(aggregate));

/** Ends all structs of a log that is closing; see closeStruct. */
export function closeAggregate(aggregate: Aggregate): void {
  for (const [, struct] of structsIn(aggregate)) closeStruct(struct);
}
