import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KIB } from '../../src/units.js';
import { cannotMap, TINY } from '../support/adapters.js';
import { WeekRounds } from './week.js';
import type { WeekPlan } from './week-plan.js';

const ROUNDS = 12;
/** More of the same, where the maintainer had no processor until the kills came. */
const ROUNDS_MAX = 60;
/** At most, of one process. A segment holds about 700. */
const EVENTS = 4000;

const PLAN: WeekPlan = {
  options: {
    ...TINY,
    ringBytes: 256 * KIB,
    retention: { segments: 8 },
    compression: 'lz4',
    hotSegments: 1,
    sharedMemory: 'required',
  },
  batch: 20,
  promptEvents: 100,
  slowEvents: 500,
  mortalEvents: 2000,
  mortalLagBytes: 3 * TINY.segmentBytes,
};

test('kill -9 in the middle of maintenance: all is there that is durable and that a consumer needs', {
  skip: cannotMap,
}, async (t) => {
  const week = new WeekRounds(t, PLAN, 20261130);
  const { result } = week;
  const isEnough = (): boolean =>
    result.kills >= ROUNDS && result.segmentsRemoved > 0 && result.segmentsCompressed > 0;
  while (result.kills < ROUNDS_MAX && !isEnough()) await week.round(EVENTS);
  t.diagnostic(JSON.stringify(result));
  assert.ok(isEnough(), 'segments were compressed, and went');
  assert.ok(result.delivered > 1000, 'consumers were given events');
});
