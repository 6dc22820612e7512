import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../clock/fake-clock.js';
import { FakeCollector } from '../metrics/fake-collector.js';
import { aggregateOf, closeAggregate } from './aggregate.js';
import {
  SegmentPreparer,
  SegmentPreparerUpdater,
} from './recorder/worker/segment-preparer-metrics.js';

const CLASSES = { left: SegmentPreparer, right: SegmentPreparer };
class Pair extends aggregateOf({ system: 'wal_pair', title: 'WAL Pair Metrics' }, CLASSES) {}
class Other extends aggregateOf({ system: 'wal_other', title: 'WAL Other' }, CLASSES) {}

const record = (struct: SegmentPreparer, tookNs: number): void => {
  const clock = new FakeClock();
  const startNs = clock.nowNs();
  clock.advanceNs(tookNs);
  new SegmentPreparerUpdater(struct, clock).onGetNextSegment(startNs);
};

describe('a telemetry aggregate', () => {
  it('holds a struct of its own for each that it is not given', () => {
    const left = new SegmentPreparer();
    const pair = new Pair({ left });
    assert.equal(pair.left, left);
    assert.ok(pair.right instanceof SegmentPreparer);
    assert.notEqual(new Pair().left, new Pair().left);
  });

  it('refuses what is no such struct', () => {
    // @ts-expect-error: a look-alike is no struct
    assert.throws(() => new Pair({ left: { ...new SegmentPreparer() } }), {
      code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
      message: 'left must be a SegmentPreparer.',
    });
  });

  it('cannot have a struct replaced', () => {
    const pair = new Pair();
    // @ts-expect-error: readonly
    assert.throws(() => (pair.left = new SegmentPreparer()), TypeError);
  });

  it('copyTo copies every struct, and from then on the copy stands still', () => {
    const pair = new Pair();
    const copy = new Pair();
    record(pair.left, 10);
    record(pair.right, 20);
    pair.copyTo(copy);
    record(pair.left, 30);
    assert.equal(copy.left.getNextSegment.totalNs, 10);
    assert.equal(copy.right.getNextSegment.totalNs, 20);
    assert.equal(pair.left.getNextSegment.totalNs, 40);
  });

  it('copyTo refuses the telemetry of another side, and a look-alike', () => {
    const pair = new Pair();
    const expected = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' };
    assert.throws(() => pair.copyTo(new Other()), expected);
    // @ts-expect-error: a look-alike is no aggregate
    assert.throws(() => pair.copyTo({ left: pair.left, right: pair.right }), expected);
  });

  it('dump prints a title for all, then each struct under its own, a label in front', () => {
    const dumped = (label?: string): string => {
      let text = '';
      new Pair().dump(label, { write: (part) => (text += part) }, { extended: false });
      return text;
    };
    const rule = '-'.repeat(65);
    const struct = (label: string): string =>
      `[${label} Metrics] Snapshot:\n${rule}\n Get next segment: samples=0\n${rule}\n`;
    const plain = struct('Segment Preparer');
    assert.equal(dumped(), `${rule}\nWAL Pair Metrics:\n${rule}\n${plain}${plain}`);
    const labelled = struct('Orders Segment Preparer');
    const title = `${rule}\n[Orders] WAL Pair Metrics:\n${rule}\n`;
    assert.equal(dumped('Orders'), `${title}${labelled}${labelled}`);
  });

  it('collect names each struct in the names, and has one pair of faulty times for all', () => {
    const collector = new FakeCollector();
    const pair = new Pair();
    const clock = new FakeClock();
    for (const struct of [pair.left, pair.right]) {
      const updater = new SegmentPreparerUpdater(struct, clock);
      updater.onGetNextSegment(Number.NaN);
      updater.onGetNextSegment(clock.nowNs() + 1);
    }
    pair.collect('p', collector);
    const { lines, names } = collector;
    const wanted = 'p_segment_preparer_get_next_segment_seconds';
    assert.equal(names.filter((name) => name === wanted).length, 2);
    const others = lines.filter(({ name }) => !name.startsWith('p_segment_preparer_'));
    assert.deepEqual(
      others.map(({ name, value }) => [name, value]),
      [
        ['p_clock_steps_total', 2],
        ['p_dropped_samples_total', 2],
      ],
    );
    assert.ok(lines.every(({ labels }) => labels === ''));
  });

  it('collect adds the labels system and subsystem where the reference’s names are asked for', () => {
    const collector = new FakeCollector({ referenceNames: true });
    new Pair().collect('p', collector);
    const { lines, names } = collector;
    const wanted = 'p_segment_preparer_get_next_segment_ns';
    assert.equal(names.filter((name) => name === wanted).length, 2);
    for (const { name, labels } of lines) {
      const ofStruct = name.startsWith('p_segment_preparer_');
      const expected = ofStruct ? ',subsystem=wal_prepare_worker' : '';
      assert.equal(labels, `system=wal_pair${expected}`, name);
    }
    assert.deepEqual(collector.labels, []);
  });

  it('collect leaves no label behind when the collector throws', () => {
    const collector = new FakeCollector({ referenceNames: true });
    collector.failure = new Error('this collector fails');
    assert.throws(() => new Pair().collect('p', collector), collector.failure);
    assert.deepEqual(collector.labels, []);
  });

  it('toJSON has the readings by struct and name', () => {
    const pair = new Pair();
    record(pair.right, 5);
    const { left, right } = JSON.parse(JSON.stringify(pair));
    assert.equal(left.getNextSegment.samples, 0);
    assert.equal(right.getNextSegment.totalNs, 5);
  });

  it('has no second copy', () => {
    assert.throws(() => structuredClone(new Pair()), { name: 'DataCloneError' });
  });

  it('keeps its last values once closed', () => {
    const pair = new Pair();
    record(pair.left, 7);
    closeAggregate(pair);
    record(pair.left, 7);
    assert.equal(pair.left.getNextSegment.totalNs, 7);
  });
});
