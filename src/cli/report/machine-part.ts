// What a report says of the machine: kinds and numbers that `doctor` looks up, and none of the
// names beside them (folders, sources of mounts, control groups, values of options of any kind).
import { collectFacts, type Facts } from '../doctor/facts.js';
import type { Machine } from '../doctor/machine.js';
import type { Mount } from '../doctor/mounts.js';

/** Their values are numbers and words of the file system; those of others may name anything. */
const PLAIN_OPTIONS = new Set([
  'data',
  'commit',
  'size',
  'nr_blocks',
  'nr_inodes',
  'mode',
  'errors',
  'barrier',
  'stripe',
  'discard',
  'compress',
  'compress-force',
  'space_cache',
  'subvolid',
  'logbufs',
  'logbsize',
  'sunit',
  'swidth',
  'alloc',
  'huge',
  'vers',
  'proto',
  'rsize',
  'wsize',
  'timeo',
  'retrans',
]);

const OPTION = /^([\w-]+)(?:=(.*))?$/;

function optionsOf({ options }: Mount): string[] {
  return options.flatMap((option) => {
    const [, name, value] = OPTION.exec(option) ?? [];
    if (name === undefined) return [];
    if (value === undefined) return [name];
    const isPlain = PLAIN_OPTIONS.has(name) && /^[\w.:,%-]*$/.test(value);
    return [isPlain ? `${name}=${value}` : `${name}=…`];
  });
}

function placeOf({ mount, space, isWritable }: Facts['folder'] | Facts['sharedMemory']) {
  const { totalBytes, freeBytes, freeNames } = space ?? {};
  const fileSystem = mount?.type;
  const mountOptions = mount && optionsOf(mount);
  return { fileSystem, mountOptions, totalBytes, freeBytes, freeNames, isWritable };
}

function diskOf({ disk }: Facts['folder']) {
  if (disk === undefined) return undefined;
  const { writeCache, fua, isRotational, isVirtual, isMemory, scheduler, backingFile } = disk;
  const kinds = { writeCache, fua, isRotational, isVirtual, isMemory, scheduler };
  return { ...kinds, isLoop: backingFile !== undefined, parts: disk.parts.length };
}

/** @param sharedMemoryDirectory where the log's region is, or would be */
export function machinePart(machine: Machine, directory: string, sharedMemoryDirectory: string) {
  const facts = collectFacts(machine, directory, sharedMemoryDirectory);
  const { platform, release, cores, memoryBytes, container, quotas, limits } = facts;
  return {
    platform,
    architecture: process.arch,
    kernel: release,
    cores,
    memoryBytes,
    container: container ?? 'none',
    quotas,
    limits,
    folder: placeOf(facts.folder),
    disk: diskOf(facts.folder),
    sharedMemory: { ...placeOf(facts.sharedMemory), life: facts.sharedMemory.life },
    clockSource: facts.clockSource,
    swapAreas: facts.swaps.length,
  };
}
