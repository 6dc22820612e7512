// Machines with one fault each, in the disk.
import { type Case, group, MS, mounted, queue, US } from './fake-cases.js';
import { fakeMeasurements, fakeWay, mountLine, withWays } from './fake-machine.js';

export const DISK_CASES: readonly Case[] = [
  {
    id: 'flush-too-fast',
    level: 'problem',
    measured: withWays(fakeWay('overwrite', 6 * US)),
    says: /6.00 µs .*two commands/,
    remedy: /diskchecker/,
  },
  {
    id: 'flush-too-fast',
    when: 'a disk turns',
    level: 'warning',
    machine: queue({ rotational: '1' }),
    measured: withWays(fakeWay('overwrite', 200 * US)),
    says: /200 µs .*half a turn/,
    remedy: /battery/,
    also: ['turning-disk'],
  },
  {
    id: 'flush-too-fast',
    when: 'a disk says that it has no cache',
    level: 'problem',
    machine: queue({ write_cache: 'write through' }),
    measured: withWays(fakeWay('overwrite', 3 * US)),
    says: /3.00 µs/,
    remedy: /hypervisor/,
  },
  {
    id: 'no-flushes',
    level: 'problem',
    measured: fakeMeasurements({ flushes: 0 }),
    says: /nvme0n1 no flush for 5,000 commits/,
    remedy: /barrier=0/,
  },
  {
    id: 'host-decides',
    level: 'note',
    machine: { files: { '/sys/class/block/nvme0n1/device/model': 'QEMU NVMe Ctrl' } },
    measured: withWays(fakeWay('overwrite', 60 * US)),
    says: /virtual disk.*60.0 µs/,
    remedy: /never unsafe/,
  },
  {
    id: 'turning-disk',
    level: 'note',
    machine: queue({ rotational: '1' }),
    measured: withWays(fakeWay('overwrite', 8 * MS), fakeWay('durable', 8.2 * MS)),
    says: /turning disk/,
    remedy: /share a commit/,
  },
  {
    id: 'loop-device',
    level: 'note',
    machine: {
      files: {
        ...mounted(mountLine('/data', 'ext4', '/dev/loop3', { device: '7:3' })).files,
        '/sys/devices/virtual/loop3/loop/backing_file': '/images/disk.img\n',
        '/sys/devices/virtual/loop3/queue/write_cache': 'write back\n',
      },
      links: { '/sys/dev/block/7:3': '/sys/devices/virtual/loop3' },
    },
    says: /\/images\/disk.img/,
    remedy: /\/images\/disk.img/,
  },
  {
    id: 'fair-scheduler',
    level: 'note',
    machine: queue({ scheduler: 'none mq-deadline [bfq]' }),
    says: /nvme0n1 is bfq/,
    remedy: /mq-deadline/,
  },
  {
    id: 'write-quota',
    level: 'warning',
    machine: group({ 'io.max': '259:0 rbps=max wbps=1000000 riops=max wiops=120\n' }),
    says: /120 writes and 1.00 MB a second/,
    remedy: /io.max/,
  },
  {
    id: 'long-stall',
    level: 'warning',
    measured: fakeMeasurements({ longest: { way: 'grow', ns: 2.5e9, atMs: 10 } }),
    says: /took 2.5 s/,
    remedy: /iostat/,
  },
  {
    id: 'slow-commits',
    level: 'warning',
    measured: withWays(fakeWay('overwrite', 30 * MS), fakeWay('durable', 30.2 * MS)),
    says: /30.0 ms \(p50\)/,
    remedy: /Share commits/,
  },
  {
    id: 'uneven-commits',
    level: 'warning',
    measured: withWays(fakeWay('overwrite', 200 * US, { p99Ns: 80 * MS })),
    says: /80.0 ms, the others 200 µs/,
    remedy: /of its own/,
  },
];
