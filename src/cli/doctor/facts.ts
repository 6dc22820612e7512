// All that the machine tells without being measured: the folder, its disk, shared memory, quotas,
// limits, clock.
import { dirname, resolve } from 'node:path';
import { type Disk, diskUnder } from './block-device.js';
import { type Quotas, quotasOf } from './cgroups.js';
import { type Limits, limitsOf } from './limits.js';
import type { Machine, Space } from './machine.js';
import { type Mount, mountAt, mountsOf } from './mounts.js';

/** A folder, and what it is on. */
interface Place {
  readonly path: string;
  readonly mount: Mount | undefined;
  readonly space: Space | undefined;
  readonly isWritable: boolean;
}

interface FolderFacts extends Place {
  /** `missing`: then the rest is told of the nearest folder above that exists. */
  readonly state: 'folder' | 'missing' | 'not-a-folder';
  /** Where files can be made to measure with: the folder itself, or the one above. */
  readonly trialParent: string;
  readonly disk: Disk | undefined;
  /** Names of folders that a killed `doctor` has left here. */
  readonly leftOvers: readonly string[];
}

interface SharedMemoryFacts extends Place {
  readonly exists: boolean;
  /** tmpfs or ramfs: anything else is not mapped. */
  readonly isMemory: boolean;
  /** Who takes it away: see `lifeOf`. */
  readonly life: 'until-reboot' | 'until-container-ends' | 'until-pod-ends' | 'unknown';
}

type Container = 'docker' | 'podman' | 'kubernetes' | 'other';

export interface Facts {
  readonly platform: string;
  readonly release: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly container: Container | undefined;
  readonly folder: FolderFacts;
  readonly sharedMemory: SharedMemoryFacts;
  readonly quotas: Quotas;
  readonly limits: Limits;
  /** What the kernel reads the time from, and what else it could take. */
  readonly clockSource: string | undefined;
  readonly clockSources: readonly string[];
  /** Names of the swap areas that are on a disk. */
  readonly swaps: readonly string[];
  /** Whether systemd removes the user's files in shared memory when their last session ends. */
  readonly isIpcRemoved: boolean;
}

/** What the trial's folders are named; a kill leaves one behind. */
export const TRIAL_PREFIX = 'flashstrike-doctor-';

/** f_type of statfs(2) */
const MEMORY_TYPES: ReadonlySet<number> = new Set([0x0102_1994, 0x8584_58f6]);

function containerOf(machine: Machine): Container | undefined {
  if (machine.environment('KUBERNETES_SERVICE_HOST') !== undefined) return 'kubernetes';
  if (machine.statusOf('/run/.containerenv') !== undefined) return 'podman';
  if (machine.statusOf('/.dockerenv') !== undefined) return 'docker';
  const group = machine.readText('/proc/1/cgroup') ?? '';
  if (group.includes('kubepods')) return 'kubernetes';
  if (/docker|containerd|libpod|lxc|crio/.test(group)) return 'other';
  const hint = machine.environment('container');
  return hint === undefined || hint === '' ? undefined : 'other';
}

/**
 * Docker, Podman and containerd mount a tmpfs of their own and name it `shm`; in Kubernetes that is
 * the pod's. A volume or the host's folder bears another name.
 */
function lifeOf(
  container: Container | undefined,
  mount: Mount | undefined,
): SharedMemoryFacts['life'] {
  if (container === undefined) return 'until-reboot';
  if (mount?.source !== 'shm') return 'unknown';
  return container === 'kubernetes' ? 'until-pod-ends' : 'until-container-ends';
}

/** logind does that for users, not for the system's own accounts, unless they linger. */
function isIpcRemoved(machine: Machine): boolean {
  if (machine.statusOf('/run/systemd/system') === undefined) return false;
  const { userId, userName } = machine;
  if (userId === undefined || userId < 1000 || userId >= 65_534) return false;
  if (machine.statusOf(`/var/lib/systemd/linger/${userName}`) !== undefined) return false;
  const folders = ['/usr/lib/systemd', '/etc/systemd'];
  const files = folders.flatMap((folder) => [
    `${folder}/logind.conf`,
    ...machine.list(`${folder}/logind.conf.d`).map((name) => `${folder}/logind.conf.d/${name}`),
  ]);
  // The last word counts; what systemd itself was built with is yes.
  const words = files.flatMap((file) => [
    ...(machine.readText(file) ?? '').matchAll(/^\s*RemoveIPC\s*=\s*(\w+)/gm),
  ]);
  return !/^(no|false|off|0)$/i.test(words.at(-1)?.[1] ?? 'yes');
}

/** zram is memory as well, only smaller. */
const swapsOf = (machine: Machine): string[] =>
  (machine.readText('/proc/swaps') ?? '')
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/)[0] ?? '')
    .filter((name) => name !== '' && !name.startsWith('/dev/zram'));

/** The folder itself, or the nearest one above it that exists. */
function nearest(machine: Machine, path: string): string {
  for (let at = path; ; at = dirname(at)) {
    if (machine.statusOf(at)?.kind === 'directory') return at;
    if (at === dirname(at)) return at;
  }
}

function placeAt(machine: Machine, mounts: readonly Mount[], path: string): Place {
  return {
    path,
    mount: mountAt(mounts, machine.realPath(path) ?? path),
    space: machine.spaceAt(path),
    isWritable: machine.mayWrite(path),
  };
}

function folderFacts(machine: Machine, mounts: readonly Mount[], path: string): FolderFacts {
  const kind = machine.statusOf(path)?.kind;
  const state = kind === 'directory' ? 'folder' : kind === undefined ? 'missing' : 'not-a-folder';
  const trialParent = nearest(machine, path);
  const place = placeAt(machine, mounts, trialParent);
  return {
    ...place,
    path,
    state,
    trialParent,
    disk: diskUnder(machine, place.mount),
    leftOvers: machine.list(trialParent).filter((name) => name.startsWith(TRIAL_PREFIX)),
  };
}

/** Undefined numbers are those of disks that the kernel does not name. */
function deviceNumbers(machine: Machine, { disk, mount }: FolderFacts): string[] {
  const parts = (disk?.parts ?? []).map((part) =>
    machine.readText(`/sys/class/block/${part}/dev`)?.trim(),
  );
  return [mount?.device, ...parts].filter((number) => number !== undefined);
}

export function collectFacts(
  machine: Machine,
  directory: string,
  sharedMemoryDirectory: string,
): Facts {
  const mounts = mountsOf(machine);
  const container = containerOf(machine);
  const folder = folderFacts(machine, mounts, resolve(directory));
  const shared = placeAt(machine, mounts, resolve(sharedMemoryDirectory));
  const clock = '/sys/devices/system/clocksource/clocksource0';
  return {
    platform: machine.platform,
    release: machine.release,
    cores: machine.cores,
    memoryBytes: machine.memoryBytes,
    container,
    folder,
    sharedMemory: {
      ...shared,
      exists: machine.statusOf(shared.path)?.kind === 'directory',
      isMemory: MEMORY_TYPES.has(shared.space?.type ?? 0),
      life: lifeOf(container, shared.mount),
    },
    quotas: quotasOf(machine, mounts, deviceNumbers(machine, folder)),
    limits: limitsOf(machine),
    clockSource: machine.readText(`${clock}/current_clocksource`)?.trim(),
    clockSources: machine.readText(`${clock}/available_clocksource`)?.trim().split(/\s+/) ?? [],
    swaps: swapsOf(machine),
    isIpcRemoved: isIpcRemoved(machine),
  };
}
