// Every metric struct that there is, and what its exported names begin with. It is derived from the
// tables of the two aggregates, where alone a struct is entered; the places in a region, documents,
// exporters and tests go through this list, so that no struct is left out by one of them.
import type { StructDefinition } from '../metrics/catalogue.js';
import type { MetricsStruct } from '../metrics/metrics-struct.js';
import { Telemetry as RecorderTelemetry } from './recorder/telemetry.js';
import { Telemetry as RecoveryTelemetry } from './recovery/telemetry.js';

const SIDES = [RecorderTelemetry, RecoveryTelemetry] as const;

/** One side of a log; also the label `system` of its metrics. */
export type MetricSystem = (typeof SIDES)[number]['system'];

export interface CataloguedStruct {
  readonly system: MetricSystem;
  /** `flashstrike_wal_recorder_segment_preparer`: what its exported names begin with. */
  readonly prefix: string;
  readonly definition: StructDefinition;
  readonly Struct: new () => MetricsStruct;
}

/** In the order of the aggregates `recorder.Telemetry` and `recovery.Telemetry`. */
export const ALL_STRUCTS: readonly CataloguedStruct[] = Object.freeze(
  SIDES.flatMap(({ system, structs }) =>
    Object.values(structs).map((Struct) => {
      const { definition } = Struct;
      const prefix = `flashstrike_${system}_${definition.exportedName}`;
      return Object.freeze({ system, prefix, definition, Struct });
    }),
  ),
);
