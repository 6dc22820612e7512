// Regions that are mapped in this process and that nobody owns any more. A thread of the
// application that is terminated, or runs out of its heap, runs no code of ours: Node closes its
// descriptors, and with them goes the region's lock, but the mapping stays. Where the lock is free,
// the owner's environment is gone, and with it every view of that memory: the mapping can be given
// back.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { systemCode } from '../errors.js';
import { type Libc, libc } from '../memory/libc.js';
import { READ_SAFE } from './open-flags.js';
import { isRegionName } from './region-names.js';

const MAPS = '/proc/self/maps';
/** address range, permissions, offset, device, inode, path */
const LINE = /^([0-9a-f]+)-([0-9a-f]+) \S+ [0-9a-f]+ \S+ (\d+) +(\/.*)$/;

interface Mapping {
  readonly address: number;
  readonly bytes: number;
  readonly inode: bigint;
  readonly path: string;
}

/** The mappings of files that have a region's name; a file without a name any more has none. */
export function regionMappings(maps: string): readonly Mapping[] {
  const found: Mapping[] = [];
  for (const line of maps.split('\n')) {
    const [, from = '', to = '', inode = '', path = ''] = LINE.exec(line) ?? [];
    if (!isRegionName(basename(path))) continue;
    const address = Number.parseInt(from, 16);
    const bytes = Number.parseInt(to, 16) - address;
    found.push({ address, bytes, inode: BigInt(inode), path });
  }
  return found;
}

/** Gives back every mapping of a region that its owner's end has left in this process. */
export function unmapLeftRegions(): void {
  const native = libc();
  if (native === undefined) return;
  for (const mapping of regionMappings(readMaps())) unmapIfLeft(native, mapping);
}

function readMaps(): string {
  try {
    return readFileSync(MAPS, 'latin1');
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    // No /proc here: what was left stays mapped until the process ends.
    return '';
  }
}

function unmapIfLeft(native: Libc, { address, bytes, inode, path }: Mapping): void {
  let fd: number;
  try {
    fd = openSync(path, READ_SAFE);
  } catch (error) {
    // Gone, or not for this user any more: it stays mapped until the process ends.
    if (systemCode(error) === undefined) throw error;
    return;
  }
  try {
    if (fstatSync(fd, { bigint: true }).ino !== inode) return;
    // Whoever maps a region holds its lock before, and until it is mapped no more.
    if (native.tryLockShared(fd)) native.unmap(address, bytes);
  } finally {
    closeSync(fd);
  }
}
