// Sound logs to be damaged: what a killed, a stopped and a closed process leave behind, with every
// structure of the format at a known place.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Random } from '../../src/cli/demo/random.js';
import type { Layout } from '../../src/memory/layout.js';
import { listLog } from '../../src/reading/log-directory.js';
import { openSegment } from '../../src/reading/segment-file.js';
import { SegmentReader } from '../../src/reading/segment-reader.js';
import { walkSegment } from '../../src/recovery/segment-walk.js';
import { RegionHeaderLayout } from '../../src/region/region-layout.js';
import { RingControlLayout } from '../../src/ring/ring-control.js';
import { ringOfSections, unreadFrames } from '../../src/ring/ring-snapshot.js';
import {
  BLOCK_HEADER_BYTES,
  BlockHeaderLayout,
  BlockKind,
} from '../../src/segment/block-header.js';
import { FRAME_HEADER_BYTES, FrameLayout, frameSpan } from '../../src/segment/frame.js';
import { SealEntryLayout, SealTotalsLayout } from '../../src/segment/seal.js';
import { SegmentHeaderLayout } from '../../src/segment/segment-header.js';
import { WalMetaLayout } from '../../src/segment/wal-meta.js';
import { PAGE_BYTES } from '../../src/units.js';
import { errorOf, live, subjectOf } from '../exhaustive/scenario.js';
import { DIRECTORY } from '../simulation/machine.js';
import type { Subject } from '../simulation/subject.js';

type LayoutField = AnyLayout['fields'][number];

/** One structure of the format in a file or region. */
export interface Structure {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  readonly fields: readonly LayoutField[];
}

/** Where the blocks of a segment stand. */
export interface SegmentPlan {
  readonly path: string;
  readonly blockOffsets: readonly number[];
}

/** All bytes of a log: its files, and its region under the region's own path. */
export type Image = Map<string, Uint8Array>;

export interface Specimen {
  readonly subject: Subject;
  readonly image: Image;
  readonly regionPath: string | undefined;
  readonly structures: readonly Structure[];
  readonly segments: readonly SegmentPlan[];
}

type AnyLayout = Pick<Layout<number, number, Record<string, number>>, 'size' | 'fields'>;

const ENDS: readonly ((subject: Subject) => void)[] = [
  (subject) => subject.crash('kill'),
  (subject) => {
    while (subject.append([40, 0, 7])) if (subject.oracle.appended % 40 === 0) break;
    subject.crash('kill');
  },
  (subject) => subject.crash('power'),
  (subject) => assert.equal(subject.close(), undefined),
];

export const specimens = (): readonly Specimen[] => ENDS.map(specimenOf);

function specimenOf(end: (subject: Subject) => void, index: number): Specimen {
  const subject = subjectOf(index + 1);
  assert.equal(
    errorOf(() => live(subject)),
    undefined,
  );
  end(subject);
  const { disk, regions } = subject.machine;
  const image: Image = new Map();
  for (const { name } of disk.list(DIRECTORY)) {
    const path = join(DIRECTORY, name);
    image.set(path, disk.contentOf(path).slice());
  }
  const structures: Structure[] = [];
  const add = (path: string, offset: number, { size, fields }: AnyLayout): void => {
    structures.push({ path, offset, bytes: size, fields });
  };
  add(join(DIRECTORY, 'wal.meta'), 0, WalMetaLayout);
  const segments = listLog(disk, DIRECTORY).segments.map(({ path }) =>
    segmentPlan(subject, path, add),
  );
  const [regionPath] = regions.paths;
  if (regionPath !== undefined) {
    const bytes = Uint8Array.from(regions.bytesOf(regionPath));
    image.set(regionPath, bytes);
    addRegion(regionPath, bytes, add);
  }
  return { subject, image, regionPath, structures, segments };
}

type Add = (path: string, offset: number, layout: AnyLayout) => void;

function segmentPlan({ machine: { disk } }: Subject, path: string, add: Add): SegmentPlan {
  add(path, 0, SegmentHeaderLayout);
  const blockOffsets: number[] = [];
  const file = openSegment(disk, path, {});
  assert.ok(file !== undefined);
  walkSegment(
    new SegmentReader(disk, file),
    undefined,
    ({ block, blockOffset: offset, bytes, payloadStart, payloadEnd }) => {
      assert.ok(block !== undefined);
      add(path, offset, BlockHeaderLayout);
      blockOffsets.push(offset);
      const payloadOffset = offset + BLOCK_HEADER_BYTES;
      if (block.kind === BlockKind.events) {
        addFrames(path, bytes.subarray(payloadStart, payloadEnd), payloadOffset, add);
      } else if (block.kind === BlockKind.seal) {
        add(path, payloadOffset, SealTotalsLayout);
        for (
          let at = payloadOffset + SealTotalsLayout.size;
          at < payloadOffset + block.payloadBytes;
          at += SealEntryLayout.size
        ) {
          add(path, at, SealEntryLayout);
        }
      }
    },
  );
  disk.close(file.fd);
  return { path, blockOffsets };
}

function addFrames(path: string, frames: Uint8Array, offset: number, add: Add): void {
  const view = new DataView(frames.buffer, frames.byteOffset, frames.length);
  for (let at = 0; at + FRAME_HEADER_BYTES <= frames.length; ) {
    add(path, offset + at, FrameLayout);
    at += frameSpan(view.getUint32(at, true));
  }
}

/** Its header, the control words, and the frames that wait in its ring. */
function addRegion(path: string, bytes: Uint8Array, add: Add): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { controlOffset, ringOffset } = RegionHeaderLayout.offset;
  const control = view.getUint32(controlOffset, true);
  const ring = view.getUint32(ringOffset, true);
  const named = (fields: readonly LayoutField[]): AnyLayout => ({ size: PAGE_BYTES, fields });
  add(path, 0, named(RegionHeaderLayout.fields.filter(({ name }) => !name.startsWith('spare'))));
  const words: LayoutField[] = [];
  for (const { name, offset } of RingControlLayout.fields) {
    for (let word = 0; word < 16 && name !== 'spare'; word++) {
      words.push({ name: `${name} ${word}`, offset: offset + word * 4, size: 4 });
    }
  }
  // Twice: the positions and the latches decide what is read at all.
  add(path, control, named(words));
  add(path, control, named(words));
  const memory = ringOfSections(
    bytes.subarray(control, control + RingControlLayout.size),
    bytes.subarray(ring),
  );
  for (const { offset } of unreadFrames(memory)) add(path, ring + offset, FrameLayout);
}

/** A new generator for each case: a case follows from its own seed alone. */
export const randomOf = (seed: number): Random => new Random(seed);
