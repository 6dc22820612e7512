// Every field of the reference is there, of its kind, and is exported under its name.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { snakeCase } from '../../src/metrics/catalogue.js';
import { collectStruct } from '../../src/metrics/collecting.js';
import { FakeCollector } from '../../src/metrics/fake-collector.js';
import { fedMetrics } from '../../src/metrics/metrics-struct.js';
import { ALL_STRUCTS } from '../../src/telemetry/catalogue.js';
import { Telemetry as RecorderTelemetry } from '../../src/telemetry/recorder/telemetry.js';
import { Telemetry as RecoveryTelemetry } from '../../src/telemetry/recovery/telemetry.js';
import { fill } from './filled-struct.js';
import { NANOSECOND_NAMES, REFERENCE_STRUCTS, SUFFIXES } from './reference-names.js';

/** Whatever a time was ever told as. */
const ENDINGS = ['_ns', '_seconds', '_total_seconds'].concat([
  '_min_seconds',
  '_max_seconds',
  '_avg_seconds',
  '_jitter_seconds',
  '_rate_per_second',
]);

type ListedStruct = (typeof ALL_STRUCTS)[number];

/** Every name that a struct is exported under; with those of the reference, or without. */
function exportedNames({ Struct, prefix }: ListedStruct, referenceNames: boolean): string[] {
  const struct = new Struct();
  fill(struct, 1000);
  const collector = new FakeCollector({ referenceNames });
  struct.collect(prefix, collector);
  return collector.names;
}

/** The names of a struct that a log exports. */
function fedNames({ Struct, definition, prefix }: ListedStruct): string[] {
  const collector = new FakeCollector();
  collectStruct(prefix, definition, fedMetrics(new Struct()), collector);
  return collector.names;
}

describe('exported names', () => {
  for (const [prefix, { subsystem, fields }] of Object.entries(REFERENCE_STRUCTS)) {
    it(`of ${prefix}: all fields of the reference, and no other is called its`, () => {
      const listed = ALL_STRUCTS.find((struct) => struct.prefix === prefix);
      assert.ok(listed !== undefined, 'the struct is in ALL_STRUCTS');
      const { definition } = listed;
      assert.equal(definition.subsystem, subsystem);
      const names = exportedNames(listed, true);
      for (const [field, kind, reference, exported] of fields) {
        const description = definition.fields[field];
        assert.deepEqual([description?.kind, description?.reference], [kind, reference], field);
        for (const suffix of SUFFIXES[kind] ?? ['']) {
          const name = `${prefix}_${exported}${suffix}`;
          assert.ok(names.includes(name), name);
        }
      }
      assert.deepEqual(
        Object.entries(definition.fields)
          .flatMap(([field, { reference }]) => (reference === undefined ? [] : [field]))
          .sort(),
        fields.map(([field]) => field).sort(),
      );
    });
  }

  it('the structs are those of the reference, in the order of the aggregates, and ours', () => {
    const ours = ['opening', 'consumers', 'replication'].map(
      (name) => `flashstrike_wal_recorder_${name}`,
    );
    assert.deepEqual(
      ALL_STRUCTS.map(({ prefix }) => prefix).filter((prefix) => !ours.includes(prefix)),
      Object.keys(REFERENCE_STRUCTS),
    );
    for (const [system, telemetry] of [
      ['wal_recorder', new RecorderTelemetry()],
      ['wal_recovery', new RecoveryTelemetry()],
    ] as const) {
      const listed = ALL_STRUCTS.filter((struct) => struct.system === system);
      const collector = new FakeCollector();
      telemetry.collect(`flashstrike_${system}`, collector);
      const names = listed.flatMap(fedNames);
      const faulty = ['clock_steps_total', 'dropped_samples_total'];
      const ofAll = faulty.map((name) => `flashstrike_${system}_${name}`);
      assert.deepEqual(collector.names, [...names, ...ofAll]);
      assert.ok(collector.lines.every(({ labels }) => labels === ''));
    }
  });

  it('are those of one metric each, in all structs', () => {
    const names = ALL_STRUCTS.flatMap((struct) => exportedNames(struct, true));
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
  });

  it('end with ns where the reference has a duration and one asks for that, and nowhere else', () => {
    const inNanoseconds = (referenceNames: boolean): string[] =>
      ALL_STRUCTS.flatMap((struct) => exportedNames(struct, referenceNames)).filter((name) =>
        name.endsWith('_ns'),
      );
    assert.deepEqual(inNanoseconds(true).sort(), [...NANOSECOND_NAMES].sort());
    assert.deepEqual(inNanoseconds(false), []);
  });

  it('tell each time once, its longest aside, where nobody asks for the reference’s', () => {
    const names = new Set(ALL_STRUCTS.flatMap((struct) => exportedNames(struct, false)));
    for (const { prefix, definition } of ALL_STRUCTS) {
      for (const [field, { kind }] of Object.entries(definition.fields)) {
        if (kind !== 'duration64' && kind !== 'operation64') continue;
        const name = `${prefix}_${snakeCase(field)}`;
        const told = ENDINGS.filter((ending) => names.has(`${name}${ending}`));
        assert.deepEqual(told, ['_seconds', '_max_seconds'], name);
      }
    }
  });

  it('say total once, and at the end', () => {
    for (const name of ALL_STRUCTS.flatMap((struct) => exportedNames(struct, true))) {
      assert.doesNotMatch(name, /_total_/, name);
    }
  });

  it('say the unit where the catalogue has one', () => {
    for (const { definition } of ALL_STRUCTS) {
      for (const [field, { kind, unit }] of Object.entries(definition.fields)) {
        if (!['counter64', 'gauge64', 'constant64'].includes(kind)) continue;
        if (!['bytes', 'events', 'segments', 'consumers', 'streams'].includes(unit)) continue;
        assert.match(field.toLowerCase(), new RegExp(unit), `${definition.name}.${field}`);
      }
    }
  });
});
