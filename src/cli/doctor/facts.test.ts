// What is read from /proc and /sys, on machines that are made up.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diskUnder, flushesOf } from './block-device.js';
import { throttledMs } from './cgroups.js';
import { collectFacts } from './facts.js';
import { type Changes, fakeMachine, LOG, mountLine } from './fake-machine.js';
import { mountAt, mountsOf, optionOf } from './mounts.js';

const factsOf = (changes: Changes, path = LOG) =>
  collectFacts(fakeMachine(changes), path, '/dev/shm');

describe('mounts', () => {
  const mounts = (...lines: readonly string[]) =>
    mountsOf(fakeMachine({ files: { '/proc/self/mountinfo': lines.join('\n') } }));

  it('the innermost counts, and of several in one place the one on top', () => {
    const all = mounts(
      mountLine('/', 'ext4', '/dev/a'),
      mountLine('/data', 'xfs', '/dev/b'),
      mountLine('/data', 'tmpfs', 'on-top'),
      mountLine('/database', 'btrfs', '/dev/c'),
      'not a mount',
    );
    assert.equal(mountAt(all, '/data/log')?.source, 'on-top');
    assert.equal(mountAt(all, '/data')?.source, 'on-top');
    assert.equal(mountAt(all, '/dat')?.source, '/dev/a');
    assert.equal(mountAt([], '/data'), undefined);
  });

  it('blanks in names are spelt, options have values', () => {
    const [mount] = mounts(
      mountLine('/my\\040disk', 'ext4', '/dev/a', { options: 'rw,data=journal,noatime' }),
    );
    assert.equal(mount?.point, '/my disk');
    assert.equal(optionOf(mount, 'data'), 'journal');
    assert.equal(optionOf(mount, 'noatime'), '');
    assert.equal(optionOf(mount, 'atime'), undefined);
  });
});

describe('the disk under a folder', () => {
  it('is that of the partition, with what sysfs says of it', () => {
    assert.deepEqual(factsOf({}).folder.disk, {
      name: 'nvme0n1',
      model: 'Fast Disk 1',
      writeCache: 'write back',
      fua: true,
      isRotational: false,
      isVirtual: false,
      isMemory: false,
      scheduler: 'none',
      backingFile: undefined,
      parts: ['nvme0n1'],
    });
  });

  it('is found by its name where the file system has a number of its own', () => {
    const { disk } = factsOf({
      files: {
        '/proc/self/mountinfo': mountLine('/', 'btrfs', '/dev/nvme0n1', { device: '0:31' }),
      },
    }).folder;
    assert.equal(disk?.name, 'nvme0n1');
  });

  it('may be made of others, whose flushes are counted', () => {
    const machine = fakeMachine({
      files: {
        '/sys/class/block/sda/stat': `${'1 '.repeat(15)}20 0`,
        '/sys/class/block/sdb/stat': `${'1 '.repeat(15)}22 0`,
        '/sys/devices/pci1/sda/sda1/partition': '1',
      },
      folders: { '/sys/devices/virtual/md0/slaves': ['sda1', 'sdb'] },
      links: {
        '/sys/dev/block/9:0': '/sys/devices/virtual/md0',
        '/sys/class/block/sda1': '/sys/devices/pci1/sda/sda1',
        '/sys/class/block/sdb': '/sys/devices/pci1/sdb',
      },
    });
    const [mount] = mountsOf(
      fakeMachine({
        files: { '/proc/self/mountinfo': mountLine('/', 'ext4', '/dev/md0', { device: '9:0' }) },
      }),
    );
    const disk = diskUnder(machine, mount);
    assert.deepEqual(disk?.parts, ['sda', 'sdb']);
    assert.equal(flushesOf(machine, disk), 42);
    assert.equal(flushesOf(fakeMachine(), disk), undefined, 'an older kernel counts none');
  });

  it('is unknown of a network file system', () => {
    const nfs = mountLine('/', 'nfs4', 'server:/export', { device: '0:60' });
    assert.equal(factsOf({ files: { '/proc/self/mountinfo': nfs } }).folder.disk, undefined);
  });
});

