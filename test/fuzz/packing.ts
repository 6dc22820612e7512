// Puts a segment of a damaged log into an LZ4 frame: a sound one, one with fields that lie and
// checksums that hold, or one with bytes that were changed afterwards.
import type { Random } from '../../src/cli/demo/random.js';
import { compressedPath, isPlainPath } from '../../src/segment/file-names.js';
import { pick } from '../simulation/profile.js';
import { type FrameForgery, frameOf, withoutRoom } from '../support/lz4-frames.js';
import type { Image } from './specimen.js';

const PAGE_BYTES = 4096;
const LENGTHS: readonly bigint[] = [
  0n,
  4095n,
  4096n,
  65_536n,
  2n ** 20n,
  2n ** 30n,
  2n ** 30n + 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
/** A token that announces a match of many times 255 bytes, over and over. */
const BOMB = new Uint8Array(3000).fill(0xff).fill(0x1f, 0, 1).fill(0x61, 1, 2).fill(1, 2, 3);

/** @returns what was done, or undefined where there is no such segment */
export function packOne(random: Random, image: Image): string | undefined {
  const paths = [...image.keys()].filter(isPlainPath).sort();
  const path = paths[random.below(Math.max(1, paths.length - 1))];
  const bytes = path === undefined ? undefined : image.get(path);
  if (path === undefined || bytes === undefined) return undefined;
  const content = withoutRoom(bytes);
  if (content.length < PAGE_BYTES) return undefined;
  const forgery = random.below(2) === 0 ? {} : forgeryOf(random, content.length);
  const frame = frameOf(content, forgery);
  const changes = random.below(3);
  for (let left = changes; left > 0; left--) {
    const at = random.below(frame.length);
    frame[at] = (frame[at] ?? 0) ^ (1 << random.below(8));
  }
  const end = random.below(4) === 0 ? random.below(frame.length + 1) : frame.length;
  image.set(compressedPath(path), frame.subarray(0, end));
  if (random.below(4) > 0) image.delete(path);
  return `${path} packed: ${Object.keys(forgery).join(', ')}; ${changes} bits, ${end} bytes`;
}

function forgeryOf(random: Random, contentBytes: number): FrameForgery {
  const forgeries: readonly (() => FrameForgery)[] = [
    () => ({ contentBytes: pick(random, LENGTHS) }),
    () => ({ contentBytes: BigInt(contentBytes + 8 * (random.below(200) - 100)) }),
    () => ({ flg: random.below(256), dictionaryId: random.below(1000) }),
    () => ({ bd: random.below(256) }),
    () => ({ magic: 0x184d2a50 + random.below(16) }),
    () => ({ blockEnds: [random.below(contentBytes + 1), contentBytes] }),
    () => ({ packed: { [random.below(2)]: BOMB } }),
    () => ({ packed: { 1: Uint8Array.of(0x10, 0x61) } }),
    () => ({ stored: true }),
    () => ({ contentChecksum: random.below(1000) }),
  ];
  return pick(random, forgeries)();
}
