// The guarantees of the reference (`sizeof % 64 == 0`, `alignof == 64`, `offsetof % 64 == 0`) as
// messages of the compiler, and what else it says of metrics: asserted word for word, because that
// is what someone sees who breaks them. Types are erased, so the same holds when a module loads.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BinaryType, block, layout, u64 } from '../../src/memory/layout.js';
import { counter, defineMetrics, type MetricText } from '../../src/metrics/catalogue.js';
import { Duration64 } from '../../src/metrics/duration64.js';
import {
  SegmentPreparer,
  SegmentPreparerUpdater,
} from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { describeMessages, type MessageCase } from './diagnostics.js';

const TEXT: MetricText = { help: 'Calls', writer: 'any', covers: 'each call' };

const misfit = (given: string, expected: string): string =>
  `${given}: Argument of type '${given}' is not assignable to parameter of type '${expected}'.`;

const CASES: Readonly<Record<string, MessageCase>> = {
  'a sound struct compiles': {
    code: `const Sound = layout('Sound').field(0, 'getNextSegment', Duration64)
        .field(64, 'spare0', pad(64)).end(128, 64);
      defineMetrics(Sound, 'test', { getNextSegment: duration(text) });`,
    says: [],
  },
  'sizeof % 64: a size that is not a multiple of 64': {
    code:
      `layout('Odd').field(0, 'getNextSegment', Duration64).field(64, 'calls', u64).end(72, ` +
      '64);',
    says: [misfit('72', '"size 72 is not a multiple of 64"')],
  },
  'offsetof % 64: getNextSegment off a cache line': {
    code: `layout('Shifted').field(0, 'calls', u64).field(8, 'getNextSegment', Duration64);`,
    says: [misfit('8', '"offset 8 is not a multiple of 64"')],
  },
  'alignof == 64: an alignment that is less': {
    code: `const Loose = layout('Loose').field(0, 'calls', pad(64)).end(64, 8);
      defineMetrics(Loose, 'test', { calls: counter(text) });`,
    says: ['"the alignment of a metrics struct must be 64, not 8"'],
  },
  'alignof == 64: an alignment that is more': {
    code: `const Wide = layout('Wide').field(0, 'calls', Counter64)
        .field(64, 'spare0', pad(64)).end(128, 128);
      defineMetrics(Wide, 'test', { calls: counter(text) });`,
    says: ['"the alignment of a metrics struct must be 64, not 128"'],
  },
  'a line that is less aligned than its fields': {
    code: `layout('Loose').field(0, 'getNextSegment', Duration64).end(64, 8);`,
    says: [misfit('64', `"alignment 8 is less than a field's 64"`)],
  },
  'a field that is not described': {
    code: `defineMetrics(Two, 'test', { wait: duration(text) });`,
    says: [
      `Property 'calls' is missing in type '{ wait: MetricDescription<"duration64">; }' but ` +
        'required',
    ],
  },
  'a description without a field': {
    code:
      `defineMetrics(Two, 'test', { wait: duration(text), calls: counter(text), stalls: ` +
      'counter(text) });',
    says: [`stalls: Type 'MetricDescription<"counter64">' is not assignable to type 'never'.`],
  },
  'padding that is described': {
    code:
      `defineMetrics(Two, 'test', { wait: duration(text), calls: counter(text), spare0: ` +
      'counter(text) });',
    says: [`spare0: Type 'MetricDescription<"counter64">' is not assignable to type 'never'.`],
  },
  'a look-alike is no SegmentPreparer': {
    code: `declare const real: SegmentPreparer;
      const { getNextSegment, getNextSegmentReady, dump, collect, copyTo } = real;
      const alike = { ...real, getNextSegment, getNextSegmentReady, dump, collect, copyTo };
      new SegmentPreparerUpdater(alike);
      real.copyTo(alike);`,
    says: [
      `is missing the following properties from type 'SegmentPreparer': #definition, #memory`,
      `is missing the following properties from type 'SegmentPreparer': #definition, #memory`,
    ],
  },
  'another struct is no SegmentPreparer': {
    code: `const OTHER = { wait: duration(text), calls: counter(text) };
      class Other extends structOf(defineMetrics(Two, 'test', OTHER)) {}
      new SegmentPreparerUpdater(new Other());
      new SegmentPreparer().copyTo(new Other());`,
    says: [
      `new Other(): Argument of type 'Other' is not assignable to parameter of type ` +
        `'SegmentPreparer'.`,
      `new Other(): Argument of type 'Other' is not assignable to parameter of type ` +
        `'SegmentPreparer'.`,
    ],
  },
  'readings are readonly': {
    code: `const metrics = new SegmentPreparer();
      metrics.getNextSegmentReady = 5;
      metrics.getNextSegment.samples = 5;
      metrics.getNextSegmentHistogram.count = 5;
      SegmentPreparer.layout.offset.getNextSegment = 64;`,
    says: [
      `Cannot assign to 'getNextSegmentReady' because it is a read-only property.`,
      `Cannot assign to 'samples' because it is a read-only property.`,
      `Cannot assign to 'count' because it is a read-only property.`,
      `Cannot assign to 'getNextSegment' because it is a read-only property.`,
    ],
  },
  'a journal is no reading': {
    code: `new SegmentPreparer().getNextSegmentJournal;`,
    says: [`Property 'getNextSegmentJournal' does not exist on type 'SegmentPreparer'.`],
  },
  'an outcome is one of three': {
    code: `declare const updater: SegmentPreparerUpdater;
      updater.onGetNextSegment(5, 'late');`,
    says: [
      `Argument of type '"late"' is not assignable to parameter of type 'GetNextSegmentOutcome | ` +
        `undefined'.`,
    ],
  },
};

