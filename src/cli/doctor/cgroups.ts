// The quotas that this process is under: those of its control group and of all above it, in version
// 1 (a tree for each resource), version 2 (one tree), and both at once.
import { join } from 'node:path';
import type { Machine } from './machine.js';
import { type Mount, optionOf } from './mounts.js';

export interface Quotas {
  /** Processor time for each second: 0.5 is half a core. */
  readonly cpuCores: number | undefined;
  /** Who has used up its quota stands still until the period is over. */
  readonly cpuPeriodMs: number | undefined;
  readonly memoryBytes: number | undefined;
  /** Threads and processes that may still be started. */
  readonly threadsLeft: number | undefined;
  /** Of the disk under the log. */
  readonly writeBytesPerSecond: number | undefined;
  readonly writesPerSecond: number | undefined;
}

/** Numbers from here on are no limit: version 1 says so with the largest that there is. */
const NO_LIMIT = 2 ** 60;

const limitIn = (text: string | undefined): number | undefined => {
  const value = Number(text?.trim() || Number.NaN);
  return value >= 0 && value < NO_LIMIT ? value : undefined;
};

const smallest = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};

/** Folders from the group itself up to the root of what is mounted here. */
function foldersOf(machine: Machine, mount: Mount, group: string): string[] {
  // In a container the path may begin above what is mounted here.
  const isBelow = mount.root !== '/' && group.startsWith(mount.root);
  const below = isBelow ? group.slice(mount.root.length) : group;
  const folders = [mount.point];
  for (const part of below.split('/').filter((each) => each !== '' && each !== '..')) {
    const folder = join(folders[0] ?? mount.point, part);
    if (machine.statusOf(folder) === undefined) break;
    folders.unshift(folder);
  }
  return folders;
}

interface Trees {
  /** The folders with the files of a resource; `unified`: those of version 2. */
  of(controller: string): readonly string[];
}

function treesOf(machine: Machine, mounts: readonly Mount[]): Trees {
  const groups = new Map<string, string>();
  for (const line of (machine.readText('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const name of controllers === '' ? ['unified'] : controllers.split(',')) {
      groups.set(name, path);
    }
  }
  return {
    of(controller) {
      const mount = mounts.find((each) =>
        controller === 'unified'
          ? each.type === 'cgroup2'
          : each.type === 'cgroup' && optionOf(each, controller) !== undefined,
      );
      const group = groups.get(controller);
      return mount === undefined || group === undefined ? [] : foldersOf(machine, mount, group);
    },
  };
}

interface CpuQuota {
  readonly cores: number;
  readonly periodMs: number;
}

function cpuQuotaIn(quota: string | undefined, period: string | undefined): CpuQuota | undefined {
  const [quotaUs, periodUs] = [limitIn(quota), limitIn(period)];
  if (quotaUs === undefined || periodUs === undefined || periodUs === 0) return undefined;
  return { cores: quotaUs / periodUs, periodMs: periodUs / 1000 };
}

/** `8:0 rbps=max wbps=1048576 wiops=120`, a line for each device. */
function ioMax(text: string | undefined, device: string, key: string): number | undefined {
  const line = text?.split('\n').find((each) => each.startsWith(`${device} `));
  return limitIn(new RegExp(`\\b${key}=(\\d+)`).exec(line ?? '')?.[1]);
}

/** `8:0 1048576`, a line for each device. */
function blkioMax(text: string | undefined, device: string): number | undefined {
  const line = text?.split('\n').find((each) => each.startsWith(`${device} `));
  return limitIn(line?.split(' ')[1]);
}

/** @param devices `major:minor` of the disks under the log */
export function quotasOf(
  machine: Machine,
  mounts: readonly Mount[],
  devices: readonly string[],
): Quotas {
  const trees = treesOf(machine, mounts);
  const each = <Value>(controller: string, look: (read: ReadFile) => Value): Value[] =>
    trees.of(controller).map((folder) => look((name) => machine.readText(join(folder, name))));
  const left = (read: ReadFile): number | undefined => {
    const most = limitIn(read('pids.max'));
    return most === undefined
      ? undefined
      : Math.max(0, most - (limitIn(read('pids.current')) ?? 0));
  };
  const cpu = [
    ...each('unified', (read) => {
      const [quota, period] = (read('cpu.max') ?? '').split(' ');
      return cpuQuotaIn(quota, period);
    }),
    ...each('cpu', (read) => cpuQuotaIn(read('cpu.cfs_quota_us'), read('cpu.cfs_period_us'))),
  ]
    .filter((quota) => quota !== undefined)
    .sort((one, other) => one.cores - other.cores)[0];
  const written = (key: string, name: string): (number | undefined)[] =>
    devices.flatMap((device) => [
      ...each('unified', (read) => ioMax(read('io.max'), device, key)),
      ...each('blkio', (read) => blkioMax(read(`blkio.throttle.${name}`), device)),
    ]);
  return {
    cpuCores: cpu?.cores,
    cpuPeriodMs: cpu?.periodMs,
    memoryBytes: smallest([
      ...each('unified', (read) => limitIn(read('memory.max'))),
      ...each('memory', (read) => limitIn(read('memory.limit_in_bytes'))),
    ]),
    threadsLeft: smallest([...each('unified', left), ...each('pids', left)]),
    writeBytesPerSecond: smallest(written('wbps', 'write_bps_device')),
    writesPerSecond: smallest(written('wiops', 'write_iops_device')),
  };
}

type ReadFile = (name: string) => string | undefined;

/** For how long this group, or one around it, was made to stand still so far, in ms. */
export function throttledMs(machine: Machine, mounts: readonly Mount[]): number | undefined {
  const trees = treesOf(machine, mounts);
  const found = ['unified', 'cpu'].flatMap((controller) =>
    trees.of(controller).map((folder) => {
      const text = machine.readText(join(folder, 'cpu.stat')) ?? '';
      const us = /^throttled_usec (\d+)$/m.exec(text)?.[1];
      const ns = /^throttled_time (\d+)$/m.exec(text)?.[1];
      if (us !== undefined) return Number(us) / 1e3;
      return ns === undefined ? undefined : Number(ns) / 1e6;
    }),
  );
  const known = found.filter((each) => each !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