describe('quotas', () => {
  it('of version 2: the smallest of the group and those above it', () => {
    const { quotas } = factsOf({
      files: {
        '/proc/self/cgroup': '0::/slice/app',
        '/sys/fs/cgroup/slice/cpu.max': '150000 50000',
        '/sys/fs/cgroup/slice/app/cpu.max': 'max 100000',
        '/sys/fs/cgroup/slice/memory.max': '1000000',
        '/sys/fs/cgroup/slice/app/memory.max': '2000000',
        '/sys/fs/cgroup/slice/app/pids.max': '100',
        '/sys/fs/cgroup/slice/app/pids.current': '40',
        '/sys/fs/cgroup/slice/app/io.max': '8:0 wbps=1\n259:0 rbps=max wbps=5000 wiops=max\n',
      },
      folders: { '/sys/fs/cgroup/slice': [], '/sys/fs/cgroup/slice/app': [] },
    });
    assert.deepEqual(quotas, {
      cpuCores: 3,
      cpuPeriodMs: 50,
      memoryBytes: 1_000_000,
      threadsLeft: 60,
      writeBytesPerSecond: 5000,
      writesPerSecond: undefined,
    });
  });

  it('of version 1, in a container that sees its own group as the root', () => {
    const tree = (controller: string): string =>
      mountLine(`/sys/fs/cgroup/${controller}`, 'cgroup', 'cgroup', {
        device: '0:40',
        root: '/docker/abc',
        options: `rw,${controller}`,
      });
    const changes: Changes = {
      files: {
        '/proc/self/mountinfo': [
          mountLine('/', 'ext4', '/dev/nvme0n1p2'),
          ...['cpu', 'memory', 'pids', 'blkio'].map(tree),
        ].join('\n'),
        '/proc/self/cgroup': [
          '4:cpu,cpuacct:/docker/abc/inner',
          '3:memory:/docker/abc',
          '2:pids:/docker/abc',
          '1:blkio:/docker/abc',
        ].join('\n'),
        '/sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us': '25000',
        '/sys/fs/cgroup/cpu/inner/cpu.cfs_period_us': '100000',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
        '/sys/fs/cgroup/cpu/cpu.stat': 'nr_periods 4\nnr_throttled 1\nthrottled_time 7000000\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
        '/sys/fs/cgroup/pids/pids.max': 'max',
        '/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device': '259:2 100\n',
      },
      folders: { '/sys/fs/cgroup/cpu/inner': [] },
    };
    const { quotas } = factsOf(changes);
    assert.deepEqual(quotas, {
      cpuCores: 0.25,
      cpuPeriodMs: 100,
      memoryBytes: undefined,
      threadsLeft: undefined,
      writeBytesPerSecond: undefined,
      writesPerSecond: 100,
    });
    const machine = fakeMachine(changes);
    assert.equal(throttledMs(machine, mountsOf(machine)), 7);
  });
});

describe('shared memory', () => {
  const life = (changes: Changes, source = 'shm') =>
    factsOf({
      ...changes,
      files: {
        '/proc/self/mountinfo': mountLine('/dev/shm', 'tmpfs', source),
        ...changes.files,
      },
    }).sharedMemory.life;

  it('goes with the container that mounted it, and not with one that was given it', () => {
    assert.equal(life({}), 'until-reboot');
    assert.equal(life({ files: { '/.dockerenv': '' } }), 'until-container-ends');
    assert.equal(life({ files: { '/run/.containerenv': '' } }), 'until-container-ends');
    assert.equal(life({ files: { '/proc/1/cgroup': '0::/kubepods/x' } }), 'until-pod-ends');
    assert.equal(life({ environment: { container: 'lxc' } }), 'until-container-ends');
    assert.equal(life({ files: { '/.dockerenv': '' } }, 'tmpfs'), 'unknown');
  });

  it('is emptied by logind for users who do not linger, unless it is told not to', () => {
    const removed = (changes: Changes, userId = 1000) =>
      factsOf({
        ...changes,
        folders: { '/run/systemd/system': [], ...changes.folders },
        machine: { userId, userName: 'alice' },
      }).isIpcRemoved;
    assert.equal(removed({}), true);
    assert.equal(removed({}, 0), false);
    assert.equal(removed({}, 999), false);
    assert.equal(removed({ files: { '/var/lib/systemd/linger/alice': '' } }), false);
    assert.equal(removed({ files: { '/etc/systemd/logind.conf': '#RemoveIPC=no\n' } }), true);
    assert.equal(removed({ files: { '/etc/systemd/logind.conf': 'RemoveIPC=no\n' } }), false);
    assert.equal(removed({ folders: { '/run/systemd/system': undefined } }), false);
  });
});

describe('the folder', () => {
  it('that is not there: its place is that of the nearest one above', () => {
    const { folder } = factsOf({}, '/data/log/a/b');
    assert.deepEqual([folder.state, folder.trialParent], ['missing', LOG]);
    assert.equal(folder.disk?.name, 'nvme0n1');
  });

  it('on a machine of which nothing is known: no finding, and no failure', () => {
    const unknown = fakeMachine({
      machine: {
        readText: () => undefined,
        list: () => [],
        realPath: () => undefined,
        spaceAt: () => undefined,
        userId: undefined,
        userName: undefined,
      },
    });
    const { folder, quotas, limits } = collectFacts(unknown, LOG, '/dev/shm');
    assert.equal(folder.mount, undefined);
    assert.equal(folder.disk, undefined);
    assert.deepEqual(
      new Set([...Object.values(quotas), ...Object.values(limits)]),
      new Set([undefined]),
    );
  });
});
