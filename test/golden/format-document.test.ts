// docs/FORMAT.md is held to the layouts: each table lists each field, at its offset, in its size.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SchemaRecordLayout } from '../../src/events/schema-event.js';
import {
  BlockHeaderLayout,
  MAX_BLOCK_BYTES,
  MAX_LARGE_BLOCK_BYTES,
} from '../../src/segment/block-header.js';
import { xxh64 } from '../../src/segment/checksum.js';
import {
  ConsumerConfirmationLayout,
  ConsumerDropLayout,
  ConsumerHeaderLayout,
  ConsumerSlotLayout,
} from '../../src/segment/consumer-record.js';
import { classifyName } from '../../src/segment/file-names.js';
import { FrameLayout } from '../../src/segment/frame.js';
import { SEAL_ENTRIES_MAX, SealEntryLayout, SealTotalsLayout } from '../../src/segment/seal.js';
import {
  MAX_SEGMENT_BYTES,
  MIN_SEGMENT_BYTES,
  SegmentHeaderLayout,
} from '../../src/segment/segment-header.js';
import { SnapshotHeaderLayout } from '../../src/segment/snapshot-record.js';
import { HashesHeaderLayout, StateHashLayout } from '../../src/segment/state-hash-record.js';
import { WalMetaLayout } from '../../src/segment/wal-meta.js';
import { committedBytes, repositoryRoot } from './golden-files.js';
import { goldenLogs } from './golden-logs.js';

const document = readFileSync(join(repositoryRoot(), 'docs', 'FORMAT.md'), 'utf8');

interface Table {
  readonly fields: readonly { offset: number; size: number; name: string }[];
  /** The number behind the table in `Size N.` */
  readonly size: number;
}

/** The tables of fields, in the order of the document. */
const tables: Table[] = document
  .split('| offset | bytes | field | meaning |\n')
  .slice(1)
  .map((text) => ({
    fields: [
      ...text
        .split('\n\n', 1)
        .join('')
        .matchAll(/^\| (\d+) \| (\d+) \| (\w+) \|/gm),
    ].map(([, offset, size, name]) => ({
      offset: Number(offset),
      size: Number(size),
      name: String(name),
    })),
    size: Number(/^Size (\d+)\./m.exec(text)?.[1]),
  }));

describe('docs/FORMAT.md', () => {
  const layouts = [
    FrameLayout,
    SegmentHeaderLayout,
    BlockHeaderLayout,
    SealTotalsLayout,
    SealEntryLayout,
    WalMetaLayout,
    ConsumerHeaderLayout,
    ConsumerSlotLayout,
    ConsumerConfirmationLayout,
    ConsumerDropLayout,
    SnapshotHeaderLayout,
    HashesHeaderLayout,
    StateHashLayout,
    SchemaRecordLayout,
  ];

  test('has one table for each structure', () => assert.equal(tables.length, layouts.length));

  for (const [index, { name, fields, size }] of layouts.entries()) {
    test(`the table of ${name} is its layout`, () => {
      assert.deepEqual(tables[index]?.fields, fields);
      assert.equal(tables[index]?.size, size);
    });
  }

  test('explains each test log, with the verdict that it is to have', () => {
    const [, text = ''] = document.split('## Test logs');
    const rows = text.matchAll(
      /^\| `([\w-]+)` \| ([\w-]+) \| (\d+) \| (\d+) \| (\d+|-) \| \S.* \|$/gm,
    );
    assert.deepEqual(
      Array.from(rows, ([, ...told]) => told.join(' ')),
      goldenLogs().map(({ name, outcome, readableEvents, lastEventId, durableEventId = '-' }) =>
        [name, outcome, readableEvents, lastEventId, durableEventId].join(' '),
      ),
    );
  });

  test('shows the first bytes of the sound log as they are', () => {
    const [, text = ''] = document.split('## A segment, byte by byte');
    const lines = [...text.matchAll(/^([0-9a-f]{8}) ([0-9a-f ]{64,})$/gm)];
    assert.ok(lines.length >= 8, 'header page, first block header, first frames');
    const bytes = committedBytes('closed/0000000001.wal.hex');
    for (const [, offset = '', hex = ''] of lines) {
      const at = Number.parseInt(offset, 16);
      const shown = hex.replaceAll(' ', '');
      assert.equal(shown, Buffer.from(bytes.subarray(at, at + 32)).toString('hex'), offset);
    }
  });

  test('names the magics that the files begin with', () => {
    const samples = { 'segment-header': 8, 'wal-meta': 8, consumer: 8, 'block-events': 2 };
    for (const [name, length] of Object.entries(samples)) {
      const bytes = committedBytes(`structures/${name}.hex`).subarray(0, length);
      const magic = Buffer.from(bytes).toString('latin1');
      assert.ok(document.includes(`the ASCII characters \`${magic}\``), magic);
    }
  });

  test('names the limits that the code has', () => {
    for (const limit of [
      MIN_SEGMENT_BYTES,
      MAX_SEGMENT_BYTES,
      MAX_BLOCK_BYTES,
      MAX_LARGE_BLOCK_BYTES,
    ]) {
      assert.ok(document.includes(limit.toLocaleString('en-US')), `${limit}`);
    }
    assert.ok(document.includes(`at most ${SEAL_ENTRIES_MAX} entries`));
  });

  test('tells the checksum of no bytes', () => {
    assert.ok(document.includes(`\`${xxh64(new Uint8Array(0), 0n).toString(16)}\``));
  });

  test('lists file names that the code knows', () => {
    const [, files = ''] = document.split(/^## (?:Files|Structures)$/m);
    const names = [...files.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '');
    assert.equal(names.length, 16);
    for (const name of names) assert.notEqual(classifyName(name), 'unknown', name);
  });
});
