// A disk of its own for a test: a file system in an image, on a loop device. Its power can be cut.
// The image stands in memory where it can, so that a sync costs no turn of a real disk.
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { MIB } from '../../src/units.js';
import { type LastWords, shutDown } from './kernel-calls.js';
import { MountPoint, must, retry, whyNotMounted } from './mount-point.js';

export type DiskType = 'ext4' | 'xfs' | 'btrfs';

const MAKE: Readonly<Record<DiskType, readonly string[]>> = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  btrfs: ['mkfs.btrfs', '-q', '-f'],
};
/** XFS and btrfs have none smaller. */
const SMALLEST_BYTES: Readonly<Record<DiskType, number>> = {
  ext4: 8 * MIB,
  xfs: 300 * MIB,
  btrfs: 128 * MIB,
};

const MEMORY = '/dev/shm';
const defaultParent = (): string => (existsSync(MEMORY) ? MEMORY : tmpdir());

/** A sparse image with a new file system. */
function makeImage(
  path: string,
  type: DiskType,
  bytes: number,
  more: readonly string[] = [],
): void {
  writeFileSync(path, '');
  truncateSync(path, bytes);
  const [command = '', ...args] = MAKE[type];
  must(command, ...args, ...more, path);
}

function whyNot(type: DiskType): string | false {
  return whyNotMounted((point) => {
    const image = join(point.base, 'image');
    makeImage(image, type, SMALLEST_BYTES[type]);
    point.mount(point.attach(image, 0));
    // The power of a btrfs cannot be cut: it has no such call.
    if (type !== 'btrfs') shutDown(point.folder, 'nothing');
  });
}

const known = new Map<DiskType, string | false>();

/** Why no disk of this type can be had here, or false. */
export function cannotLoop(type: DiskType): string | false {
  const reason = known.get(type) ?? whyNot(type);
  known.set(type, reason);
  return reason;
}

export interface LoopDiskOptions {
  readonly bytes: number;
  /** On which file system the image stands; by default in memory. */
  readonly parent?: string;
  /** More arguments of mkfs. */
  readonly make?: readonly string[];
  /**
   * Options of mount. Without `discard`: ext4 discards what a transaction freed when that ends,
   * also where a power cut of ours has ended it uncommitted (6.18). Of a renamed-over file, which
   * is there again after the cut, zeros are left then: no disk did that.
   */
  readonly mount?: string;
}

export class LoopDisk {
  readonly folder: string;
  readonly image: string;
  readonly #point: MountPoint;
  readonly #options: string;
  readonly #device: string;
  /** There for as long as anyone has this file system mounted, or open. */
  readonly #trace: string;

  /** Gone after the test, whatever is still open on it. */
  constructor(
    context: { after(hook: () => void): void },
    type: DiskType,
    { bytes, parent = defaultParent(), make = [], mount = 'nodiscard' }: LoopDiskOptions,
  ) {
    this.#point = new MountPoint(context, parent);
    this.#options = mount;
    this.folder = this.#point.folder;
    this.image = join(this.#point.base, 'image');
    makeImage(this.image, type, bytes, make);
    this.#device = this.#point.attach(this.image);
    this.#trace = `/sys/fs/${type}/${basename(this.#device)}`;
    this.#mount();
  }

  #mount(): void {
    this.#point.mount('-o', this.#options, this.#device);
  }

  /** What was not written to the disk by now never will be. */
  cutPower(lastWords: LastWords = 'nothing'): void {
    shutDown(this.folder, lastWords);
  }

  /** The machine comes up again: nothing is left of the page cache. Nobody may have it open. */
  restart(): void {
    this.#point.unmount();
    this.awaitRelease();
    this.#mount();
  }

  /**
   * The same file system on another device number, as overlay, btrfs, NFS and FUSE get with each
   * mount.
   */
  remountElsewhere(): void {
    this.#point.unmount();
    this.awaitRelease();
    this.#point.mount('-o', this.#options, this.#point.attach(this.image));
  }

  /**
   * The kernel lets go of what was unmounted. Whoever has made a mount namespace meanwhile, a
   * container perhaps, has a copy of this mount in it, and who mounts it again then gets the old
   * file system.
   */
  awaitRelease(): void {
    retry(() => (existsSync(this.#trace) ? `${this.#device} is still in use` : undefined));
  }

  /** The name leads nowhere any more; who has files open keeps them. */
  vanish(): void {
    this.#point.unmount({ lazily: true });
  }

  /**
   * Requests of one page each, until the test is over: the loop driver takes a write that its image
   * had room for in part only for a whole one, and tells nobody.
   */
  writeByPage(context: { after(hook: () => void): void }): void {
    const limit = `/sys/block/${basename(this.#device)}/queue/max_sectors_kb`;
    const before = readFileSync(limit);
    writeFileSync(limit, '4');
    // It stays with the device, whatever image comes next.
    context.after(() => writeFileSync(limit, before));
  }

  /** The file system finds an error in itself (ext4 only), and does what it was mounted to do. */
  reportError(): void {
    writeFileSync(`/sys/fs/ext4/${basename(this.#device)}/trigger_fs_error`, '1');
  }
}
