// Every field of the reference is there, of its kind, and is exported under its name.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeCollector } from '../../src/metrics/fake-collector.js';
import { ALL_STRUCTS } from '../../src/telemetry/catalogue.js';
import { Telemetry as RecorderTelemetry } from '../../src/telemetry/recorder/telemetry.js';
import { Telemetry as RecoveryTelemetry } from '../../src/telemetry/recovery/telemetry.js';
import { fill } from './filled-struct.js';
import { NANOSECOND_NAMES, REFERENCE_STRUCTS, SUFFIXES } from './reference-names.js';

/** Every name that a struct is exported under. */
function exportedNames({ Struct, prefix }: (typeof ALL_STRUCTS)[number]): string[] {
  const struct = new Struct();
  fill(struct, 1000);
  const collector = new FakeCollector();
  struct.collect(prefix, collector);
  return collector.names;
}

describe('exported names', () => {
  for (const [prefix, { subsystem, fields }] of Object.entries(REFERENCE_STRUCTS)) {
    it(`of ${prefix}: all fields of the reference, and no other is called its`, () => {
      const listed = ALL_STRUCTS.find((struct) => struct.prefix === prefix);
      assert.ok(listed !== undefined, 'the struct is in ALL_STRUCTS');
      const { definition } = listed;
      assert.equal(definition.subsystem, subsystem);
      const names = exportedNames(listed);
      for (const [field, kind, reference, exported] of fields) {
        const description = definition.fields[field];
        assert.deepEqual([description?.kind, description?.reference], [kind, reference], field);
        // Its times are in nanoseconds, as there.
        assert.equal(description?.exportedIn, undefined, field);
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

  it('there are no other structs than those of the reference, in the order of the aggregates', () => {
    assert.deepEqual(
      ALL_STRUCTS.map(({ prefix }) => prefix),
      Object.keys(REFERENCE_STRUCTS),
    );
    for (const [system, telemetry] of [
      ['wal_recorder', new RecorderTelemetry()],
      ['wal_recovery', new RecoveryTelemetry()],
    ] as const) {
      const listed = ALL_STRUCTS.filter((struct) => struct.system === system);
      const collector = new FakeCollector();
      telemetry.collect(`flashstrike_${system}`, collector);
      assert.deepEqual(collector.names, listed.flatMap(exportedNames));
      assert.ok(
        collector.lines.every(({ labels }) => /^system=\w+(,subsystem=\w+)?$/.test(labels)),
      );
    }
  });

  it('are those of one metric each, in all structs', () => {
    const names = ALL_STRUCTS.flatMap(exportedNames);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
  });

  it('end with ns where the reference has a duration, and nowhere else', () => {
    const names = ALL_STRUCTS.flatMap(exportedNames).filter((name) => name.endsWith('_ns'));
    assert.deepEqual(names.sort(), [...NANOSECOND_NAMES].sort());
  });

  it('say the unit where the catalogue has one', () => {
    for (const { definition } of ALL_STRUCTS) {
      for (const [field, { kind, unit }] of Object.entries(definition.fields)) {
        if (!['counter64', 'gauge64', 'constant64'].includes(kind)) continue;
        if (!['bytes', 'events', 'segments'].includes(unit)) continue;
        assert.match(field.toLowerCase(), new RegExp(unit), `${definition.name}.${field}`);
      }
    }
  });
});
