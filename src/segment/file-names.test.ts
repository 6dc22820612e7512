import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import {
  classifyName,
  consumerFileName,
  consumerTemporaryName,
  parseConsumerFileName,
  parsePreparedFileName,
  parseSegmentFileName,
  preparedFileName,
  segmentFileName,
} from './file-names.js';

const U32_MAX = 2 ** 32 - 1;

describe('file names', () => {
  test('segments: ten digits, sorted by name as by index', () => {
    assert.equal(segmentFileName(42), '0000000042.wal');
    assert.equal(segmentFileName(U32_MAX), '4294967295.wal');
    const someIndex = fc.integer({ min: 1, max: U32_MAX });
    fc.assert(
      fc.property(someIndex, someIndex, (a, b) => {
        assert.equal(parseSegmentFileName(segmentFileName(a)), a);
        assert.equal(segmentFileName(a) < segmentFileName(b), a < b);
      }),
    );
  });

  test('prepared files: a plain ticket', () => {
    assert.equal(preparedFileName(0), 'prepared-0.tmp');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: U32_MAX }), (ticket) => {
        assert.equal(parsePreparedFileName(preparedFileName(ticket)), ticket);
      }),
    );
  });

  test('consumers: a name of their own, with an ending', () => {
    assert.equal(consumerFileName('billing'), 'billing.consumer');
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/), (name) => {
        assert.equal(parseConsumerFileName(consumerFileName(name)), name);
        assert.equal(classifyName(consumerTemporaryName(name)), 'consumer-temporary');
      }),
    );
  });

  test('each name of ours has its kind', () => {
    const kinds = Object.entries({
      '0000000001.wal': 'segment',
      '0000000001.wal.lz4': 'compressed',
      '0000000001.wal.lz4.tmp': 'compressing',
      'prepared-7.tmp': 'prepared',
      'wal.meta': 'meta',
      'wal.meta.tmp': 'meta-temporary',
      LOCK: 'lock',
      'salvage.json': 'salvage',
      'billing.consumer': 'consumer',
      'wal.meta.consumer': 'consumer',
      '-.consumer.tmp': 'consumer-temporary',
      'replica-orders.stream': 'stream',
    });
    for (const [name, kind] of kinds) assert.equal(classifyName(name), kind);
  });

  const strangers = [
    '',
    'orders.stream',
    'replica-.stream',
    'replica-a b.stream',
    '1.wal',
    '0000000000.wal',
    '0000000000.wal.lz4',
    '4294967296.wal',
    '4294967296.wal.lz4',
    '00000000001.wal',
    '0000000001.WAL',
    '0000000001.wal ',
    '0000000001.wal\n',
    '0000000000.wal.lz4.tmp',
    '0000000001.wal.lz4.tmp.tmp',
    '0000000001.wal.tmp',
    '000000001a.wal',
    '٠٠٠٠٠٠٠٠٠١.wal',
    'prepared-.tmp',
    'prepared-01.tmp',
    'prepared--1.tmp',
    'prepared-4294967296.tmp',
    'prepared-1.tmp.bak',
    'lock',
    'wal.meta.bak',
    '../wal.meta',
    '.consumer',
    '.hidden.consumer',
    '.consumer.tmp',
    'a b.consumer',
    'é.consumer',
    `${'n'.repeat(65)}.consumer`,
    'billing.consumer.tmp.bak',
  ];
  for (const name of strangers) {
    test(`${JSON.stringify(name)} is none of ours`, () => {
      assert.equal(classifyName(name), 'unknown');
      assert.equal(parseSegmentFileName(name), undefined);
      assert.equal(parsePreparedFileName(name), undefined);
      assert.equal(parseConsumerFileName(name), undefined);
    });
  }

  test('a name is only made for an index that exists', () => {
    for (const index of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
      assert.throws(() => segmentFileName(index), { code: 'ERR_ASSERTION' });
    }
    for (const make of [consumerFileName, consumerTemporaryName]) {
      assert.throws(() => make('../a'), { code: 'ERR_ASSERTION' });
    }
    assert.throws(() => preparedFileName(-1), { code: 'ERR_ASSERTION' });
  });
});
