import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectFaultyTimes } from '../../metrics/collecting.js';
import { FakeCollector } from '../../metrics/fake-collector.js';
import { ALL_STRUCTS } from '../catalogue.js';
import { semanticName } from './semantic-names.js';

/** Everything that structs may export, and what is exported of a side and of a log. */
function allNames(): Map<string, string> {
  const collector = new FakeCollector();
  for (const { Struct, prefix } of ALL_STRUCTS) new Struct().collect(prefix, collector);
  for (const side of ['recorder', 'recovery']) {
    const faulty = { clockSteps: 0, dropped: 0 };
    collectFaultyTimes(`flashstrike_wal_${side}`, faulty, collector);
  }
  const kinds = collector.lines.map(({ name, kind }) => [name, kind] as const);
  return new Map([
    ...kinds,
    ...['up', 'state', 'ring_capacity_bytes', 'start_time_seconds', 'values_age_seconds'].map(
      (name) => [`flashstrike_wal_${name}`, 'gauge'] as const,
    ),
  ]);
}

const PROMETHEUS_UNITS = new Map([
  ['s', 'seconds'],
  ['By', 'bytes'],
]);

/**
 * From OpenTelemetry's “Prometheus and OpenMetrics Compatibility”, metric metadata: dots become
 * underscores, the unit is added where the name does not have it, what stands in braces is no unit,
 * and a monotonic sum ends in _total.
 */
function inPrometheus(name: string, unit: string, kind: string): string {
  const tokens = name.replaceAll('.', '_').split('_');
  const suffix = PROMETHEUS_UNITS.get(unit);
  if (suffix !== undefined && !tokens.includes(suffix)) tokens.push(suffix);
  return kind === 'counter' ? [...tokens, 'total'].join('_') : tokens.join('_');
}

describe('the names in OpenTelemetry', () => {
  it('stand in the namespace of the struct, without the unit', () => {
    const expected = [
      ['segment_preparer_get_next_segment_seconds', 'segment_preparer.get_next_segment', 's'],
      ['manager_appended_events_total', 'manager.appended_events', '{event}'],
      ['segment_writer_durable_lag_bytes', 'segment_writer.durable_lag_bytes', 'By'],
      ['manager_ring_occupancy_bytes_max', 'manager.ring_occupancy_bytes_max', 'By'],
      ['manager_append_event_max_seconds', 'manager.append_event_max', 's'],
      ['clock_steps_total', 'clock_steps', ''],
    ];
    for (const [prometheus, name, unit] of expected) {
      assert.deepEqual(semanticName(`flashstrike_wal_recorder_${prometheus}`), {
        name: `flashstrike.wal.recorder.${name}`,
        unit,
      });
    }
    assert.deepEqual(semanticName('flashstrike_wal_recovery_manager_seek_event_seconds'), {
      name: 'flashstrike.wal.recovery.manager.seek_event',
      unit: 's',
    });
    assert.deepEqual(semanticName('flashstrike_wal_up'), { name: 'flashstrike.wal.up', unit: '' });
  });

  it('are what OpenTelemetry allows, and no two are alike', () => {
    const names = [...allNames().keys()].map((name) => semanticName(name).name);
    assert.ok(names.length > 200);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^flashstrike\.wal\.[a-z][a-z0-9_.]{0,240}$/);
  });

  it('become those of flashstrike metrics behind a collector', () => {
    for (const [name, kind] of allNames()) {
      const semantic = semanticName(name);
      assert.equal(inPrometheus(semantic.name, semantic.unit, kind), name);
    }
  });

  it('have the unit of the catalogue', () => {
    for (const { Struct, prefix, definition } of ALL_STRUCTS) {
      const collector = new FakeCollector();
      new Struct().collect(prefix, collector);
      for (const [field, { unit }] of Object.entries(definition.fields)) {
        const snake = field.replace(/[A-Z]/g, (char) => `_${char.toLowerCase()}`);
        const own = collector.names.find((name) => name.startsWith(`${prefix}_${snake}`));
        if (own === undefined) continue;
        const told = semanticName(own).unit;
        if (unit === 'ns' && !/_cycles/.test(own)) assert.equal(told, 's', own);
        if (unit === 'ps') assert.equal(told, 's', own);
        if (unit === 'bytes') assert.equal(told, 'By', own);
        if (unit === 'events') assert.equal(told, '{event}', own);
        if (unit === 'segments') assert.ok(['{segment}', ''].includes(told), own);
      }
    }
  });
});
