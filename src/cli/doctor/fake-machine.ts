// A machine that is made up for tests: its files, links, folders and file systems. As it comes it
// is a good place for a log: ext4 on a flash disk, no container, no quotas.
import type { Machine, Space } from './machine.js';
import type { Measurements, WayName, WayResult } from './measurements.js';

export const GIB = 2 ** 30;
export const LOG = '/data/log';
const TMPFS = 0x0102_1994;
const EXT4 = 0xef53;

export const ROOM: Space = {
  type: EXT4,
  totalBytes: 500 * GIB,
  freeBytes: 400 * GIB,
  freeNames: 1_000_000,
};
export const SHARED: Space = {
  type: TMPFS,
  totalBytes: 16 * GIB,
  freeBytes: 15 * GIB,
  freeNames: undefined,
};

/** A line of mountinfo. */
export const mountLine = (
  point: string,
  type: string,
  source: string,
  { device = '259:2', root = '/', options = 'rw' } = {},
): string => `25 1 ${device} ${root} ${point} rw shared:1 - ${type} ${source} ${options}`;

const NVME = '/sys/devices/pci0/nvme/nvme0n1';

const FILES: Readonly<Record<string, string>> = {
  '/proc/self/mountinfo': [
    mountLine('/', 'ext4', '/dev/nvme0n1p2'),
    mountLine('/dev/shm', 'tmpfs', 'tmpfs', { device: '0:23' }),
    mountLine('/sys/fs/cgroup', 'cgroup2', 'cgroup2', { device: '0:26' }),
  ].join('\n'),
  '/proc/self/cgroup': '0::/app',
  '/proc/self/limits': [
    'Limit                     Soft Limit           Hard Limit           Units',
    'Max file size             unlimited            unlimited            bytes',
    'Max processes             63000                63000                processes',
    'Max open files            65536                65536                files',
  ].join('\n'),
  '/proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n',
  [`${NVME}/nvme0n1p2/partition`]: '2\n',
  [`${NVME}/queue/write_cache`]: 'write back\n',
  [`${NVME}/queue/fua`]: '1\n',
  [`${NVME}/queue/rotational`]: '0\n',
  [`${NVME}/queue/scheduler`]: '[none] mq-deadline\n',
  '/sys/class/block/nvme0n1/device/model': 'Fast Disk 1\n',
  '/sys/class/block/nvme0n1/dev': '259:0\n',
  '/sys/class/block/nvme0n1/stat': '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 1600 17\n',
  '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n',
  '/sys/devices/system/clocksource/clocksource0/available_clocksource': 'tsc hpet acpi_pm\n',
};

const LINKS: Readonly<Record<string, string>> = {
  '/sys/dev/block/259:2': `${NVME}/nvme0n1p2`,
  '/sys/class/block/nvme0n1': NVME,
};

export interface Changes {
  /** By path; undefined removes one. */
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly links?: Readonly<Record<string, string | undefined>>;
  /** Folders by their names in them; undefined removes one. */
  readonly folders?: Readonly<Record<string, readonly string[] | undefined>>;
  readonly spaces?: Readonly<Record<string, Space>>;
  readonly unwritable?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly machine?: Partial<Machine>;
}

export function fakeMachine(changes: Changes = {}): Machine {
  const files = { ...FILES, ...changes.files };
  const links = { ...LINKS, ...changes.links };
  const folders: Record<string, readonly string[] | undefined> = {
    '/': [],
    '/data': ['log'],
    [LOG]: [],
    '/dev/shm': [],
    '/sys/fs/cgroup': ['app'],
    '/sys/fs/cgroup/app': [],
    ...changes.folders,
  };
  const spaces: Readonly<Record<string, Space>> = {
    [LOG]: ROOM,
    '/data': ROOM,
    '/dev/shm': SHARED,
    ...changes.spaces,
  };
  return {
    platform: 'linux',
    release: '6.12.0',
    cores: 8,
    memoryBytes: 32 * GIB,
    userId: 0,
    userName: 'root',
    environment: (name) => changes.environment?.[name],
    readText: (path) => files[path],
    list: (path) => folders[path] ?? [],
    realPath: (path) => links[path] ?? (path.startsWith('/sys/') ? undefined : path),
    statusOf(path) {
      if (folders[path] !== undefined) return { kind: 'directory' };
      return files[path] === undefined ? undefined : { kind: 'file' };
    },
    spaceAt: (path) => spaces[path],
    mayWrite: (path) => folders[path] !== undefined && !changes.unwritable?.includes(path),
    ...changes.machine,
  };
}

const MS = 1e6;
const US = 1e3;

export const fakeWay = (way: WayName, p50Ns: number, more: Partial<WayResult> = {}): WayResult => ({
  way,
  commits: 1000,
  eventsPerCommit: way === 'batch' ? 1000 : 1,
  p50Ns,
  p99Ns: 3 * p50Ns,
  worstNs: 10 * p50Ns,
  refused: undefined,
  ...more,
});

/** Of a good flash disk, with what a test changes. */
export const fakeMeasurements = (changes: Partial<Measurements> = {}): Measurements => ({
  ways: [
    fakeWay('overwrite', 200 * US),
    fakeWay('grow', 900 * US),
    fakeWay('dsync', 190 * US),
    fakeWay('batch', 300 * US),
    fakeWay('durable', 300 * US),
  ],
  log: {
    sharedMemory: 'mapped',
    sharedMemoryReason: undefined,
    lock: 'flock',
    renameNoReplace: true,
    allocate: true,
    syncDirectory: true,
  },
  logRefused: undefined,
  longest: { way: 'grow', ns: 9 * MS, atMs: 1200 },
  flushes: 5000,
  pauseNs: 100 * US,
  throttledMs: 0,
  clockReadingNs: 40,
  clockStepMs: 0.1,
  ...changes,
});

/** The same with other times of some ways. */
export const withWays = (...ways: readonly WayResult[]): Measurements => {
  const base = fakeMeasurements();
  const others = base.ways.filter((each) => !ways.some(({ way }) => way === each.way));
  return { ...base, ways: [...ways, ...others] };
};
