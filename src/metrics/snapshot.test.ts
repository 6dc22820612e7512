// How a copy is taken, with a source that says what a writer would be doing. That copies are whole
// while a writer really writes is shown by test/litmus/coherent-snapshots.test.ts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addValue, recordTime } from '../../test/support/records.js';
import { FakeClock } from '../clock/fake-clock.js';
import { ALL_STRUCTS } from '../telemetry/catalogue.js';
import {
  SegmentPreparer,
  SegmentPreparerUpdater,
} from '../telemetry/recorder/worker/segment-preparer-metrics.js';
import type { MetricGroup } from './catalogue.js';
import { APPLIED, HEAD } from './journal.js';
import { LatencyHistogram } from './latency-histogram.js';
import { closeStruct, structAccess, takeFrom } from './metrics-struct.js';
import { inOneReading } from './patience.js';
import { BEGUN, beginChange, endChange } from './sequence.js';
import { copyGroup, copyStruct, MemorySource, type MetricSource } from './snapshot.js';

const STRUCT_WORDS = SegmentPreparer.layout.size / Uint32Array.BYTES_PER_ELEMENT;
const LINE: MetricGroup = {
  name: 'line',
  at: 0,
  wordCount: 16,
  begunAt: BEGUN,
  journalAt: undefined,
  apply: undefined,
};

/** Memory whose writer does something each time before a group is copied. */
function sourceWith(words: Uint32Array, beforeCopy: () => void): MetricSource {
  const memory = new MemorySource(words, 0);
  return {
    load: (at) => memory.load(at),
    copy: (at, count, target, targetAt) => {
      beforeCopy();
      memory.copy(at, count, target, targetAt);
    },
  };
}

describe('copyGroup', () => {
  test('waits for a writer that is in the middle at every look, as long as it moves', () => {
    const words = new Uint32Array(16);
    let attempts = 0;
    const source = sourceWith(words, () => {
      attempts++;
      // Every now and then it has gone on, always into the middle of the next change.
      if (attempts % 100 === 1) beginChange(words, 0);
      if (attempts === 5_000) endChange(words, 0, 0);
    });
    assert.equal(copyGroup(LINE, source, new Uint32Array(16), 0), true);
    assert.equal(attempts, 5_000);
  });

  test('ends where the memory moves for ever, and marks what it has', () => {
    const words = new Uint32Array(16);
    const target = new Uint32Array(16);
    const source = sourceWith(words, () => beginChange(words, 0));
    assert.equal(copyGroup(LINE, source, target, 0), false);
    assert.notEqual(target[0], target[BEGUN]);
  });

  test('takes what a writer has left in the middle, and waits for nobody who is gone', () => {
    const words = new Uint32Array(16);
    recordTime(words, 0, 5);
    beginChange(words, 0);
    const target = new Uint32Array(16);
    let attempts = 0;
    const source = sourceWith(words, () => attempts++);
    assert.equal(copyGroup(LINE, source, target, 0, false), false);
    assert.ok(attempts < 100, `${attempts} attempts`);
    assert.deepEqual(target.slice(1, BEGUN), words.slice(1, BEGUN));
  });

  test('a histogram of its own, whose counters stand on its first line, is copied whole', () => {
    const words = new Uint32Array(LatencyHistogram.size / Uint32Array.BYTES_PER_ELEMENT);
    const record = (value: number): void => {
      beginChange(words, 0);
      addValue(words, 0, value);
      endChange(words, 0);
    };
    record(77);
    const group = { ...LINE, wordCount: words.length };
    const target = new Uint32Array(words.length);
    let attempts = 0;
    const source: MetricSource = {
      load: (at) => new MemorySource(words, 0).load(at),
      copy: (at, count, into, intoAt) => {
        new MemorySource(words, 0).copy(at, count, into, intoAt);
        // Recorded behind the first word and the copy: the counter that is looked at last tells.
        if (++attempts === 1) record(78);
      },
    };
    assert.equal(copyGroup(group, source, target, 0), true);
    assert.equal(attempts, 2);
    assert.deepEqual(target, words);
  });
});

describe('one reading of every struct there is', () => {
  const groups = ALL_STRUCTS.flatMap(({ definition }) => definition.groups).length;
  /**
   * Reads that an attempt makes at the most: the lines, their end, the head twice, notes in two
   * pieces.
   */
  const READS_OF_ATTEMPT = 6;
  /** What one reading may try while it waits, and what each group may before that. */
  const READS_MAX = READS_OF_ATTEMPT * (200_000 + 20_000 + 12 * groups);

  /**
   * Reads all structs as from outside; returns the groups that could not be had whole, and counts.
   */
  function readAll(wordAt: (at: number) => number) {
    let reads = 0;
    const source: MetricSource = {
      load: (at) => {
        reads++;
        return wordAt(at);
      },
      copy: (at, count, target, targetAt) => {
        reads++;
        for (let word = 0; word < count; word++) target[targetAt + word] = wordAt(at + word);
      },
    };
    const incomplete = inOneReading(() =>
      ALL_STRUCTS.map(({ Struct }) => {
        const struct = new Struct();
        takeFrom(struct, source, true);
        return struct.incompleteGroups.length;
      }),
    );
    return { reads, incomplete: incomplete.reduce((sum, count) => sum + count) };
  }

  /** The same for the same place, and different for each. */
  const hashOf = (at: number): number => Math.imul(at + 1, 0x9e37_79b1) ^ (at << 7);

  test('of random bytes waits once, not for each group', () => {
    const { reads, incomplete } = readAll(hashOf);
    assert.equal(incomplete, groups);
    assert.ok(reads <= READS_MAX, `${reads} reads`);
  });

  test('of counters that never agree, and move, does as well', () => {
    let looks = 0;
    const { reads, incomplete } = readAll((at) => hashOf(at) + looks++);
    assert.equal(incomplete, groups);
    assert.ok(reads <= READS_MAX, `${reads} reads`);
  });

  test('of ones finds all its counters equal: numbers, and nobody is waited for', () => {
    const { reads, incomplete } = readAll(() => 0xffff_ffff);
    assert.equal(incomplete, 0);
    assert.ok(reads <= READS_OF_ATTEMPT * groups, `${reads} reads`);
  });

  test('of which one group stands in the middle has all others whole', () => {
    const { incomplete } = readAll((at) => (at === 0 ? 1 : 0));
    assert.equal(incomplete, ALL_STRUCTS.length, 'the first group of each struct');
  });
});

