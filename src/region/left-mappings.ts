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

/**
 * Gives back every mapping of a region that its owner's end has left in this process.
 *
 * Addresses are used again: what is unmapped must be that region to the last moment, or the process
 * ends at the next touch of another one. A region whose lock is free is given back here only; so
 * one thread does this at a time, and looks where the region is once it has its lock.
 */
export function unmapLeftRegions(native = libc()): void {
  if (native === undefined || regionMappings(readMaps()).length === 0) return;
  let turn: number | undefined;
  try {
    turn = openSync(MAPS, READ_SAFE);
    // Who does not get its turn leaves it to the one who has it, and to later opens.
    if (!hasTurn(native, turn)) return;
    for (const mapping of regionMappings(readMaps())) unmapIfLeft(native, mapping);
  } finally {
    if (turn !== undefined) closeSync(turn);
  }
}

function hasTurn(native: Libc, fd: number): boolean {
  try {
    return native.tryLock(fd);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    // No such locks here: what was left stays mapped until the process ends.
    return false;
  }
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

const isThere = ({ address, bytes, inode, path }: Mapping): boolean =>
  regionMappings(readMaps()).some(
    (now) =>
      now.address === address && now.bytes === bytes && now.inode === inode && now.path === path,
  );

function unmapIfLeft(native: Libc, mapping: Mapping): void {
  const { address, bytes, inode, path } = mapping;
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
    if (!native.tryLockShared(fd)) return;
    if (isThere(mapping)) native.unmap(address, bytes);
  } finally {
    closeSync(fd);
  }
}
