import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Paced } from './paced.js';

it('reads again when it is time, and less often where reading takes long', () => {
  const quick = new Paced<number>(100);
  let reads = 0;
  const read = (): number => ++reads;
  assert.equal(quick.get(0, read), 1);
  assert.equal(quick.get(99, read), 1);
  // However slow this machine is, it takes less than a minute.
  assert.equal(quick.get(60 * 60_000, read), 2);
  const slow = new Paced<number>(0);
  const takeTime = (): number => {
    const endMs = performance.now() + 10;
    while (performance.now() < endMs);
    return ++reads;
  };
  assert.equal(slow.get(0, takeTime), 3);
  assert.equal(slow.get(400, takeTime), 3, '10 ms are 2 % of 500 ms');
  assert.ok(!slow.isDue(400));
});
