// What somebody, or decay, does to the bytes of a log: fields set to values that matter, bits
// flipped, pieces zeroed, copied, cut off, files swapped and lost. Most know the structure of what
// they hit.
import { join } from 'node:path';
import type { Random } from '../../src/cli/demo/random.js';
import { BLOCK_HEADER_BYTES } from '../../src/segment/block-header.js';
import { DIRECTORY } from '../simulation/machine.js';
import { pick } from '../simulation/profile.js';
import type { Image, SegmentPlan, Specimen, Structure } from './specimen.js';

/** Where lengths, counts, ids and offsets change their meaning. */
const VALUES: readonly bigint[] = [
  ...[0, 1, 2, 3, 4, 7, 8, 9, 23, 24, 25, 32, 56, 63, 64, 72, 4095, 4096, 4104, 65_535, 65_536].map(
    BigInt,
  ),
  ...[20n, 30n, 31n, 32n, 52n, 53n, 63n].flatMap((bit) => [
    2n ** bit - 8n,
    2n ** bit - 2n,
    2n ** bit - 1n,
    2n ** bit,
    2n ** bit + 8n,
  ]),
  2n ** 64n - 1n,
];
const STEPS: readonly bigint[] = [-4096n, -24n, -8n, -1n, 1n, 8n, 24n, 4096n, 2n ** 32n];
const SECTOR_BYTES = 512;
const CONTENTS_MAX = 400_000;

export interface Damaged {
  readonly image: Image;
  readonly segments: SegmentPlan[];
  /** What was done, a line each. */
  readonly trace: string[];
}

type Mutation = (random: Random, damaged: Damaged, structures: readonly Structure[]) => string;

/** One to a handful of mutations, on a copy of the specimen's bytes. */
export function mutate(random: Random, specimen: Specimen): Damaged {
  const image: Image = new Map();
  for (const [path, bytes] of specimen.image) image.set(path, bytes.slice());
  const damaged: Damaged = { image, segments: [...specimen.segments], trace: [] };
  const count = 1 + Math.min(4, random.halvings());
  for (let left = count; left > 0; left--) {
    const mutation = random.below(100) < FIELDS_OF_100 ? setField : pick(random, OTHERS);
    damaged.trace.push(mutation(random, damaged, specimen.structures));
  }
  return damaged;
}

const FIELDS_OF_100 = 65;

const setField: Mutation = (random, { image }, structures) => {
  const { path, offset, fields } = pick(random, structures);
  const field = pick(random, fields);
  const bytes = image.get(path);
  const at = offset + field.offset;
  if (bytes === undefined || at + field.size > bytes.length) return 'nothing';
  const size = Math.min(8, field.size);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let old = 0n;
  for (let byte = size - 1; byte >= 0; byte--) old = (old << 8n) | BigInt(view[at + byte] ?? 0);
  const value = BigInt.asUintN(size * 8, drawValue(random, old));
  for (let byte = 0; byte < size; byte++)
    view[at + byte] = Number((value >> BigInt(8 * byte)) & 255n);
  return `${path} at ${at}: ${field.name} ${old} becomes ${value}`;
};

function drawValue(random: Random, old: bigint): bigint {
  const kind = random.below(10);
  if (kind < 6) return pick(random, VALUES);
  if (kind < 9) return old + pick(random, STEPS);
  return (BigInt(random.next() >>> 0) << 32n) | BigInt(random.next() >>> 0);
}

/** A place in a structure or, less often, anywhere. */
function drawPlace(random: Random, image: Image, structures: readonly Structure[]) {
  const structure = pick(random, structures);
  const path = random.below(4) > 0 ? structure.path : pick(random, [...image.keys()]);
  const bytes = image.get(path) ?? new Uint8Array(0);
  const isNear = path === structure.path && random.below(4) > 0;
  const at = isNear
    ? structure.offset + random.below(structure.bytes)
    : random.below(Math.max(1, bytes.length));
  return { path, bytes, at };
}

