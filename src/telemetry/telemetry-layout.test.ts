import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { structAccess } from '../metrics/metrics-struct.js';
import { structsIn } from './aggregate.js';
import { ALL_STRUCTS } from './catalogue.js';
import { LogTelemetry } from './log-telemetry.js';
import { placeOf, TelemetryHeaderLayout, USED_BYTES } from './telemetry-layout.js';

describe('the places of structs in the telemetry section', () => {
  const places = ALL_STRUCTS.map(({ definition }) => {
    const start = placeOf(definition);
    return { name: definition.name, start, end: start + definition.layout.size };
  });

  test('begin after the header, do not overlap and end where the section is used up', () => {
    let end: number = TelemetryHeaderLayout.size;
    for (const place of places) {
      assert.ok(place.start >= end, `${place.name} begins before ${end}`);
      end = place.end;
    }
    assert.equal(end, USED_BYTES);
  });

  test('share no pair of cache lines', () => {
    for (const { name, start } of places) assert.equal(start % 128, 0, name);
  });

  test('are those of every struct that a log has', () => {
    const telemetry = LogTelemetry.own();
    const structs = [...structsIn(telemetry), ...structsIn(telemetry.recovery)];
    const definitions = structs.map(([, struct]) => structAccess(struct).definition);
    assert.deepEqual(
      definitions,
      ALL_STRUCTS.map(({ definition }) => definition),
    );
  });
});
