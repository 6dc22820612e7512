// Findings about the folder and its file system.
import { printable } from '../../errors.js';
import { MIB } from '../../units.js';
import { formatBytes } from '../quantities.js';
import type { Rule } from './finding.js';
import { wayOf } from './measurements.js';
import { optionOf } from './mounts.js';

const MEMORY_SYSTEMS: ReadonlySet<string> = new Set(['tmpfs', 'ramfs', 'devtmpfs']);
const NETWORK_SYSTEMS =
  /^(nfs4?|cifs|smb3?|smbfs|9p|ceph|glusterfs|lustre|afs|beegfs|virtiofs|fuse(\..*)?|fuseblk)$/;
const FOREIGN_SYSTEMS: ReadonlySet<string> = new Set([
  'vfat',
  'msdos',
  'exfat',
  'ntfs',
  'ntfs3',
  'hfsplus',
]);
export const COPY_ON_WRITE: ReadonlySet<string> = new Set(['btrfs', 'zfs', 'bcachefs', 'f2fs']);
/** The segments that a log of the default size has at once, and one spare. */
const COMFORTABLE_BYTES = 512 * MIB;
const SCANT_NAMES = 1000;

export const folderRules: readonly Rule[] = [
  {
    id: 'not-a-folder',
    look: ({ facts: { folder } }) =>
      folder.state !== 'not-a-folder'
        ? undefined
        : {
            level: 'problem',
            what: `${printable(folder.path)} is not a folder.`,
            why: 'A log is a folder of files, and is refused where something else has its name.',
            remedy: 'Name another folder, or move what stands there.',
          },
  },
  {
    id: 'missing-folder',
    look: ({ facts: { folder } }) =>
      folder.state !== 'missing'
        ? undefined
        : {
            level: 'note',
            what:
              `There is no ${printable(folder.path)}: all of this is of ` +
              `${printable(folder.trialParent)}.`,
            why: 'A disk that is to be mounted there may be another one.',
            remedy:
              'If it is a mount point, mount it and run this again. Wal.open makes the folder.',
          },
  },
  {
    id: 'read-only',
    look: ({ facts: { folder } }) =>
      optionOf(folder.mount, 'ro') === undefined
        ? undefined
        : {
            level: 'problem',
            what: `${printable(folder.mount?.point ?? folder.path)} is mounted read-only.`,
            why:
              'Logs there can be read, and not opened. A file system that was writable ' +
              'before has met an error (errors=remount-ro).',
            remedy:
              'Look for I/O errors in `dmesg`, check the file system, then `mount -o ' +
              'remount,rw`. In a container: mount a volume for the log.',
          },
  },
  {
    id: 'no-access',
    look: ({ facts: { folder } }) =>
      folder.isWritable || optionOf(folder.mount, 'ro') !== undefined
        ? undefined
        : {
            level: 'problem',
            what: `This user may not write to ${printable(folder.trialParent)}.`,
            why: 'A log makes, renames and removes files in its folder.',
            remedy: 'Give the folder to the user of the service: chown, or fsGroup in Kubernetes.',
          },
  },
  {
    id: 'no-room',
    look({ facts: { folder }, refused, measured }) {
      const isFull = /\b(ENOSPC|EDQUOT|NO_SPACE)\b/.test(
        `${refused} ${measured?.logRefused} ${measured?.ways.map((way) => way.refused)}`,
      );
      if (!isFull) return undefined;
      return {
        level: 'problem',
        what: 'The disk is full, or a quota is used up: the trial had no room for a few MB.',
        why:
          `Appends go on in the ring until that is full, then they are refused. ` +
          `${formatBytes(folder.space?.freeBytes ?? 0)} are free; a quota may allow less.`,
        remedy:
          'Make room: `df`, `df -i`, `quota`. Set retention or compression, and see ' +
          'docs/RETENTION.md.',
      };
    },
  },
  {
    id: 'little-room',
    look: ({ facts: { folder } }) =>
      folder.space === undefined || folder.space.freeBytes >= COMFORTABLE_BYTES
        ? undefined
        : {
            level: 'warning',
            what: `Only ${formatBytes(folder.space.freeBytes)} are free.`,
            why: 'Segments grow up to 64 MiB, and up to four of them are made ahead.',
            remedy: 'Choose a smaller segmentBytes, set retention, or make room.',
          },
  },
  {
    id: 'few-names',
    look: ({ facts: { folder } }) =>
      (folder.space?.freeNames ?? SCANT_NAMES) >= SCANT_NAMES
        ? undefined
        : {
            level: 'warning',
            what: `The file system has room for ${folder.space?.freeNames} more files (inodes).`,
            why: 'A new segment needs one, however much space is free.',
            remedy: 'Remove small files (`df -i`), or make the file system anew with more inodes.',
          },
  },
  {
    id: 'in-memory',
    look: ({ facts: { folder } }) =>
      MEMORY_SYSTEMS.has(folder.mount?.type ?? '') || folder.disk?.isMemory === true
        ? {
            level: 'problem',
            what:
              `The folder is in memory ` +
              `(${folder.disk?.isMemory ? folder.disk.name : folder.mount?.type}).`,
            why: 'A sync does nothing there, and a restart of the machine takes all events away.',
            remedy:
              'Put the log on a disk. Only the ring, in sharedMemoryDirectory, belongs into ' +
              'memory.',
          }
        : undefined,
  },
  {
    id: 'container-layer',
    look: ({ facts: { folder } }) =>
      folder.mount?.type !== 'overlay' && folder.mount?.type !== 'aufs'
        ? undefined
        : {
            level: 'warning',
            what: `The folder is in the layer of a container (${folder.mount.type}).`,
            why:
              'The log goes with the container when that is removed, and a first write to a ' +
              'file copies it.',
            remedy: 'Mount a volume for the log (`-v orders:/orders`, a PersistentVolumeClaim).',
          },
  },
  {
    id: 'syncs-ignored',
    look({ facts: { folder } }) {
      const { mount } = folder;
      const word = ['volatile', 'nobarrier', 'eatmydata']
        .filter((option) => optionOf(mount, option) !== undefined)
        .concat(optionOf(mount, 'barrier') === '0' ? ['barrier=0'] : [])[0];
      if (word === undefined) return undefined;
      return {
        level: 'problem',
        what: `${printable(mount?.point ?? '')} is mounted with ${word}.`,
        why:
          'A sync then returns before the disk has emptied its cache: a power cut takes back ' +
          'events that durable() has resolved for.',
        remedy: `Mount it without ${word}.`,
      };
    },
  },
  {
    id: 'network',
    look: ({ facts: { folder } }) =>
      !NETWORK_SYSTEMS.test(folder.mount?.type ?? '')
        ? undefined
        : {
            level: 'warning',
            what:
              `The folder is on ${folder.mount?.type}: another machine, or another program, ` +
              `keeps the files.`,
            why:
              'What a sync means there is up to that side (an NFS export with `async` lies), ' +
              'and so are locks. An outage stops every commit.',
            remedy:
              'Put the log on a local disk, and copy it with `flashstrike backup`. If it must ' +
              'be there: export with `sync`, mount `hard`.',
          },
  },
  {
    id: 'foreign-file-system',
    look: ({ facts: { folder } }) =>
      !FOREIGN_SYSTEMS.has(folder.mount?.type ?? '')
        ? undefined
        : {
            level: 'problem',
            what: `The folder is on ${folder.mount?.type}, which has no journal that Linux keeps.`,
            why: 'After a power cut names and lengths of files may be wrong, whatever was synced.',
            remedy: 'Use ext4 or XFS.',
          },
  },
  {
    id: 'copy-on-write',
    look({ facts: { folder }, measured }) {
      const type = folder.mount?.type ?? '';
      if (!COPY_ON_WRITE.has(type)) return undefined;
      const [overwrite, grow] = [wayOf(measured, 'overwrite'), wayOf(measured, 'grow')];
      const isDearer = overwrite && grow && overwrite.p50Ns > grow.p50Ns;
      return {
        level: 'note',
        what: `${type} writes each block to a new place (copy on write).`,
        why:
          'Filling a segment with zeros in advance saves nothing there' +
          `${isDearer ? ' (measured: commits into prepared files are no faster)' : ''}, ` +
          'overwriting needs free space, and snapshots keep what retention removes.',
        remedy:
          type === 'btrfs'
            ? "Set preallocate: 'allocate'; `chattr +C` on the new, empty folder switches it " +
              'off (the log has checksums of its own).'
            : "Set preallocate: 'allocate', and leave a tenth of the file system free.",
      };
    },
  },
  {
    id: 'data-journal',
    look: ({ facts: { folder } }) =>
      optionOf(folder.mount, 'data') !== 'journal'
        ? undefined
        : {
            level: 'warning',
            what: 'ext4 is mounted with data=journal.',
            why:
              'Everything is written twice, first to the journal: half of the rate, and ' +
              'longer syncs.',
            remedy: 'Mount it with data=ordered, the default. The log needs nothing more.',
          },
  },
  {
    id: 'synchronous-mount',
    look({ facts: { folder } }) {
      const option = ['sync', 'dirsync'].find((each) => optionOf(folder.mount, each) !== undefined);
      if (option === undefined) return undefined;
      return {
        level: 'warning',
        what: `${printable(folder.mount?.point ?? '')} is mounted with ${option}.`,
        why:
          'Each write waits for the disk by itself: the log gathers many events for one ' +
          'sync, and this undoes it.',
        remedy: `Mount it without ${option}; the log syncs what it must.`,
      };
    },
  },
  {
    id: 'discard',
    look: ({ facts: { folder } }) =>
      optionOf(folder.mount, 'discard') === undefined ||
      optionOf(folder.mount, 'discard') === 'async' ||
      folder.mount?.type === 'btrfs'
        ? undefined
        : {
            level: 'note',
            what: `${printable(folder.mount?.point ?? '')} is mounted with discard.`,
            why:
              'Where a segment is removed, the disk is told of each of its blocks at the ' +
              'next commit of the journal: on some disks syncs wait for that.',
            remedy:
              'Mount it without discard and run fstrim.timer, or keep the files with ' +
              "preallocate: 'recycle'.",
          },
  },
  {
    id: 'left-over',
    look: ({ facts: { folder } }) =>
      folder.leftOvers.length === 0
        ? undefined
        : {
            level: 'note',
            what:
              `${folder.leftOvers.length} folder(s) of a doctor that runs, or was killed: ` +
              `${printable(folder.leftOvers.join(', '))}.`,
            why: 'Each has a few MB.',
            remedy:
              `If no other doctor runs: rm -r ` +
              `${printable(folder.trialParent)}/flashstrike-doctor-*`,
          },
  },
];
