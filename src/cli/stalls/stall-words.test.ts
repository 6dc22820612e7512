import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { STALL_CAUSES, type Stall, type StallCause } from '../../telemetry.js';
import { renderStalls } from '../commands/stalls.js';
import { causesOf, namedCause, REMEDIES, whereItWent } from './stall-words.js';

function stallOf(sharesMs: Partial<Record<StallCause, number>>, more: Partial<Stall> = {}): Stall {
  const shares = Object.entries(sharesMs);
  const [most] = [...shares].sort(([, a], [, b]) => b - a);
  const durationMs = shares.reduce((sum, [, ms]) => sum + ms, 0);
  return {
    startMs: Date.UTC(2026, 10, 30, 2, 14, 7, 412),
    durationMs,
    end: 'over',
    waits: { durable: { count: 1, longestUs: durationMs * 1000 } },
    cause: (most?.[0] ?? 'unknown') as StallCause,
    sharesUs: Object.fromEntries(shares.map(([cause, ms]) => [cause, ms * 1000])),
    events: 12,
    writes: 1,
    syncs: 1,
    waitingBytesMax: 2000,
    ringBytes: 65_536,
    intervals: [],
    ...more,
  };
}

describe('a stall in words', () => {
  test('one cause is named where it has half of it', () => {
    assert.equal(namedCause(stallOf({ sync: 203, scheduler: 9 })), 'sync');
    assert.equal(namedCause(stallOf({ sync: 100, scheduler: 100 })), 'sync');
    assert.equal(namedCause(stallOf({})), 'unknown');
  });

  test('of several none of which has half, all that have a tenth are named', () => {
    const stall = stallOf({ scheduler: 30, sync: 45, application: 20, write: 5 });
    assert.equal(namedCause(stall), 'several: sync, scheduler, application');
    assert.deepEqual(causesOf(stall), ['sync', 'scheduler', 'application']);
    const [, row, , , ...remedies] = renderStalls([stall]);
    assert.match(row ?? '', / several: sync, scheduler, application /);
    assert.deepEqual(
      remedies.slice(1).map((line) => line.split(':')[0]),
      ['sync', 'scheduler', 'application'],
      'what is to be done about each',
    );
  });

  test('what it went to, the most first, without what is next to nothing', () => {
    const text = whereItWent(stallOf({ scheduler: 9, sync: 203, write: 1 }));
    assert.equal(text, 'sync 203 ms (95 %), scheduler 9.00 ms (4 %)');
    assert.equal(whereItWent(stallOf({})), 'too short to tell');
  });

  test('a table, the last one in full, and what is to be done', () => {
    const lasting = stallOf({ preparer: 700 }, { end: 'lasts', waits: {} });
    const killed = stallOf({ write: 300 }, { end: 'killed' });
    const text = renderStalls([stallOf({ sync: 212 }), lasting, killed]);
    const began = '2026-11-30 02:14:07.412';
    assert.deepEqual(
      text.slice(0, 5).map((line) => line.replaceAll(/ {2,}/g, '  ')),
      [
        'began  took  waited  cause  went to',
        `${began}  212 ms  durable  sync  sync 212 ms (100 %)`,
        `${began}  700 ms, and lasts  -  preparer  preparer 700 ms (100 %)`,
        `${began}  300 ms, until it was killed  durable  write  write 300 ms (100 %)`,
        '',
      ],
    );
    const around = 'around it 12 events, 1 write, 1 sync, at most 2.00 kB of 65.5 kB in the ring';
    assert.equal(text[5], `the last: 1 durable() group waited; ${around}`);
    assert.deepEqual(renderStalls([]).length, 1);
  });

  test('each cause has a remedy, which is a sentence without its full stop', () => {
    for (const cause of STALL_CAUSES) assert.match(REMEDIES[cause], /^[A-Z].*[^.]$/);
  });
});
