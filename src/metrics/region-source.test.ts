import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { createLitmusRegion, telemetryOf } from '../../test/litmus/litmus-region.js';
import { FakeClock } from '../clock/fake-clock.js';
import { libc } from '../memory/libc.js';
import { openRegionFile } from '../region/region-file.js';
import {
  SegmentPreparer,
  SegmentPreparerUpdater,
} from '../telemetry/recorder/worker/segment-preparer-metrics.js';
import { MetricMemory } from './metric-memory.js';
import { takeFrom } from './metrics-struct.js';
import { RegionSource } from './region-source.js';

const skip = libc() === undefined ? 'no libc is bound on this machine' : false;

function fixture(t: TestContext) {
  const region = createLitmusRegion('mapped');
  t.after(() => region.release({ remove: true }));
  const { words, byteOffset } = telemetryOf(region);
  const live = new SegmentPreparer(MetricMemory.inRegion(words, byteOffset));
  const file = openRegionFile(region.path ?? '');
  assert.ok(file.status === 'match');
  t.after(() => file.close());
  return { live, file, path: region.path ?? '' };
}

test('another process sees what copyTo sees', { skip }, (t) => {
  const { live, file } = fixture(t);
  const clock = new FakeClock(1_000_000_000);
  const updater = new SegmentPreparerUpdater(live, clock);
  const here = new SegmentPreparer();
  const there = new SegmentPreparer();
  for (let call = 0; call < 700; call++) {
    updater.onGetNextSegment(clock.nowNs() - call * 1000, 'waited', call);
    live.copyTo(here);
    takeFrom(there, new RegionSource(file, 0), true);
    assert.deepEqual(there.toJSON(), here.toJSON());
  }
});

test('an idle struct costs a system call for each group, and one more for a journal', {
  skip,
}, (t) => {
  const { live, file } = fixture(t);
  new SegmentPreparerUpdater(live).onGetNextSegment(0);
  let calls = 0;
  const counting = {
    readSectionInto: (...args: Parameters<typeof file.readSectionInto>) => {
      calls++;
      file.readSectionInto(...args);
    },
  };
  takeFrom(new SegmentPreparer(), new RegionSource(counting, 0), true);
  // Nine lines and groups; the head, the one note, and the head again.
  assert.equal(calls, SegmentPreparer.definition.groups.length + 3);
});

test('a file that was cut is an error', { skip }, (t) => {
  const { file, path } = fixture(t);
  truncateSync(path, 4096 + SegmentPreparer.layout.size - 64);
  assert.throws(() => takeFrom(new SegmentPreparer(), new RegionSource(file, 0), true), {
    code: 'ERR_FLASHSTRIKE_SHARED_MEMORY',
    offset: 4096 + SegmentPreparer.layout.size - 64,
  });
});

test('a struct that does not lie in the section is a broken invariant', { skip }, (t) => {
  const { file } = fixture(t);
  const source = new RegionSource(file, 16384 - 64);
  assert.throws(() => takeFrom(new SegmentPreparer(), source, true), /of section telemetry of/);
});