describe('the notes of a journal', () => {
  const group = SegmentPreparer.definition.groups[0] as MetricGroup;
  const journalAt = group.journalAt ?? 0;

  test('head and applied count on across 2^32', () => {
    const metrics = new SegmentPreparer();
    const { words, start } = structAccess(metrics).memory;
    const journal = start + journalAt;
    words[journal + HEAD] = 2 ** 32 - 100;
    words[journal + APPLIED] = 2 ** 32 - 100;
    const clock = new FakeClock(1_000_000);
    const updater = new SegmentPreparerUpdater(metrics, clock);
    const copy = new SegmentPreparer();
    for (let call = 1; call <= 700; call++) {
      updater.onGetNextSegment(clock.nowNs() - call);
      metrics.copyTo(copy);
      assert.equal(copy.getNextSegment.samples, call);
      assert.equal(copy.getNextSegment.totalNs, (call * (call + 1)) / 2);
      assert.equal(copy.getNextSegmentHistogram.total, (call * (call + 1)) / 2);
    }
    assert.ok((words[journal + HEAD] as number) < 2 ** 31);
  });

  test('two updaters of one struct on one thread record into one journal', () => {
    const metrics = new SegmentPreparer();
    const clock = new FakeClock(1_000_000);
    const updaters = [1, 2].map(() => new SegmentPreparerUpdater(metrics, clock));
    for (let call = 0; call < 999; call++) {
      updaters[call % 2]?.onGetNextSegment(clock.nowNs() - call, 'waited');
    }
    assert.equal(metrics.getNextSegment.samples, 999);
    assert.equal(metrics.getNextSegment.totalNs, (998 * 999) / 2);
    assert.equal(metrics.getNextSegmentWaited, 999);
  });

  test('forged ones neither hang a reader nor reach beyond its copy', () => {
    const words = new Uint32Array(STRUCT_WORDS).fill(0xffff_ffff);
    words[journalAt + HEAD] = 300;
    words[journalAt + APPLIED] = 0;
    const target = new Uint32Array(3 * STRUCT_WORDS);
    copyStruct(SegmentPreparer.definition, new MemorySource(words, 0), target, STRUCT_WORDS, false);
    assert.ok(target.subarray(0, STRUCT_WORDS).every((word) => word === 0));
    assert.ok(target.subarray(2 * STRUCT_WORDS).every((word) => word === 0));
  });

  test('a head that is ahead of all notes is no snapshot', () => {
    const words = new Uint32Array(STRUCT_WORDS);
    words[journalAt + HEAD] = 512;
    const target = new Uint32Array(STRUCT_WORDS);
    const incomplete = copyStruct(
      SegmentPreparer.definition,
      new MemorySource(words, 0),
      target,
      0,
      false,
    );
    assert.deepEqual(incomplete, ['getNextSegment']);
  });
});

describe('incompleteGroups', () => {
  /** A struct whose writer stopped in the middle of a line and of a checkpoint. */
  function stopped(): SegmentPreparer {
    const metrics = new SegmentPreparer();
    const { words, start } = structAccess(metrics).memory;
    const line = SegmentPreparer.layout.offset.prepareZero / Uint32Array.BYTES_PER_ELEMENT;
    beginChange(words, start + line);
    beginChange(words, start + (SegmentPreparer.definition.groups[0]?.journalAt ?? 0));
    return metrics;
  }

  test('of a copy names them, and copies of the copy do too', () => {
    const copy = new SegmentPreparer();
    stopped().copyTo(copy);
    assert.deepEqual(copy.incompleteGroups, ['getNextSegment', 'prepareZero']);
    const second = new SegmentPreparer();
    copy.copyTo(second);
    assert.deepEqual(second.incompleteGroups, ['getNextSegment', 'prepareZero']);
    new SegmentPreparer().copyTo(copy);
    assert.deepEqual(copy.incompleteGroups, []);
  });

  test('of a closed log names them', () => {
    const metrics = stopped();
    closeStruct(metrics);
    assert.deepEqual(metrics.incompleteGroups, ['getNextSegment', 'prepareZero']);
  });
});
