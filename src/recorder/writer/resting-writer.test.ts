import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Bench } from '../../../test/support/writer-bench.js';
import { LogState } from '../../ring/ring-control.js';
import { NS_PER_MS } from '../../units.js';
import { Trouble } from '../threads/signals.js';

const LOOK_NS = 20 * NS_PER_MS;

/** A log of which all is durable, told, and older than a second. */
function atRest(options: ConstructorParameters<typeof Bench>[0] = { mode: 'interval' }): Bench {
  const bench = new Bench(options);
  bench.append();
  bench.signals.requestDurable(1);
  bench.rest();
  bench.clock.advanceNs(2000 * NS_PER_MS);
  for (let step = 0; step < 3; step++) bench.writer.step();
  return bench;
}

/** A look of the host. */
const isLeftAlone = ({ writer, clock }: Bench): boolean =>
  writer.rest?.lasts(clock.nowNs()) === true;

describe('a writer of a log at rest', () => {
  test('asks for no step until two seconds have passed', () => {
    const bench = atRest();
    let looks = 0;
    for (; isLeftAlone(bench); looks++) bench.clock.advanceNs(LOOK_NS);
    assert.equal(looks, 100);
    bench.writer.step();
    assert.ok(isLeftAlone(bench));
  });

  test('takes a step when an event has come', () => {
    const bench = atRest();
    assert.ok(isLeftAlone(bench));
    bench.append();
    assert.equal(isLeftAlone(bench), false);
    bench.writer.step();
    assert.equal(bench.written, 2);
    assert.equal(bench.writer.rest, undefined, 'it is in use');
  });

  test('does not rest while anything is left to do, or before a second has passed', () => {
    const bench = new Bench({ mode: 'interval' });
    bench.append();
    bench.writer.step();
    assert.equal(bench.writer.rest, undefined);
    bench.signals.requestDurable(1);
    bench.rest();
    assert.equal(bench.writer.rest, undefined);
  });

  test('counts the age of an event that it finds from the last look', () => {
    const bench = atRest();
    for (let at = 0; at < 5; at++) {
      assert.ok(isLeftAlone(bench));
      bench.clock.advanceNs(LOOK_NS);
    }
    bench.append();
    // More than the interval of 10 ms has passed since the last look: it is synced at once.
    while (bench.durable < 2) assert.equal(bench.writer.step(), 0);
    assert.equal(bench.durable, 2);

    const soon = atRest();
    for (let at = 0; at < 5; at++) {
      soon.clock.advanceNs(LOOK_NS);
      assert.ok(isLeftAlone(soon));
    }
    soon.clock.advanceNs(5 * NS_PER_MS);
    soon.append();
    soon.settle();
    assert.deepEqual([soon.written, soon.durable], [2, 1], 'it may wait for 5 ms more');
  });

  test('learns of a trouble of others, and does not rest while it lasts', () => {
    const bench = atRest();
    const wakes = bench.signals.wakeCount('writer');
    bench.signals.tellTrouble('metaTrouble', Trouble.noSpace);
    bench.signals.tellTrouble('metaTrouble', Trouble.noSpace);
    assert.equal(bench.signals.wakeCount('writer'), wakes + 1);
    bench.writer.step();
    assert.deepEqual([bench.state, bench.writer.rest], [LogState.noSpace, undefined]);
    bench.signals.tellTrouble('metaTrouble', Trouble.none);
    bench.writer.step();
    assert.equal(bench.state, LogState.open);
    assert.notEqual(bench.writer.rest, undefined);
  });

  test('does not rest where the application takes its time from its looks', () => {
    assert.equal(atRest({ mode: 'interval', keepsTime: true }).writer.rest, undefined);
  });
});
