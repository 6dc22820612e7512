import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../../test/project-root.js';
import { encodeFrame } from '../../test/support/frames.js';
import { isDefect } from '../segment/defect.js';
import {
  decodeStreamBlock,
  encodeMark,
  encodeStreamBlock,
  MAX_RUN_BYTES,
  markOf,
  type StreamBlock,
  StreamBlockLayout,
  StreamKind,
  StreamMarkLayout,
} from './stream-block.js';

const LOG_ID = 0x0123_4567_89ab_cdefn;
const document = readFileSync(join(projectRoot(), 'docs', 'REPLICATION.md'), 'utf8');

/** Two events, the first of a batch: `ab` and nothing. */
function frames(): Uint8Array {
  const bytes = new Uint8Array(56);
  const ids = { eventId: 2 ** 40 + 1, timestampNs: 1_700_000_000_000_000_001n };
  const first = { ...ids, kind: 2, type: 0x0102, payload: Buffer.from('ab') };
  const at = encodeFrame(bytes, 0, first);
  encodeFrame(bytes, at, {
    ...ids,
    eventId: ids.eventId + 1,
    kind: 1,
    type: 3,
    payload: bytes.subarray(0, 0),
  });
  return bytes;
}

const EVENTS = {
  kind: StreamKind.events,
  logId: LOG_ID,
  epoch: 0x0a0b_0c0d,
  firstEventId: 2 ** 40 + 1,
  eventCount: 2,
  part: 0,
  parts: 0,
  payload: frames(),
  previousChecksum: 0x1122_3344_5566_7788n,
};
const run = { firstEventId: 2 ** 40 + 1, eventCount: 2, checksum: 0x99n };
const mark = { claimant: 0xfeed_0000_0000_0001n, timestampNs: 1_700_000_000_000_000_002n, run };
const CLAIM = {
  ...EVENTS,
  kind: StreamKind.claim,
  firstEventId: 2 ** 40 + 3,
  eventCount: 0,
  payload: encodeMark(mark),
};
const PART = {
  ...EVENTS,
  kind: StreamKind.part,
  part: 2,
  parts: 3,
  payload: frames().subarray(8, 24),
};

const decode = (bytes: Uint8Array): StreamBlock => {
  const block = decodeStreamBlock(bytes);
  assert.ok(!isDefect(block), 'message' in block ? block.message : '');
  return block;
};

test('a block is read as it was written', () => {
  for (const block of [EVENTS, CLAIM, PART, { ...CLAIM, kind: StreamKind.checkpoint }]) {
    const { payloadChecksum, checksum, payload, ...fields } = decode(encodeStreamBlock(block));
    const { payload: written, ...rest } = block;
    assert.deepEqual(fields, rest);
    assert.deepEqual(Buffer.from(payload), Buffer.from(written));
    assert.ok(payloadChecksum !== 0n && checksum !== 0n);
  }
  assert.deepEqual(markOf(decode(encodeStreamBlock(CLAIM))), mark);
});

test('docs/REPLICATION.md shows these very bytes, and the tables are the layouts', () => {
  const golden = [...document.matchAll(/^([a-z]+): ([0-9a-f ]+)$/gm)];
  const shown = new Map(golden.map(([, name = '', hex = '']) => [name, hex.replaceAll(' ', '')]));
  for (const [name, block] of Object.entries({ events: EVENTS, claim: CLAIM, part: PART })) {
    assert.equal(shown.get(name), Buffer.from(encodeStreamBlock(block)).toString('hex'), name);
  }
  const tables = document.split('| offset | bytes | field | meaning |\n').slice(1);
  const layouts = [StreamBlockLayout, StreamMarkLayout];
  assert.equal(tables.length, layouts.length);
  for (const [index, { fields }] of layouts.entries()) {
    const [rows = ''] = tables[index]?.split('\n\n', 1) ?? [];
    const told = [...rows.matchAll(/^\| (\d+) \| (\d+) \| (\w+) \|/gm)];
    assert.deepEqual(
      told.map(([, offset, size, name]) => ({ name, offset: Number(offset), size: Number(size) })),
      fields.map(({ name, offset, size }) => ({ name, offset, size })),
    );
  }
});

test('every bit of a block counts', () => {
  for (const block of [EVENTS, CLAIM, PART]) {
    const bytes = encodeStreamBlock(block);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.ok(isDefect(decodeStreamBlock(flipped)), `bit ${bit}`);
    }
    for (let length = 0; length < bytes.length; length++) {
      assert.ok(isDefect(decodeStreamBlock(bytes.subarray(0, length))), `${length} bytes`);
    }
    assert.ok(isDefect(decodeStreamBlock(Buffer.concat([bytes, Buffer.alloc(8)]))));
  }
});

test('frames that do not fit their header are refused, checksums or not', () => {
  const wrong = encodeStreamBlock({ ...EVENTS, firstEventId: 7 });
  const defect = decodeStreamBlock(wrong);
  assert.ok(isDefect(defect));
  assert.match(defect.message, /event 7: its frame has another id/);
  const cut = frames().subarray(0, 32);
  const open = decodeStreamBlock(encodeStreamBlock({ ...EVENTS, eventCount: 1, payload: cut }));
  assert.ok(isDefect(open));
  assert.match(open.message, /batch is incomplete/);
});

test('what cannot be is not written', () => {
  const wrong: Partial<StreamBlock>[] = [
    { kind: 0 },
    { kind: 5 },
    { epoch: 0 },
    { firstEventId: 0 },
    { firstEventId: 2 ** 53 - 2 },
    { eventCount: 0 },
    { part: 1, parts: 2 },
    { payload: new Uint8Array(7) },
    { payload: new Uint8Array(MAX_RUN_BYTES + 8) },
  ];
  for (const fields of wrong) {
    assert.throws(() => encodeStreamBlock({ ...EVENTS, ...fields }), /written only complete/);
  }
  for (const fields of [
    { part: 0 },
    { part: 4 },
    { parts: 1, part: 1 },
    { payload: new Uint8Array(0) },
  ]) {
    assert.throws(() => encodeStreamBlock({ ...PART, ...fields }), /written only complete/);
  }
  for (const fields of [{ eventCount: 1 }, { firstEventId: 9 }, { payload: new Uint8Array(41) }]) {
    assert.throws(() => encodeStreamBlock({ ...CLAIM, ...fields }), /written only complete/);
  }
});
