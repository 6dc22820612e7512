// What the machines of the findings' tests have in common.
import { type Changes, fakeMeasurements, mountLine } from './fake-machine.js';
import type { Finding } from './finding.js';
import type { Measurements } from './measurements.js';

export interface Case {
  readonly id: string;
  /** Why there are two of one finding. */
  readonly when?: string;
  readonly level: Finding['level'];
  readonly machine?: Changes;
  readonly measured?: Measurements;
  /** Why nothing was measured. */
  readonly refused?: string;
  readonly sharedMemoryDirectory?: string;
  readonly says: RegExp;
  readonly remedy: RegExp;
  /** Findings that cannot be told apart from it. */
  readonly also?: readonly string[];
}

export const SHM = mountLine('/dev/shm', 'tmpfs', 'tmpfs', { device: '0:23' });
export const CGROUP2 = mountLine('/sys/fs/cgroup', 'cgroup2', 'cgroup2', { device: '0:26' });
export const mounted = (...lines: readonly string[]): Changes => ({
  files: { '/proc/self/mountinfo': [...lines, SHM, CGROUP2].join('\n') },
});
export const data = (type: string, options = 'rw', source = '/dev/nvme0n1p2'): Changes =>
  mounted(mountLine('/data', type, source, { options }));
export const SYS = '/sys/devices/pci0/nvme/nvme0n1/queue';
export const queue = (files: Readonly<Record<string, string>>): Changes => ({
  files: Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`${SYS}/${name}`, `${text}\n`]),
  ),
});
export const group = (files: Readonly<Record<string, string>>): Changes => ({
  files: Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`/sys/fs/cgroup/app/${name}`, text]),
  ),
});
export const limits = (text: string): Changes => ({ files: { '/proc/self/limits': text } });
export const log = (changes: Partial<NonNullable<Measurements['log']>>): Measurements => {
  const base = fakeMeasurements();
  return { ...base, log: base.log && { ...base.log, ...changes } };
};
export const US = 1e3;
export const MS = 1e6;
export const container = (source: string): Changes => ({
  files: {
    '/.dockerenv': '',
    '/proc/self/mountinfo': [
      mountLine('/', 'overlay', 'overlay', { device: '0:50' }),
      mountLine('/data', 'ext4', '/dev/nvme0n1p2'),
      mountLine('/dev/shm', 'tmpfs', source, { device: '0:51' }),
    ].join('\n'),
  },
});