const PRELUDE = `import { layout, pad, u64 } from './memory/layout.js';
import { counter, defineMetrics, duration, type MetricText } from './metrics/catalogue.js';
import { Counter64 } from './metrics/counter64.js';
import { Duration64 } from './metrics/duration64.js';
import { structOf } from './metrics/metrics-struct.js';
import { SegmentPreparer, SegmentPreparerUpdater } from './telemetry/recorder/worker/segment-preparer-metrics.js';
declare const text: MetricText;
const Two = layout('Two').field(0, 'wait', Duration64).field(64, 'calls', Counter64)
  .field(128, 'spare0', pad(64)).end(192, 64);
`;

describeMessages('the compiler on metrics:', PRELUDE, CASES);

/** A module that only a cast has got past the compiler. */
const unchecked = layout as unknown as (name: string) => {
  field(offset: number, name: string, type: BinaryType): ReturnType<typeof unchecked>;
  end(size: number, align: number): typeof Loose;
};
const Loose = layout('Loose').field(0, 'calls', block(64, 8)).end(64, 8);

describe('the same when a module loads:', () => {
  const lines = () => unchecked('Lines').field(0, 'getNextSegment', Duration64);

  test('sizeof % 64', () => {
    const odd = () => lines().field(64, 'calls', u64).end(72, 64);
    assert.throws(odd, new RangeError('Lines: size, 72, is not a multiple of 64'));
  });

  test('offsetof % 64', () => {
    const calls = unchecked('Lines').field(0, 'calls', u64);
    const shifted = () => calls.field(8, 'getNextSegment', Duration64);
    const says = 'Lines: offset of getNextSegment, 8, is not a multiple of 64';
    assert.throws(shifted, new RangeError(says));
  });

  test('alignof == 64', () => {
    // @ts-expect-error: the alignment of a metrics struct must be 64, not 8
    const loose = () => defineMetrics(Loose, 'test', { calls: counter(TEXT) });
    assert.throws(loose, /Loose: its alignment is 8, not 64/);
    const less = () => lines().end(64, 8);
    assert.throws(less, new RangeError("Lines: alignment 8 is less than a field's 64"));
  });
});

test('what only looks like a SegmentPreparer is refused by the compiler, and when it runs', () => {
  const real = new SegmentPreparer();
  const { getNextSegment, getNextSegmentReady, dump, collect, copyTo } = real;
  const alike = { ...real, getNextSegment, getNextSegmentReady, dump, collect, copyTo };
  // @ts-expect-error: missing the following properties from type 'SegmentPreparer': #definition
  const record = () => new SegmentPreparerUpdater(alike);
  assert.throws(record, { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' });
  // @ts-expect-error: missing the following properties from type 'SegmentPreparer': #definition
  const copy = () => real.copyTo(alike);
  assert.throws(copy, { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' });
});
