import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LagHorizon } from './lag-horizon.js';

describe('a lag horizon', () => {
  it('is the last look, while the ring is empty', () => {
    const horizon = new LagHorizon(5, 0);
    horizon.onLook(9, 0, 0);
    horizon.onDurable();
    assert.equal(horizon.durableUntilNs, 9);
  });

  it('stays where it is while what a look has seen is not taken and durable', () => {
    const horizon = new LagHorizon(5, 0);
    horizon.onLook(10, 8, 0);
    horizon.onDurable();
    assert.equal(horizon.durableUntilNs, 5);
    horizon.onTaken(4);
    horizon.onLook(20, 16, 4);
    horizon.onTaken(8);
    assert.equal(horizon.durableUntilNs, 5, 'taken, and not durable');
    horizon.onDurable();
    assert.equal(horizon.durableUntilNs, 10, 'all that the first look saw');
  });

  it('never lies behind the oldest event that is not durable, nor a look further than needed', () => {
    const step = fc.record({
      appends: fc.integer({ min: 0, max: 3 }),
      takes: fc.integer({ min: 0, max: 4 }),
      syncs: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, start) => {
        const horizon = new LagHorizon(0, start | 0);
        /** When each event that is not taken, or taken and not durable, was appended. */
        const waiting: number[] = [];
        const taken: number[] = [];
        let nowNs = 0;
        let appended = start | 0;
        let position = start | 0;
        for (const { appends, takes, syncs } of steps) {
          for (let event = 0; event < appends; event++) {
            waiting.push(++nowNs);
            appended = (appended + 1) | 0;
          }
          horizon.onLook(++nowNs, appended, position);
          if (taken.length === 0) horizon.onDurable();
          const count = Math.min(takes, waiting.length);
          taken.push(...waiting.splice(0, count));
          position = (position + count) | 0;
          horizon.onTaken(position);
          if (syncs) {
            taken.length = 0;
            horizon.onDurable();
          }
          const oldest = taken[0] ?? waiting[0] ?? Number.POSITIVE_INFINITY;
          assert.ok(horizon.durableUntilNs < oldest, `${horizon.durableUntilNs} ${oldest}`);
        }
        horizon.onLook(++nowNs, appended, position);
        horizon.onTaken(appended);
        horizon.onLook(++nowNs, appended, appended);
        horizon.onDurable();
        assert.equal(horizon.durableUntilNs, nowNs);
      }),
    );
  });
});
