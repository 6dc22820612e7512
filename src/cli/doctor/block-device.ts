// The disk under a mount, as sysfs tells.
import { basename, dirname, join } from 'node:path';
import type { Machine } from './machine.js';
import type { Mount } from './mounts.js';

export interface Disk {
  readonly name: string;
  readonly model: string | undefined;
  /** What the kernel believes: `write back` needs flushes, `write through` none. */
  readonly writeCache: string | undefined;
  /** Whether one write can pass the cache by, without a flush of all of it. */
  readonly fua: boolean | undefined;
  readonly isRotational: boolean | undefined;
  /** A hypervisor's, or a service's over the network: what is told of its kind means little. */
  readonly isVirtual: boolean;
  /** Not on any disk: zram, or a RAM disk. */
  readonly isMemory: boolean;
  readonly scheduler: string | undefined;
  /** Of a loop device: the file that it is. */
  readonly backingFile: string | undefined;
  /** The disks that it is made of, where it is RAID, LVM or encrypted; else itself. */
  readonly parts: readonly string[];
}

const VIRTUAL_NAME = /^(vd|xvd|nbd|rbd)/;
const VIRTUAL_MODEL = /qemu|vbox|virtual|vmware|msft|amazon elastic|google|persistentdisk|openzfs/i;
const MEMORY_NAME = /^(zram|ram)\d/;
const BLOCKS = '/sys/class/block';

const textAt = (machine: Machine, path: string): string | undefined => {
  const text = machine.readText(path)?.trim();
  return text === '' ? undefined : text;
};

function flagAt(machine: Machine, path: string): boolean | undefined {
  const text = textAt(machine, path);
  return text === undefined ? undefined : text !== '0';
}

/** Folder of the whole disk, where the mount is of a partition. */
function wholeDisk(machine: Machine, folder: string): string {
  const isPartition = machine.readText(join(folder, 'partition')) !== undefined;
  return isPartition ? dirname(folder) : folder;
}

function folderOf(machine: Machine, mount: Mount): string | undefined {
  const byNumber = machine.realPath(`/sys/dev/block/${mount.device}`);
  if (byNumber !== undefined) return wholeDisk(machine, byNumber);
  // btrfs and others give a mount a number of its own: there the name of the device tells.
  if (!mount.source.startsWith('/dev/')) return undefined;
  const source = machine.realPath(mount.source) ?? mount.source;
  const byName = machine.realPath(join(BLOCKS, basename(source)));
  return byName === undefined ? undefined : wholeDisk(machine, byName);
}

const DEEPEST = 8;

function partsOf(machine: Machine, folder: string, depth = 0): string[] {
  const slaves = depth < DEEPEST ? machine.list(join(folder, 'slaves')) : [];
  if (slaves.length === 0) return [basename(folder)];
  const parts = slaves.flatMap((slave) => {
    const below = machine.realPath(join(BLOCKS, slave));
    return below === undefined ? [slave] : partsOf(machine, wholeDisk(machine, below), depth + 1);
  });
  return [...new Set(parts)];
}

/** Undefined where no disk of this machine is under the mount, or nothing tells. */
export function diskUnder(machine: Machine, mount: Mount | undefined): Disk | undefined {
  const folder = mount && folderOf(machine, mount);
  if (folder === undefined) return undefined;
  const name = basename(folder);
  const parts = partsOf(machine, folder);
  const models = parts.map((part) => textAt(machine, join(BLOCKS, part, 'device/model')) ?? '');
  const queue = (file: string): string => join(folder, 'queue', file);
  const model = [...new Set(models)].filter((each) => each !== '').join(', ');
  const schedulers = textAt(machine, queue('scheduler'));
  return {
    name,
    model: model === '' ? undefined : model,
    writeCache: textAt(machine, queue('write_cache')),
    fua: flagAt(machine, queue('fua')),
    isRotational: flagAt(machine, queue('rotational')),
    isVirtual: parts.some((part) => VIRTUAL_NAME.test(part)) || VIRTUAL_MODEL.test(model),
    isMemory: parts.some((part) => MEMORY_NAME.test(part)),
    scheduler: /\[(.+)\]/.exec(schedulers ?? '')?.[1] ?? schedulers,
    backingFile: textAt(machine, join(folder, 'loop/backing_file')),
    parts,
  };
}

/** The 16th number of a disk's `stat` counts its flushes, since Linux 5.5. */
const FLUSHES_AT = 15;

/** How many flushes the kernel has sent to these disks since it started. */
export function flushesOf(machine: Machine, disk: Disk | undefined): number | undefined {
  let sum = 0;
  for (const part of disk?.parts ?? []) {
    const numbers = textAt(machine, join(BLOCKS, part, 'stat'))?.split(/\s+/);
    const flushes = Number(numbers?.[FLUSHES_AT]);
    if (!Number.isSafeInteger(flushes)) return undefined;
    sum += flushes;
  }
  return disk === undefined ? undefined : sum;
}
