// Every metric struct, and how its exported names begin. The list is derived from the tables of the
// two aggregates, the only place where a struct is entered; the places in a region, documents,
// exporters and tests use this list, so that none of them leaves out a struct.
import type { StructDefinition } from '../metrics/catalogue.js';
import type { MetricsStruct } from '../metrics/metrics-struct.js';
import { Telemetry as RecorderTelemetry } from './recorder/telemetry.js';
import { Telemetry as RecoveryTelemetry } from './recovery/telemetry.js';

const SIDES = [RecorderTelemetry, RecoveryTelemetry] as const;

/** One side of a log; also the label `system` of its metrics. */
export type MetricSystem = (typeof SIDES)[number]['system'];

/** A metric struct, and how it is exported. */
export interface CataloguedStruct {
  /** The side of the log that it belongs to. */
  readonly system: MetricSystem;
  /** How its exported names begin: `flashstrike_wal_recorder_segment_preparer`. */
  readonly prefix: string;
  /** Its layout, and what its fields mean. */
  readonly definition: StructDefinition;
  /** Its class. */
  readonly Struct: new () => MetricsStruct;
}

/** All metric structs, in the order of `recorder.Telemetry` and `recovery.Telemetry`. */
export const ALL_STRUCTS: readonly CataloguedStruct[] = Object.freeze(
  SIDES.flatMap(({ system, structs }) =>
    Object.values(structs).map((Struct) => {
      const { definition } = Struct;
      const prefix = `flashstrike_${system}_${definition.exportedName}`;
      return Object.freeze({ system, prefix, definition, Struct });
    }),
  ),
);
