import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MIB } from '../../src/units.js';
import { cannotMap, mappedOptions, regionFolder } from '../support/adapters.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';
import { randomLogs } from './random-logs.js';

test('logs with random work, some on a full disk, damaged or removed, killed: none harms another', {
  skip: cannotMap,
}, async (t) => {
  if (cannotMount !== false) t.diagnostic(`no disk is full: ${cannotMount}`);
  const smallDisk = cannotMount === false ? new SmallDisk(t, 8 * MIB).folder : undefined;
  const options = { ...mappedOptions(t), stallTimeoutMs: 60_000 };
  // In memory: of the disk's speed most of the time would depend.
  const folder = regionFolder(t);
  const plan = { folder, smallDisk, logs: 14, seed: 20_261_130, steps: 25, options };
  const result = await randomLogs(plan, 2);
  t.diagnostic(JSON.stringify(result));
  assert.ok(result.events > 1000, 'they were at work');
});
