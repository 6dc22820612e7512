// Which call of a log belongs to which metric, told by its file, its place in the file and the call
// before it on its thread. A call that belongs to none has a step of its own, too: what a test does
// not know, it must not overlook.
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { BlockHeaderLayout, BlockKind } from '../../src/segment/block-header.js';
import {
  LOCK_FILE,
  META_FILE,
  META_TEMPORARY_FILE,
  parsePreparedFileName,
  parseSegmentFileName,
} from '../../src/segment/file-names.js';
import { SEGMENT_HEADER_PAGE_BYTES } from '../../src/segment/segment-header.js';
import type { TracedCall, TracedThread } from './traced-calls.js';

const FIRST = ['first header', 'sync of first header', 'first name', 'sync of first name'];
/** Where the disk is so slow that the first segment is not zeroed, and where it is not. */
const FIRST_SEGMENT = [
  ['create', 'allocate', 'zeros', 'sync of zeros', ...FIRST],
  ['create', 'allocate', ...FIRST],
];

/** The steps that one sample covers, in their order; more than one such list: any of them. */
export const STEPS_OF: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'segmentWriter.writeBlock': [['events']],
  'segmentWriter.writeWatermark': [['watermark']],
  'segmentWriter.sync': [['sync of events']],
  'segmentWriter.rotateSeal': [['seal']],
  'segmentWriter.rotateSync': [['sync of seal']],
  'segmentWriter.rotateHeader': [['header', 'sync of header']],
  'segmentWriter.rotateRename': [['name']],
  'segmentWriter.rotateDirectorySync': [['sync of name']],
  'segmentWriter.closeSegment': [['seal', 'sync of seal']],
  'segmentWriter.openNewSegment': [['header', 'sync of header', 'name', 'sync of name'], FIRST],
  'manager.segmentRotation': [
    ['seal', 'sync of seal', 'header', 'sync of header', 'name', 'sync of name'],
  ],
  'manager.persistCurrentSegment': [['sync of events', 'watermark', 'sync of watermark']],
  'manager.initActiveSegment': FIRST_SEGMENT.map((steps) => ['lock', 'sync of lock', ...steps]),
  'opening.openRegion': [['lock', 'sync of lock']],
  'opening.openSegment': FIRST_SEGMENT,
  'segmentPreparer.prepareCreate': [['create']],
  'segmentPreparer.prepareAllocate': [['allocate']],
  'segmentPreparer.prepareZero': [['zeros']],
  'segmentPreparer.prepareSync': [['sync of zeros']],
  'metaStore.maintenanceMetaFlush': [
    ['create meta', 'meta', 'sync of meta', 'meta name', 'sync of meta name'],
  ],
};

/** The same for what only an open has that finds what a killed process left. */
export const RECOVERY_STEPS_OF: typeof STEPS_OF = {
  'recoveryManager.rewritePrefix': [['rewrite', 'sync of rewrite']],
};

/** The steps of an open that makes a log: its folder and its lock. */
export const OPENING_STEPS = ['lock', 'sync of lock', 'sync of folder'];

/** The kind of the block that stands in a segment of `directory`. */
function blockAt(directory: string, file: string, offset: number): string {
  const header = new Uint8Array(BlockHeaderLayout.size);
  const fd = openSync(join(directory, file), 'r');
  try {
    readSync(fd, header, 0, header.length, offset);
  } finally {
    closeSync(fd);
  }
  const kind = header[BlockHeaderLayout.offset.kind];
  return Object.entries(BlockKind).find(([, code]) => code === kind)?.[0] ?? `block ${kind}`;
}

function writtenBy(directory: string, before: string, call: TracedCall): string {
  const { file, offset, bytes } = call;
  if (file === LOCK_FILE) return 'lock';
  if (file === META_TEMPORARY_FILE) return 'meta';
  if (parseSegmentFileName(file) !== undefined) {
    // An open writes again what may not be on disk, before anything else goes into a segment.
    const isFirst = before === 'sync of folder' || before === 'rewrite';
    return isFirst ? 'rewrite' : blockAt(directory, file, offset);
  }
  const isHeader = offset === 0 && bytes === SEGMENT_HEADER_PAGE_BYTES;
  if (!isHeader) return 'zeros';
  return before === 'sync of seal' ? 'header' : 'first header';
}

