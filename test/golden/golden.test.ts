import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeBlockHeader, verifyBlockPayload } from '../../src/segment/block-header.js';
import { decodeConsumer } from '../../src/segment/consumer-record.js';
import { isDefect } from '../../src/segment/defect.js';
import { decodeFrame, walkFrames } from '../../src/segment/frame.js';
import { decodeSeal } from '../../src/segment/seal.js';
import { decodeSegmentHeader } from '../../src/segment/segment-header.js';
import { decodeMeta } from '../../src/segment/wal-meta.js';
import { committedBytes, committedDump, committedPaths, expectedFiles } from './golden-files.js';
import {
  SAMPLE_CONSUMER,
  SAMPLE_META,
  SAMPLE_SEAL,
  SAMPLE_SEGMENT_HEADER,
  SAMPLE_TRIMMED,
} from './golden-structures.js';
import { decodeDump, encodeDump } from './hex-dump.js';

const sample = (name: string): Uint8Array => committedBytes(`structures/${name}.hex`);

describe('golden files', () => {
  const expected = expectedFiles();

  test('are exactly those that the generator makes', () => {
    assert.deepEqual(committedPaths().sort(), [...expected.keys()].sort());
  });

  for (const [path, bytes] of expected) {
    test(`${path} holds the bytes that the code writes today`, () => {
      // Compared as dumps: where they differ, the message shows the lines.
      assert.equal(committedDump(path), encodeDump(bytes));
    });
  }

  test('a dump gives back its bytes, and refuses what is none', () => {
    for (const length of [0, 1, 31, 32, 33, 200]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index > 60 ? index : 0));
      assert.deepEqual(decodeDump(encodeDump(bytes)), bytes);
    }
    assert.equal(decodeDump(encodeDump(undefined)), undefined);
    for (const text of ['', 'bytes', 'bytes 4\n0000 00', 'bytes 4\n00000000 0']) {
      assert.throws(() => decodeDump(text), SyntaxError);
    }
  });
});

describe('committed structures', () => {
  test('segment header', () => {
    const page = new Uint8Array(4096);
    page.set(sample('segment-header'));
    const header = decodeSegmentHeader(page);
    assert.ok(!isDefect(header));
    const { headerChecksum: _, ...fields } = header;
    assert.deepEqual(fields, SAMPLE_SEGMENT_HEADER);
  });

  for (const name of ['block-events', 'block-watermark', 'block-seal']) {
    test(name, () => {
      const bytes = sample(name);
      const { salt } = SAMPLE_SEGMENT_HEADER;
      const header = decodeBlockHeader(bytes, 0, salt, 4096);
      assert.ok(!isDefect(header));
      assert.equal(header.firstEventId, 2 ** 40 + 1);
      assert.equal(header.durableEventId, 2 ** 40);
      assert.equal(verifyBlockPayload(header, bytes.subarray(64), salt), undefined);
    });
  }

  test('frames', () => {
    const bytes = sample('frames');
    assert.equal(walkFrames(bytes, 0, bytes.length, 2 ** 40 + 1, 2), undefined);
    const { timestampNs: _, ...first } = decodeFrame(bytes, 0);
    const place = { payloadOffset: 24, payloadBytes: 3 };
    assert.deepEqual(first, { kind: 2, type: 0x0102, eventId: 2 ** 40 + 1, ...place });
  });

  test('seal', () => assert.deepEqual(decodeSeal(sample('seal')), SAMPLE_SEAL));

  test('consumer', () => {
    const record = decodeConsumer(sample('consumer'));
    assert.ok(!isDefect(record));
    assert.deepEqual(record.header, SAMPLE_CONSUMER.header);
    assert.deepEqual(record.durable, { ...SAMPLE_CONSUMER.slot, sequence: 2 });
  });

  test('wal.meta', () => {
    assert.deepEqual(decodeMeta(sample('wal-meta')), SAMPLE_META);
    assert.deepEqual(decodeMeta(sample('wal-meta-trimmed')), SAMPLE_TRIMMED);
  });
});
