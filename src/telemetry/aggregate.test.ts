import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../clock/fake-clock.js';
import { FakeCollector } from '../metrics/fake-collector.js';
import { aggregateOf, closeAggregate } from './aggregate.js';
import { SegmentPreparer, SegmentPreparerUpdater } from './recorder/worker/segment-preparer.js';

class Pair extends aggregateOf('wal_pair', { left: SegmentPreparer, right: SegmentPreparer }) {}
class Other extends aggregateOf('wal_other', { left: SegmentPreparer, right: SegmentPreparer }) {}

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

  it('dump prints each struct under its own title, a label in front of it', () => {
    const titles = (label?: string): string[] => {
      let text = '';
      new Pair().dump(label, { write: (part: string) => (text += part) });
      return text.split('\n').filter((line) => line.startsWith('['));
    };
    const title = '[Segment Preparer Metrics] Snapshot:';
    assert.deepEqual(titles(), [title, title]);
    const labelled = '[Orders Segment Preparer Metrics] Snapshot:';
    assert.deepEqual(titles('Orders'), [labelled, labelled]);
  });

  it('collect names system and subsystem as labels, and each struct in the names', () => {
    const collector = new FakeCollector();
    new Pair().collect('p', collector);
    const { lines, names } = collector;
    const wanted = 'p_segment_preparer_get_next_segment_ns';
    assert.equal(names.filter((name) => name === wanted).length, 2);
    assert.ok(names.every((name) => name.startsWith('p_segment_preparer_')));
    const labels = 'system=wal_pair,subsystem=wal_prepare_worker';
    assert.ok(lines.every((line) => line.labels === labels));
    assert.deepEqual(collector.labels, []);
  });

  it('collect leaves no label behind when the collector throws', () => {
    const collector = new FakeCollector();
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
