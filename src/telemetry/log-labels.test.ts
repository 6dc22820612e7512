import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Collector } from '../metrics/collector.js';
import { FakeCollector } from '../metrics/fake-collector.js';
import { collectAs } from './log-labels.js';

const NAME = { directory: '/var/lib/orders/', logId: 0xabcn };

function labelsWith(prepare: (collector: FakeCollector) => void): readonly string[] {
  const collector = new FakeCollector();
  prepare(collector);
  let labels: readonly string[] = [];
  collectAs(NAME, collector, () => {
    labels = [...collector.labels];
  });
  return labels;
}

describe('the labels of a log', () => {
  it('are the name of its folder and its id, gone again behind its metrics', () => {
    const collector = new FakeCollector();
    assert.deepEqual(
      labelsWith(() => {}),
      ['log=orders', 'log_id=0000000000000abc'],
    );
    collectAs(NAME, collector, () => {});
    assert.deepEqual(collector.labels, []);
  });

  it('are those of the caller where it has pushed its own', () => {
    const labels = labelsWith((collector) => collector.pushLabel('log', 'mine'));
    assert.deepEqual(labels, ['log=mine', 'log_id=0000000000000abc']);
  });

  it('go to a collector that cannot tell which labels apply', () => {
    const collector = new FakeCollector();
    const plain: Collector = Object.assign(Object.create(collector), { hasLabel: undefined });
    collectAs(NAME, plain, () => assert.equal(collector.labels.length, 2));
  });

  it('do not stay when collecting fails', () => {
    const collector = new FakeCollector();
    const fails = (): void => {
      throw new Error('no');
    };
    assert.throws(() => collectAs(NAME, collector, fails), /no/);
    assert.deepEqual(collector.labels, []);
  });
});
