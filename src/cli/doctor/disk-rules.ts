// Findings about the disk: what it says of itself, and whether its speed can be true.
import { printable } from '../../errors.js';
import { NS_PER_MS, NS_PER_SECOND, NS_PER_US } from '../../units.js';
import { formatBytes, formatCount, formatDuration } from '../quantities.js';
import type { Disk } from './block-device.js';
import type { Rule } from './finding.js';
import { type Measurements, wayOf } from './measurements.js';

const seconds = (ns: number): string => formatDuration(ns / NS_PER_SECOND);

/**
 * The least that a commit can take where the disk keeps what it was given.
 *
 * A turning disk waits for the place to come by: half a turn on average, which is 2 ms at 15,000
 * turns a minute and 4.2 ms at 7,200; nothing turns faster. A cache with a battery does without.
 */
const TURNING_NS = 2 * NS_PER_MS;
/**
 * A disk with a cache that a power cut empties gets two commands, one after the other: the write,
 * and the flush. The fastest flash there is (Optane) answers one in about 10 µs, with the kernel's
 * way there and back.
 */
const CACHED_NS = 20 * NS_PER_US;
/** A disk that says it has no such cache gets one. */
const UNCACHED_NS = 8 * NS_PER_US;

interface Floor {
  readonly ns: number;
  readonly why: string;
}

/** Undefined where nothing is known of the disk. */
function floorOf(disk: Disk | undefined): Floor | undefined {
  if (disk === undefined || disk.isMemory) return undefined;
  // Hypervisors call any disk a turning one.
  if (disk.isRotational === true && !disk.isVirtual) {
    return { ns: TURNING_NS, why: 'half a turn of the fastest turning disk takes 2 ms' };
  }
  if (disk.writeCache === 'write back') {
    return {
      ns: CACHED_NS,
      why: 'a write and a flush are two commands, of some 10 µs each at best',
    };
  }
  if (disk.writeCache !== 'write through') return undefined;
  return { ns: UNCACHED_NS, why: 'a command to the fastest disk takes some 10 µs' };
}

/** A virtual disk that is faster is on flash with protection against power loss, or lies. */
const HOST_NS = 100 * NS_PER_US;

/** Commits that asked for a flush. */
const commitsIn = ({ ways }: Measurements): number =>
  ways.reduce((sum, { commits }) => sum + commits, 0);
/** Of fewer nothing is concluded. */
const ENOUGH_COMMITS = 20;
const LONG_STALL_NS = NS_PER_SECOND;
const SLOW_P99 = 20;
const SLOW_COMMIT_NS = 20 * NS_PER_MS;

