// The descriptions for Kaitai Struct in contrib/kaitai have the fields that the layouts have. That
// they compile and read the golden logs was tried by hand, with kaitai-struct-compiler 0.11.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BlockHeaderLayout } from '../../src/segment/block-header.js';
import {
  ConsumerConfirmationLayout,
  ConsumerDropLayout,
  ConsumerHeaderLayout,
  ConsumerSlotLayout,
} from '../../src/segment/consumer-record.js';
import { FrameLayout } from '../../src/segment/frame.js';
import { SealEntryLayout, SealTotalsLayout } from '../../src/segment/seal.js';
import { SegmentHeaderLayout } from '../../src/segment/segment-header.js';
import { WalMetaLayout } from '../../src/segment/wal-meta.js';
import { repositoryRoot } from './golden-files.js';

/** `type_name` → its sequence, as `name: bytes`; bytes that are computed are left out. */
function sequencesOf(file: string): Map<string, string[]> {
  const text = readFileSync(join(repositoryRoot(), 'contrib/kaitai', file), 'utf8');
  const [, types = ''] = text.split(/^types:$/m);
  const found = new Map<string, string[]>();
  for (const part of types.split(/^ {2}(?=[a-z_]+:$)/m).slice(1)) {
    const [name = '', sequence = ''] = part.split(/:\n {4}seq:\n/);
    const [fields = ''] = sequence.split(/^ {4}[a-z]/m);
    found.set(
      name,
      fields
        .split(/^ {6}- id: /m)
        .slice(1)
        .flatMap(fieldIn),
    );
  }
  return found;
}

function fieldIn(text: string): string[] {
  const [name = ''] = text.split('\n', 1);
  const integer = /^ +type: u([1248])$/m.exec(text)?.[1];
  const fixed = /^ +size: (\d+)$/m.exec(text)?.[1];
  const contents = /^ +contents: (\w+)$/m.exec(text)?.[1];
  const bytes = integer ?? fixed ?? contents?.length;
  return bytes === undefined ? [] : [`${name}: ${bytes}`];
}

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

interface Structure {
  readonly fields: readonly { readonly name: string; readonly size: number }[];
}

const STRUCTURES: Readonly<Record<string, Readonly<Record<string, Structure>>>> = {
  'flashstrike_segment.ksy': {
    segment_header: SegmentHeaderLayout,
    block_header: BlockHeaderLayout,
    frame: FrameLayout,
    seal_totals: SealTotalsLayout,
    seal_entry: SealEntryLayout,
  },
  'flashstrike_wal_meta.ksy': { wal_meta: WalMetaLayout },
  'flashstrike_consumer.ksy': {
    consumer_header: ConsumerHeaderLayout,
    consumer_slot: ConsumerSlotLayout,
    consumer_confirmation: ConsumerConfirmationLayout,
    consumer_drop: ConsumerDropLayout,
  },
};

describe('the descriptions for Kaitai Struct', () => {
  for (const [file, structures] of Object.entries(STRUCTURES)) {
    const sequences = sequencesOf(file);
    for (const [type, { fields }] of Object.entries(structures)) {
      test(`${type} has the fields of the layout`, () => {
        const expected = fields.map(({ name, size }) => `${snake(name)}: ${size}`);
        assert.deepEqual(sequences.get(type), expected);
      });
    }
  }
});
