// How old a coarse timestamp may be is told by logs that have such timestamps, and by no others.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Wal, type WalOptions } from '../../src/index.js';
import { PrometheusCollector } from '../../src/prometheus.js';
import { onBothAdapters } from '../support/adapters.js';
import { eventually } from '../support/eventually.js';

function familiesOf(wal: Wal): string[] {
  const collector = new PrometheusCollector();
  wal.telemetry.collect('wal', collector);
  return [...collector.toString().matchAll(/^# TYPE (\w*coarse\w*) /gm)].map(
    ([, name]) => `${name}`,
  );
}

onBothAdapters('the age of coarse time is told where events get it', async (_t, { options }) => {
  const directory = join(options.sharedMemoryDirectory, 'log');
  const open = (timestamps: 'precise' | 'coarse'): Promise<Wal> => {
    const given: WalOptions = { ...options, timestamps };
    return Wal.open(directory, given);
  };
  {
    await using wal = await open('precise');
    wal.append(Buffer.from('x'));
    await wal.durable();
    assert.deepEqual(familiesOf(wal), []);
    assert.equal(wal.telemetry.manager.coarseTimeAge, 0);
  }
  await using wal = await open('coarse');
  wal.append(Buffer.from('y'));
  await wal.durable();
  assert.deepEqual(familiesOf(wal), [
    'wal_manager_coarse_time_age_seconds',
    'wal_manager_coarse_time_age_recent_max_seconds',
  ]);
  const { manager } = wal.telemetry;
  await eventually('a second refresh is told', () => manager.coarseTimeAgeRecentMax > 0);
  const [event] = [...wal.replay({ from: 2 })];
  assert.equal(event?.eventId, 2);
  assert.ok(manager.coarseTimeAge > 0);
});
