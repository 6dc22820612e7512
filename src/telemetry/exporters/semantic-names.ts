// What metrics are called in OpenTelemetry: `flashstrike.wal.recorder.segment_writer.sync`, in `s`.
//
// By one rule from the names of Prometheus: dots between the parts, `_total` and `_seconds` left
// out, the unit as UCUM has it. It is the inverse of what collectors do on the way to Prometheus
// (dots become underscores; `_seconds`, `_bytes` and `_total` are added where they are missing), so
// that alert rules and dashboards find the same names behind a collector. `_bytes` therefore stays
// in the name: what a log is behind is counted in bytes, in events and in seconds.
import { ALL_STRUCTS } from '../catalogue.js';
import { PREFIX } from './exported-logs.js';

/** A metric's name and unit in OpenTelemetry. */
interface SemanticName {
  readonly name: string;
  /** Of UCUM; things that are counted stand in braces. Empty: none. */
  readonly unit: string;
}

/** Beginnings of names, the longest first: behind each the name of a field follows. */
const PARENTS: readonly string[] = [
  ...ALL_STRUCTS.map(({ prefix }) => prefix),
  ...new Set(ALL_STRUCTS.map(({ system }) => `flashstrike_${system}`)),
  PREFIX,
].sort((a, b) => b.length - a.length);

/** By a word of the name. */
const UNITS = new Map([
  ['seconds', 's'],
  ['bytes', 'By'],
  ['events', '{event}'],
  ['segments', '{segment}'],
  ['consumers', '{consumer}'],
  ['streams', '{stream}'],
]);

/** A system's name has an underscore of its own: `wal_recorder`. */
const dotted = (parent: string): string =>
  parent.replace(/^flashstrike_wal(?:_(recorder|recovery))?(?:_|$)/, (_all, side?: string) =>
    side === undefined ? 'flashstrike.wal.' : `flashstrike.wal.${side}.`,
  );

/** @param name of Prometheus, beginning with `flashstrike_wal_` */
export function semanticName(name: string): SemanticName {
  const parent = PARENTS.find((each) => name.startsWith(`${each}_`)) ?? '';
  const field = name.slice(parent === '' ? 0 : parent.length + 1);
  const base = field.replace(/_total$/, '');
  const unit = base.split('_').reduceRight((found, word) => found || (UNITS.get(word) ?? ''), '');
  const path = dotted(parent).replace(/\.$/, '');
  const own = base.replace(/_seconds$/, '');
  return { name: path === '' ? own : `${path}.${own}`, unit };
}
