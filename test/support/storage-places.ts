// Places for the conformance suite of the storage port.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { linkSync, realpathSync, symlinkSync } from 'node:fs';
import { nodeStorage } from '../../src/storage/node-storage.js';
import type { StoragePlace } from '../../src/storage/storage-place.conformance.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';

/** A folder of the kernel's; links and FIFOs are made at the path that `real` tells. */
export const kernelPlace = (
  folder: string,
  real: (path: string) => string = (path) => path,
): StoragePlace => ({
  storage: nodeStorage,
  folder,
  realFolder: realpathSync(real(folder)),
  link: (source, path) => linkSync(real(source), real(path)),
  symlink: (target, path) => symlinkSync(target, real(path)),
  fifo: (path) => assert.equal(spawnSync('mkfifo', [real(path)]).status, 0),
});

/** A folder of a simulated disk. */
export function simulatedPlace(disk = new SimulatedDisk()): StoragePlace {
  disk.makeDirectory('/folder');
  return {
    storage: disk,
    folder: '/folder',
    link: (source, path) => disk.link(source, path),
  };
}