/** @param before the step before it on its thread */
function stepOf(directory: string, before: string, call: TracedCall): string {
  const { name, file } = call;
  if (name.startsWith('pwrite')) return writtenBy(directory, before, call);
  // Each sync follows what it makes durable.
  if (name === 'fdatasync') return `sync of ${before}`;
  if (name === 'fsync') return before.endsWith('name') ? `sync of ${before}` : 'sync of folder';
  if (name === 'fallocate') return 'allocate';
  if (name === 'openat') {
    if (file === LOCK_FILE) return 'lock';
    if (file === META_TEMPORARY_FILE) return 'create meta';
    return parsePreparedFileName(file) === undefined ? `create ${file}` : 'create';
  }
  if (file === META_FILE) return 'meta name';
  return before === 'sync of first header' ? 'first name' : 'name';
}

const goesOn = (before: TracedCall, { name, file, offset, isFailed }: TracedCall): boolean =>
  name === 'pwrite64' &&
  before.name === name &&
  before.file === file &&
  before.offset + before.bytes === offset &&
  parsePreparedFileName(file) !== undefined &&
  !(isFailed || before.isFailed);

/** Zeros are written in small pieces, one behind the other: together they are one call here. */
export function withWholeZeros(thread: TracedThread): TracedThread {
  const calls: TracedCall[] = [];
  for (const call of thread.calls) {
    const before = calls.at(-1);
    if (before === undefined || !goesOn(before, call)) {
      calls.push(call);
      continue;
    }
    calls[calls.length - 1] = {
      ...before,
      bytes: before.bytes + call.bytes,
      exitNs: call.exitNs,
      leastNs: before.leastNs + call.leastNs,
      isDelayed: before.isDelayed || call.isDelayed,
    };
  }
  return { ...thread, calls };
}

/** The step of each call, in their order. */
export function stepsOf(directory: string, { calls }: TracedThread): string[] {
  const steps: string[] = [];
  for (const call of calls) {
    const step = stepOf(directory, steps.at(-1) ?? '', call);
    steps.push(call.isFailed ? `failed ${step}` : step);
  }
  return steps;
}

/** One sample of a metric, as seen from outside. */
export interface SeenSample {
  readonly calls: readonly TracedCall[];
  /** What its calls took: it took no less. */
  readonly leastNs: number;
  /** From the call before it to the call behind it: it took no more. */
  readonly mostNs: number;
}

function samplesIn(
  thread: TracedThread,
  steps: readonly string[],
  sequence: readonly string[],
): SeenSample[] {
  const { calls } = thread;
  return steps.flatMap((_, at) => {
    const end = at + sequence.length;
    if (!sequence.every((step, index) => steps[at + index] === step)) return [];
    const covered = calls.slice(at, end);
    const fromNs = calls[at - 1]?.exitNs ?? thread.beginNs;
    const toNs = calls[end]?.entryNs ?? thread.endNs;
    const leastNs = covered.reduce((sum, call) => sum + call.leastNs, 0);
    return [{ calls: covered, leastNs, mostNs: toNs - fromNs }];
  });
}

/** The samples that each metric should have, by its name. */
export function seenSamples(
  directory: string,
  threads: readonly TracedThread[],
): Map<string, SeenSample[]> {
  const told = threads.map((thread) => ({ thread, steps: stepsOf(directory, thread) }));
  const samplesOf = (sequence: readonly string[]): SeenSample[] =>
    told.flatMap(({ thread, steps }) => samplesIn(thread, steps, sequence));
  return new Map(
    Object.entries({ ...STEPS_OF, ...RECOVERY_STEPS_OF }).map(([metric, sequences]) => [
      metric,
      sequences.flatMap(samplesOf),
    ]),
  );
}