const flipBits: Mutation = (random, { image }, structures) => {
  const { path, bytes, at } = drawPlace(random, image, structures);
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return `${path} at ${at}: a bit flipped`;
};

const fill: Mutation = (random, { image }, structures) => {
  const { path, bytes, at } = drawPlace(random, image, structures);
  const length = pick(random, [8, 64, SECTOR_BYTES, 4096, 65_536]);
  const start = Math.floor(at / 8) * 8;
  const value = pick(random, [0, 0, 0xff, 0xee]);
  bytes.fill(value, start, start + length);
  return `${path} at ${start}: ${length} bytes are ${value}`;
};

const copyPiece: Mutation = (random, { image }, structures) => {
  const source = drawPlace(random, image, structures);
  const target = drawPlace(random, image, structures);
  const length = pick(random, [8, BLOCK_HEADER_BYTES, SECTOR_BYTES, 4096]);
  const from = Math.floor(source.at / 8) * 8;
  const to = Math.floor(target.at / 8) * 8;
  const piece = source.bytes.slice(from, from + length);
  const room = Math.max(0, target.bytes.length - to);
  target.bytes.set(piece.subarray(0, room), Math.min(to, target.bytes.length));
  return `${length} bytes of ${source.path} at ${from} copied to ${target.path} at ${to}`;
};

/** A block of the segment once more, behind its end, and known to who reseals. */
const appendBlock: Mutation = (random, { image, segments }) => {
  const index = random.below(segments.length);
  const plan = segments[index];
  const bytes = plan && image.get(plan.path);
  const last = plan?.blockOffsets.at(-1);
  if (plan === undefined || bytes === undefined || last === undefined) return 'nothing';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const spanAt = (offset: number): number =>
    offset + 8 <= bytes.length ? BLOCK_HEADER_BYTES + view.getUint32(offset + 4, true) : 0;
  const source = pick(random, plan.blockOffsets);
  const end = Math.ceil((last + spanAt(last)) / 8) * 8;
  const piece = bytes.slice(source, source + spanAt(source));
  if (end + piece.length > bytes.length) return 'nothing';
  bytes.set(piece, end);
  segments[index] = { path: plan.path, blockOffsets: [...plan.blockOffsets, end] };
  return `${plan.path}: the block at ${source} once more at ${end}`;
};

const resize: Mutation = (random, { image }) => {
  const path = pick(random, [...image.keys()]);
  const bytes = image.get(path) ?? new Uint8Array(0);
  const length = pick(random, [
    0,
    random.below(bytes.length + 1),
    Math.floor(random.below(bytes.length + 1) / 4096) * 4096,
    Math.min(CONTENTS_MAX, bytes.length + random.below(8192)),
  ]);
  const resized = new Uint8Array(length);
  resized.set(bytes.subarray(0, length));
  if (random.below(2) === 0) resized.fill(0xa5, Math.min(length, bytes.length));
  image.set(path, resized);
  return `${path} has ${length} of ${bytes.length} bytes`;
};

const EXTRA_NAMES = [
  '0000000009.wal',
  '4294967295.wal',
  'prepared-1000000000.tmp',
  '0000000001.wal.lz4',
];

const rename: Mutation = (random, { image }) => {
  const files = [...image.keys()].filter((path) => path.startsWith(DIRECTORY));
  const from = pick(random, files);
  const to = pick(random, [...files, ...EXTRA_NAMES.map((name) => join(DIRECTORY, name))]);
  const source = image.get(from);
  const target = image.get(to);
  if (source === undefined) return 'nothing';
  const how = pick(random, ['swapped', 'copied', 'moved', 'removed'] as const);
  if (how === 'removed' || how === 'moved') image.delete(from);
  if (how === 'swapped' && target !== undefined) image.set(from, target);
  if (how !== 'removed') image.set(to, how === 'copied' ? source.slice() : source);
  return `${from} ${how}${how === 'removed' ? '' : ` to ${to}`}`;
};

const OTHERS: readonly Mutation[] = [flipBits, fill, copyPiece, appendBlock, resize, rename];