export const diskRules: readonly Rule[] = [
  {
    id: 'flush-too-fast',
    look({ facts: { folder }, measured }) {
      const commit = wayOf(measured, 'overwrite');
      const floor = floorOf(folder.disk);
      if (commit === undefined || floor === undefined || commit.p50Ns >= floor.ns) return undefined;
      const isTurning = floor.ns === TURNING_NS;
      return {
        level: isTurning ? 'warning' : 'problem',
        what:
          `A write with its sync takes ${seconds(commit.p50Ns)} (p50), which is faster than ` +
          `the disk can be: ${floor.why}.`,
        why:
          'Something acknowledges syncs without keeping them: a power cut would take back ' +
          'events that durable() has resolved for.',
        remedy: isTurning
          ? 'Make sure that a controller with a battery is in between, and that the battery is ' +
            'good; otherwise switch the cache of the disk off: `hdparm -W0`, `sdparm --clear WCE`.'
          : 'Of a virtual disk: set cache=none or writethrough in the hypervisor, never unsafe. ' +
            'Of a real one: update its firmware, switch its cache off, and cut the power once ' +
            'to see (diskchecker.pl).',
      };
    },
  },
  {
    id: 'no-flushes',
    look({ facts: { folder }, measured }) {
      const { disk } = folder;
      if (disk?.writeCache !== 'write back' || disk.isMemory || measured === undefined)
        return undefined;
      const commits = commitsIn(measured);
      if (measured.flushes !== 0 || commits < ENOUGH_COMMITS) return undefined;
      return {
        level: 'problem',
        what:
          `The kernel sent ${printable(disk.parts.join(', '))} no flush for ` +
          `${formatCount(commits)} commits, though the disk says that it has a cache.`,
        why: 'The commits are in a cache that a power cut empties.',
        remedy:
          'Look at the options of the mount (barrier=0, nobarrier), and at what lies between ' +
          'file system and disk: a loop device, an old driver, a setting of the RAID.',
      };
    },
  },
  {
    id: 'host-decides',
    look({ facts: { folder }, measured }) {
      const commit = wayOf(measured, 'overwrite');
      const floor = floorOf(folder.disk);
      if (commit === undefined || floor === undefined || folder.disk?.isVirtual !== true) return;
      if (commit.p50Ns < floor.ns || commit.p50Ns >= HOST_NS) return undefined;
      return {
        level: 'note',
        what:
          `${printable(folder.disk.name)} is a virtual disk, and commits in ` +
          `${seconds(commit.p50Ns)} (p50): no more can be told from inside.`,
        why:
          'That is what flash with protection against power loss takes, and also what a host ' +
          'takes that keeps the data in its own memory.',
        remedy:
          'Ask the provider what a flush means there; in a hypervisor of your own look for ' +
          'cache=none or writethrough, never unsafe.',
      };
    },
  },
  {
    id: 'turning-disk',
    look: ({ facts: { folder } }) =>
      folder.disk?.isRotational !== true || folder.disk.isVirtual || folder.disk.isMemory
        ? undefined
        : {
            level: 'note',
            what: `${printable(folder.disk.name)} is a turning disk.`,
            why: 'It makes some 100 commits a second, fewer when others move its head.',
            remedy:
              'Let many events share a commit: await durable() once for all that came in a turn ' +
              'of the event loop. Give the log a disk of its own.',
          },
  },
  {
    id: 'loop-device',
    look: ({ facts: { folder } }) =>
      folder.disk?.backingFile === undefined
        ? undefined
        : {
            level: 'note',
            what: `The disk is the file ${printable(folder.disk.backingFile)} (a loop device).`,
            why:
              'It can run out of space while this file system has some (a sparse file), and ' +
              'syncs are those of the file system below.',
            remedy: `Run this for the folder of ${printable(folder.disk.backingFile)} as well.`,
          },
  },
  {
    id: 'fair-scheduler',
    look: ({ facts: { folder } }) =>
      folder.disk?.scheduler !== 'bfq' && folder.disk?.scheduler !== 'cfq'
        ? undefined
        : {
            level: 'note',
            what:
              `The I/O scheduler of ${printable(folder.disk.name)} is ` +
              `${folder.disk.scheduler}.`,
            why:
              'It shares the disk out between processes, and lets it idle for one that may ' +
              'have more to do: a sync waits for that.',
            remedy:
              `echo mq-deadline > ` +
              `/sys/block/${printable(folder.disk.name)}/queue/scheduler (none for NVMe), and a ` +
              `udev rule to keep it.`,
          },
  },
  {
    id: 'write-quota',
    look({ facts: { quotas } }) {
      const { writesPerSecond, writeBytesPerSecond } = quotas;
      if (writesPerSecond === undefined && writeBytesPerSecond === undefined) return undefined;
      const most = [
        ...(writesPerSecond === undefined ? [] : [`${formatCount(writesPerSecond)} writes`]),
        ...(writeBytesPerSecond === undefined ? [] : [formatBytes(writeBytesPerSecond)]),
      ];
      return {
        level: 'warning',
        what: `The control group may write ${most.join(' and ')} a second to this disk.`,
        why: 'Who is above that waits in write or sync, for seconds where much was written before.',
        remedy:
          'Raise the limit (io.max, --device-write-iops, --device-write-bps) above what the log ' +
          'needs.',
      };
    },
  },
  {
    id: 'long-stall',
    look({ measured }) {
      const longest = measured?.longest;
      if (longest === undefined || longest.ns < LONG_STALL_NS) return undefined;
      return {
        level: 'warning',
        what: `One commit took ${seconds(longest.ns)}.`,
        why: 'Appends go on in the ring meanwhile, as long as it has room; durable() waits.',
        remedy:
          'Look for who else uses the disk (`iostat -x 1`, `iotop`), and for a burst quota of ' +
          'the cloud that is used up. Choose ringBytes for such a stall: below.',
      };
    },
  },
  {
    id: 'slow-commits',
    look({ measured }) {
      const commit = wayOf(measured, 'overwrite');
      if (commit === undefined || commit.p50Ns < SLOW_COMMIT_NS) return undefined;
      return {
        level: 'warning',
        what: `A commit takes ${seconds(commit.p50Ns)} (p50).`,
        why: 'One that is waited for by itself makes so few a second, whatever the program does.',
        remedy:
          'Share commits (await durable() for many events at once), or take a faster disk: ' +
          'flash with protection against power loss commits in some 50 µs.',
      };
    },
  },
  {
    id: 'uneven-commits',
    look({ measured }) {
      const commit = wayOf(measured, 'overwrite');
      if (commit === undefined || commit.commits < 100) return undefined;
      if (commit.p99Ns < SLOW_P99 * commit.p50Ns || commit.p99Ns < SLOW_COMMIT_NS) return undefined;
      return {
        level: 'warning',
        what:
          `One commit in a hundred takes ${seconds(commit.p99Ns)}, the others ` +
          `${seconds(commit.p50Ns)}.`,
        why:
          'Somebody else fills the cache of the disk, or the journal of the file system, and ' +
          'a commit waits until that is written.',
        remedy:
          'Give the log a disk, or at least a file system, of its own; keep big writers below ' +
          'it (ionice, io.weight).',
      };
    },
  },
];
