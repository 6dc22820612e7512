// Findings about the ring's shared memory.
import { printable } from '../../errors.js';
import { MIB } from '../../units.js';
import { formatBytes } from '../quantities.js';
import type { Rule } from './finding.js';
import { optionOf } from './mounts.js';

/** A full ring, and the log's metrics. */
export const LOG_MEMORY_BYTES = 17 * MIB;
/** Node itself, the rings of a few logs, and the page cache of what is written. */
const SCANT_MEMORY_BYTES = 256 * MIB;

const KILL =
  'What a killed process had in its ring alone is then lost: only events up to writtenEventId ' +
  'survive.';

export const memoryRules: readonly Rule[] = [
  {
    id: 'no-shared-memory',
    look({ facts }) {
      const { exists, path, isWritable, mount } = facts.sharedMemory;
      if (facts.platform !== 'linux') return undefined;
      const isReadOnly = optionOf(mount, 'ro') !== undefined;
      if (exists && isWritable && !isReadOnly) return undefined;
      const how = exists ? (isReadOnly ? 'is read-only' : 'is not writable') : 'does not exist';
      return {
        level: 'warning',
        what: `${printable(path)} ${how}.`,
        why: `The log uses the portable ring. ${KILL}`,
        remedy:
          'Mount a tmpfs there (`--tmpfs /dev/shm`), or name another one in sharedMemoryDirectory.',
      };
    },
  },
  {
    id: 'shared-memory-on-disk',
    look({ facts }) {
      const { exists, isMemory, path, mount } = facts.sharedMemory;
      if (!exists || isMemory) return undefined;
      return {
        level: 'warning',
        what: `${printable(path)} is on ${printable(mount?.type ?? 'a disk')}, not on a tmpfs.`,
        why:
          `A store into a mapped file could need a block there, and a full disk would end ` +
          `the process, so the log uses the portable ring. ${KILL}`,
        remedy: 'Mount a tmpfs, and name it in sharedMemoryDirectory.',
      };
    },
  },
  {
    id: 'little-shared-memory',
    look({ facts }) {
      const { exists, isMemory, space, path } = facts.sharedMemory;
      if (!exists || !isMemory || space === undefined) return undefined;
      if (space.freeBytes >= LOG_MEMORY_BYTES) return undefined;
      return {
        level: 'warning',
        what:
          `${printable(path)} has ${formatBytes(space.freeBytes)} free, of ` +
          `${formatBytes(space.totalBytes)}.`,
        why:
          'A ring that has grown to the default of 16 MiB does not fit: it stays smaller, ' +
          'and appends wait sooner; a new log may get the portable ring.',
        remedy:
          'Give it more (`--shm-size=1g`, shm_size), see what is in it (`flashstrike inspect ' +
          '--regions`), or set a smaller ringBytes.',
      };
    },
  },
  {
    id: 'container-ring',
    look({ facts: { sharedMemory, container } }) {
      const { life, path } = sharedMemory;
      if (life !== 'until-container-ends' && life !== 'until-pod-ends') return undefined;
      const isPod = life === 'until-pod-ends';
      return {
        level: isPod ? 'note' : 'warning',
        what:
          `${printable(path)} belongs to the ${isPod ? 'pod' : `container (${container})`} ` +
          `and goes with it.`,
        why:
          `A kill that ${isPod ? 'removes the pod' : 'restarts the container'} takes the ` +
          `ring along. ${KILL}`,
        remedy: isPod
          ? 'For a longer life than that of the pod nothing in memory will do: await durable() ' +
            'before you act.'
          : 'Let it outlive the container: `-v /dev/shm:/dev/shm`, `--ipc=host`, or in ' +
            'Kubernetes an emptyDir with medium: Memory. Else await durable() before you act.',
      };
    },
  },
  {
    id: 'ipc-removed',
    look: ({ facts: { isIpcRemoved, sharedMemory } }) =>
      !isIpcRemoved || sharedMemory.path !== '/dev/shm'
        ? undefined
        : {
            level: 'warning',
            what:
              'systemd removes the files of this user in /dev/shm when their last session ' +
              'ends (RemoveIPC).',
            why:
              'A log that runs on loses its ring, and fails; one that was killed loses what ' +
              'only the ring had.',
            remedy:
              'Run it as a system service with User= of a system account, or `loginctl ' +
              'enable-linger`, or set RemoveIPC=no in /etc/systemd/logind.conf.',
          },
  },
  {
    id: 'portable-ring',
    look({ facts, measured }) {
      const log = measured?.log;
      if (log?.sharedMemory !== 'portable') return undefined;
      return {
        level: 'warning',
        what:
          `A log that was opened got the portable ring: ` +
          `${printable(log.sharedMemoryReason ?? 'no reason is told')}.`,
        why: KILL,
        remedy:
          facts.platform === 'linux'
            ? "Remove the cause, and open with sharedMemory: 'required' to be told should it " +
              'come back.'
            : 'Only Linux has the mapped ring: await durable() before you act on an event.',
      };
    },
  },
  {
    id: 'memory-quota',
    look: ({ facts: { quotas } }) =>
      quotas.memoryBytes === undefined || quotas.memoryBytes >= SCANT_MEMORY_BYTES
        ? undefined
        : {
            level: 'warning',
            what: `The control group has ${formatBytes(quotas.memoryBytes)} of memory.`,
            why:
              'Node, the ring (shared memory counts) and the page cache of what is written ' +
              'share it: near the limit writes stall, above it the process is killed.',
            remedy:
              'Raise it to 256 MiB or more, or set a smaller ringBytes and --max-old-space-size.',
          },
  },
  {
    id: 'swap',
    look: ({ facts: { swaps } }) =>
      swaps.length === 0
        ? undefined
        : {
            level: 'note',
            what: `The machine swaps to ${printable(swaps.join(', '))}.`,
            why:
              'The ring is on a tmpfs, which can be swapped out: an append then waits for ' +
              'the disk.',
            remedy: 'Set memory.swap.max=0 for the service (MemorySwapMax=0), or vm.swappiness=1.',
          },
  },
];
