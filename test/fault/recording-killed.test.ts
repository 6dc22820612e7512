// A writer that ends between any two stores leaves a snapshot that readers still get: exact where
// it can be, else marked. Every store of a record and of a checkpoint is tried in memory; processes
// that are killed with SIGKILL show that memory is left like that.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { libc } from '../../src/memory/libc.js';
import { takeFrom } from '../../src/metrics/metrics-struct.js';
import { RegionSource } from '../../src/metrics/region-source.js';
import { MemorySource, type MetricSource } from '../../src/metrics/snapshot.js';
import { openRegionFile } from '../../src/region/region-file.js';
import { SegmentPreparer } from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { createLitmusRegion, telemetryOf } from '../litmus/litmus-region.js';
import { PERIOD } from '../litmus/recorded-values.js';
import { callOf, type Recording } from '../litmus/recording.js';
import { SnapshotCheck } from '../litmus/snapshot-check.js';
import { cannotStop, storesOf } from '../support/stopping-words.js';

const GROUPS = {
  updater: 'getNextSegment',
  'timed-updater': 'getNextSegment',
  duration: 'prepareCreate',
  operation: 'prepareSegment',
} as const satisfies Readonly<Record<Recording, string>>;

function makeCall(recording: Recording, words: Uint32Array, byteOffset: number, number: number) {
  callOf(recording, words, byteOffset)(Math.floor(number / PERIOD), number % PERIOD);
}

/** What a reader finds: exactly so many calls, or a marked group with counts in between. */
function calls(recording: Recording, source: MetricSource, from: number): number | 'marked' {
  const copy = new SegmentPreparer();
  takeFrom(copy, source, false);
  const check = new SnapshotCheck(copy, recording);
  if (copy.incompleteGroups.length === 0) {
    assert.equal(check.violation(), undefined);
    return check.calls;
  }
  assert.deepEqual(copy.incompleteGroups, [GROUPS[recording]]);
  const { samples } = copy[GROUPS[recording]];
  assert.ok(samples <= from + 1, `${samples} samples of ${from + 1} calls`);
  // A copy of the copy is marked as well, and nobody is waited for.
  const second = new SegmentPreparer();
  copy.copyTo(second);
  assert.deepEqual(second.incompleteGroups, [GROUPS[recording]]);
  return 'marked';
}

/** How many times in a row each was found. */
function runs(found: readonly (number | 'marked')[]): [number | 'marked', number][] {
  const all: [number | 'marked', number][] = [];
  for (const each of found) {
    const last = all.at(-1);
    if (last?.[0] === each) last[1]++;
    else all.push([each, 1]);
  }
  return all;
}

describe('a writer that stops between two stores', { skip: cannotStop }, () => {
  for (const [what, recording, before] of [
    ['of a record on a line', 'duration', 5],
    ['of an operation', 'operation', 5],
    ['of the first record', 'duration', 0],
    ['of a note', 'updater', 300],
    ['of the first checkpoint', 'updater', 256],
    ['of a checkpoint whose notes wrap around', 'updater', 768],
  ] as const) {
    test(`${what}: exact before and behind, marked in between`, (t) => {
      const words = new Uint32Array(SegmentPreparer.layout.size / 4);
      for (let number = 0; number < before; number++) makeCall(recording, words, 0, number);
      const stores = storesOf(words, (watched) => makeCall(recording, watched, 0, before));
      const source = new MemorySource(words, 0);
      const found = [calls(recording, source, before)];
      for (const { at, value } of stores) {
        words[at] = value;
        found.push(calls(recording, source, before));
      }
      const line = runs(found);
      t.diagnostic(`${stores.length} stores: ${line.map(([is, count]) => `${count} × ${is}`)}`);
      const isNote = recording === 'updater';
      // Made before the next note.
      const isCheckpoint = isNote && before % 256 === 0;
      assert.deepEqual(
        line.map(([is]) => is),
        isNote && !isCheckpoint
          ? [before, before + 1]
          : isNote
            ? [before, 'marked', before, before + 1]
            : [before, 'marked', before + 1],
      );
      // Exact again only behind the very last store.
      if (!isNote || isCheckpoint) assert.equal(line.at(-1)?.[1], 1);
    });
  }
});

const skip = cannotStop || (libc() === undefined ? 'no libc is bound on this machine' : false);

/** What is left by a process that was killed behind `stores` stores of call number `before`. */
function killedBehind(t: TestContext, recording: Recording, before: number, stores: number) {
  const region = createLitmusRegion('mapped');
  t.after(() => region.release({ remove: true }));
  const module = fileURLToPath(new URL('./recording-killed.js', import.meta.url));
  const { byteOffset } = telemetryOf(region);
  const args = [byteOffset, recording, before, stores].map(String);
  const child = spawnSync(process.execPath, [module, region.path ?? '', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const file = openRegionFile(region.path ?? '');
  assert.ok(file.status === 'match');
  t.after(() => file.close());
  return { signal: child.signal, found: calls(recording, new RegionSource(file, 0), before) };
}

describe('a process that is killed between two stores', { skip }, () => {
  test('of a record on a line: each store', (t) => {
    const found: (number | 'marked')[] = [];
    for (let stores = 0; ; stores++) {
      const left = killedBehind(t, 'duration', 5, stores);
      found.push(left.found);
      if (left.signal === null) break;
      assert.equal(left.signal, 'SIGKILL');
    }
    t.diagnostic(`${found.length - 1} kills: ${found.join(', ')}`);
    assert.deepEqual(
      runs(found).map(([is]) => is),
      [5, 'marked', 6],
    );
  });

  test('of a note and a checkpoint: some of the stores', (t) => {
    const words = new Uint32Array(SegmentPreparer.layout.size / 4);
    for (let number = 0; number < 256; number++) makeCall('updater', words, 0, number);
    const all = storesOf(words, (watched) => makeCall('updater', watched, 0, 256)).length;
    const found = [0, 1, 2, 1000, all - 6, all - 5, all - 1].map((stores) => {
      const left = killedBehind(t, 'updater', 256, stores);
      assert.equal(left.signal, 'SIGKILL');
      return left.found;
    });
    t.diagnostic(found.join(', '));
    // The checkpoint, then four words of the note and the head.
    assert.deepEqual(found, [256, 'marked', 'marked', 'marked', 'marked', 256, 256]);
  });
});
