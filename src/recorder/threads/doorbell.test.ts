import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Doorbell } from './doorbell.js';

describe('what a host must not be disturbed in', () => {
  test('is waited for by the end of the process, within bounds', () => {
    const bell = new Doorbell();
    assert.equal(
      bell.undisturbed(() => bell.endUndisturbed(1)),
      false,
    );
    assert.equal(bell.endUndisturbed(1), true);
  });

  test('is over when it throws', () => {
    const bell = new Doorbell();
    const fail = (): never => {
      throw new RangeError('the call failed');
    };
    assert.throws(() => bell.undisturbed(fail), RangeError);
    assert.equal(bell.endUndisturbed(1), true);
  });

  test('does not begin once the process ends: the host waits for its own end', (t) => {
    const bell = new Doorbell();
    assert.equal(bell.endUndisturbed(1), true);
    t.mock.method(Atomics, 'wait', () => {
      throw new Error('waits');
    });
    assert.throws(() => bell.undisturbed(() => assert.fail('it has begun')), /waits/);
  });
});

test('a letter is announced by a ring, and a request to stop as well', () => {
  const bell = new Doorbell();
  const seenByHost = new Doorbell(bell.buffer);
  bell.announceLetter();
  assert.deepEqual([seenByHost.rings, seenByHost.letters, seenByHost.stopRequested], [1, 1, false]);
  bell.requestStop();
  assert.deepEqual([seenByHost.rings, seenByHost.letters, seenByHost.stopRequested], [2, 1, true]);
});

test('a host tells at which of its logs it is, and since when', () => {
  const bell = new Doorbell();
  const seen = new Doorbell(bell.buffer);
  assert.equal(seen.served, undefined);
  bell.arriveAt(3, -17);
  assert.deepEqual(seen.served, { ticket: 3, sinceMs: -17 });
  bell.leave();
  assert.equal(seen.served, undefined);
});
