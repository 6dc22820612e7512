// Nobody can take from a public telemetry object what keeps it from being cloned to an empty one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Wal } from '../../src/index.js';
import {
  ALL_STRUCTS,
  attachTelemetry,
  recorder,
  recovery,
  Snapshotter,
} from '../../src/telemetry.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { temporaryLog } from '../support/attached-log.js';

/** Strict code throws; code that is not strict, or Reflect, is told no. */
function assertWhole(telemetry: object): void {
  assert.ok(Object.isFrozen(telemetry));
  for (const name of Object.keys(telemetry)) {
    assert.equal(Reflect.deleteProperty(telemetry, name), false, name);
    assert.equal(Reflect.set(telemetry, name, undefined), false, name);
  }
  assert.equal(Reflect.defineProperty(telemetry, 'more', { value: 1 }), false);
  assert.equal(Reflect.setPrototypeOf(telemetry, null), false);
}

function assertNoClone(telemetry: object): void {
  assertWhole(telemetry);
  assert.throws(() => structuredClone(telemetry), { name: 'DataCloneError' });
}

describe('telemetry cannot be taken apart, nor cloned to nothing', () => {
  for (const { prefix, Struct } of ALL_STRUCTS) {
    test(prefix, () => {
      const struct = new Struct();
      assertNoClone(struct);
      struct.copyTo(new Struct());
      assertNoClone(struct);
    });
  }

  test('both aggregates, and a snapshotter of them', () => {
    for (const telemetry of [new recorder.Telemetry(), new recovery.Telemetry()]) {
      assertNoClone(telemetry);
      const snapshotter = new Snapshotter(telemetry);
      assertNoClone(snapshotter);
      assert.equal(snapshotter.refresh().version, 2);
      assertNoClone(snapshotter.latest);
    }
  });

  test('that of an open log, and that of a log looked at from outside', {
    skip: cannotMap,
  }, async (context) => {
    const wal = await Wal.open(temporaryLog(context), mappedOptions(context));
    assertNoClone(wal.telemetry);
    for (const part of Object.values(wal.telemetry)) {
      if (typeof part === 'object') assertNoClone(part);
    }
    assertNoClone(wal.telemetry.recovery);
    assertWhole(wal.telemetry.threads);
    const attached = attachTelemetry(wal.directory);
    assertNoClone(attached);
    assert.equal(attached.refresh(), 'running');
    attached.close();
    wal.append(new Uint8Array(1));
    assert.equal(wal.telemetry.manager.appendedEvents, 1);
    await wal.close();
    assertNoClone(wal.telemetry);
  });
});
