// What all updaters promise: a call never throws, whatever it is given, and changes nothing but its
// own struct; one that has no struct of its kind to record into is not made.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cannotStop, storesOf } from '../../test/support/stopping-words.js';
import { FakeClock } from '../clock/fake-clock.js';
import { wordOf } from '../memory/layout.js';
import type { DurationReading } from '../metrics/duration64.js';
import { MetricMemory } from '../metrics/metric-memory.js';
import type { MetricsStruct } from '../metrics/metrics-struct.js';
import { BEGUN } from '../metrics/sequence.js';
import * as recorder from './recorder/index.js';
import * as recovery from './recovery/index.js';

type AnyUpdater = Readonly<Record<string, (...values: unknown[]) => unknown>>;
type UpdaterClass = new (metrics: unknown, clock?: unknown) => AnyUpdater;

/** Every updater by the name of its struct's class. */
const UPDATERS: readonly (readonly [UpdaterClass, new () => MetricsStruct])[] = (
  [
    [recorder.MetaStoreUpdater, recorder.MetaStore],
    [recorder.SegmentWriterUpdater, recorder.SegmentWriter],
    [recorder.SegmentPreparerUpdater, recorder.SegmentPreparer],
    [recorder.SegmentPreparationUpdater, recorder.SegmentPreparer],
    [recorder.SegmentMaintainerUpdater, recorder.SegmentMaintainer],
    [recorder.ManagerUpdater, recorder.Manager],
    [recovery.SegmentReaderUpdater, recovery.SegmentReader],
    [recovery.SegmentPreloaderUpdater, recovery.SegmentPreloader],
    [recovery.ManagerUpdater, recovery.Manager],
  ] as const
).map(([Updater, Struct]) => [Updater as unknown as UpdaterClass, Struct]);

const hostile = {
  valueOf() {
    throw new Error('asked');
  },
};
const VALUES: readonly unknown[] = [
  ...[undefined, null, '5', 5n, {}, [5], true, Symbol('5'), hostile, () => 5],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0.5, Number.MAX_VALUE],
];

/** All calls that record; that of the append path takes an array, and only the log makes it. */
const callsOf = (Updater: UpdaterClass): string[] =>
  Object.getOwnPropertyNames(Updater.prototype).filter(
    (name) => /^(on|set)/.test(name) && name !== 'onAppendEventSince',
  );

const clocks: Readonly<Record<string, unknown>> = {
  'tells a BigInt': { nowNs: () => 5n },
  'tells text': { nowNs: () => '5' },
  'tells nothing': { nowNs: () => undefined },
  'tells no number': { nowNs: () => Number.NaN },
  throws: {
    nowNs() {
      throw new Error('no time');
    },
  },
};

describe('an updater', () => {
  it('never throws, whatever any of its calls is given', () => {
    for (const [Updater, Struct] of UPDATERS) {
      const updater = new Updater(new Struct(), new FakeClock());
      const names = callsOf(Updater);
      assert.ok(names.length >= 2, Updater.name);
      for (const name of names) {
        for (const value of VALUES) {
          const call = `${Updater.name}.${name}(${typeof value})`;
          const values = [value, 1, 1];
          for (const given of [values, values.toReversed(), [1, value, 1], []]) {
            assert.doesNotThrow(() => updater[name]?.(...given), call);
          }
        }
      }
    }
  });

  it('never throws whatever its clock does: the call is dropped, and counted', () => {
    for (const [what, clock] of Object.entries(clocks)) {
      for (const [Updater, Struct] of UPDATERS) {
        const struct = new Struct();
        const updater = new Updater(struct, clock);
        for (const name of callsOf(Updater)) {
          assert.doesNotThrow(() => updater[name]?.(1, true, 1), `${what}: ${name}`);
        }
      }
      const metrics = new recorder.SegmentPreparer();
      const updater = new recorder.SegmentPreparerUpdater(metrics, clock as FakeClock);
      updater.onGetNextSegment(1);
      const { samples, dropped }: DurationReading = metrics.getNextSegment;
      assert.deepEqual([samples, dropped], [0, 1], what);
    }
  });

  it('is not made for another struct, a look-alike or nothing, or with what is no clock', () => {
    const refused = { name: 'WalError', code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' };
    for (const [Updater, Struct] of UPDATERS) {
      const [, Other = Struct] = UPDATERS.find(([, each]) => each !== Struct) ?? [];
      const wrong = [undefined, null, {}, new Other(), { ...new Struct() }];
      for (const metrics of wrong) {
        assert.throws(() => new Updater(metrics), refused, Updater.name);
      }
      for (const clock of [null, {}, 5, () => 5]) {
        assert.throws(() => new Updater(new Struct(), clock), refused, Updater.name);
      }
    }
  });

  it('counts a failure of a kind that is not known among the other defects', () => {
    const writer = new recorder.SegmentWriter();
    // @ts-expect-error: a caller without types
    new recorder.SegmentWriterUpdater(writer).onIntegrityFailure('unheard of');
    assert.equal(writer.totalValidationFailures, 1);
    const reader = new recovery.SegmentReader();
    // @ts-expect-error: a caller without types
    new recovery.SegmentReaderUpdater(reader).onIntegrityFailure(undefined);
    assert.equal(reader.totalValidationFailures, 1);
  });
});

describe('what the application thread records in append', () => {
  const { layout } = recorder.Manager;
  const first = wordOf(layout.offset.ringStall);
  const end = wordOf(layout.offset.ringStallRecentMax);

  it('is put in place at once: the engine may cut the call short anywhere', {
    skip: cannotStop,
  }, () => {
    const words = new Uint32Array(wordOf(layout.size));
    const stores = storesOf(words, (watched) => {
      const metrics = new recorder.Manager(MetricMemory.inRegion(watched, 0));
      new recorder.ManagerUpdater(metrics, new FakeClock(1000)).onRingStall(5);
    });
    const inGroup = stores.map(({ at }) => at).filter((at) => at >= first && at < end);
    // `begun`, all words by one `set`, `ended`.
    const all = Array.from({ length: end - first }, (_, word) => first + word);
    assert.deepEqual(inGroup, [first + BEGUN, ...all, first]);
  });
});
