// What processes that are gone left in shared memory, as those tell it who meet it: recovery, which
// puts it to disk, and verify, which says what recovery will do.
import { printable, WalError } from '../errors.js';
import { withoutRingAdvice } from '../reading/advice.js';
import { type FolderIdentity, judgeFolder } from '../region/folder-identity.js';
import type { LeftRegion } from '../region/regions.js';
import type { RingMemory } from '../ring/ring-memory.js';
import {
  durablePointOf,
  type RingDefect,
  ringOfSections,
  type UnreadEvents,
  unreadEvents,
  usedRingBytes,
  writtenEventIdOf,
} from '../ring/ring-snapshot.js';
import type { LogRegions } from './log-regions.js';
import type { FoundRegion } from './region-walk.js';

/** The ring of one region whose process is gone. */
export interface LeftRing {
  readonly path: string;
  readonly logId: bigint;
  /** A copy, for who reads it alone. */
  readonly memory: RingMemory;
  readonly unread: UnreadEvents | RingDefect | undefined;
  /** Id of the last event that the process had handed to the kernel; 0 for none. */
  readonly writtenEventId: number;
  readonly durableEventId: number;
}

/** A region that may be this log's, and nothing proves it. */
export interface DoubtfulRegion {
  readonly path: string;
  /** What stands against it; sentences. */
  readonly why: string;
  /** Of another user. */
  readonly isOthers: boolean;
  readonly pid: number | undefined;
  readonly isAlive: boolean;
  readonly isMissed: boolean;
  /** Undefined where this process cannot read it. */
  readonly ring: LeftRing | undefined;
}

/** Events may be missing, and nothing is there that holds them. */
export interface LostRegion {
  /**
   * `gone`: LOCK names regions, and none is there. `restarted`: the same, and the machine was
   * restarted, or it is another one. `copied`: the same, in a copy of the folder. `unnamed`: LOCK
   * names nothing, because it is missing, empty or damaged.
   */
  readonly kind: 'gone' | 'restarted' | 'copied' | 'unnamed';
  readonly paths: readonly string[];
  readonly folders: readonly string[];
}

export interface LeftRegions {
  /** Of this log for sure, by the ids of what they hold. */
  readonly rings: readonly LeftRing[];
  readonly doubtful: readonly DoubtfulRegion[];
  readonly lost: LostRegion | undefined;
  /** What the next opening does not use, a sentence each. */
  readonly notes: readonly string[];
}

export const NO_REGIONS: LeftRegions = Object.freeze({
  rings: [],
  doubtful: [],
  lost: undefined,
  notes: [],
});

export function leftRing(path: string, file: LeftRegion): LeftRing {
  const control = file.readSection('control');
  const usedBytes = usedRingBytes(control, file.header.sections.ring.byteLength);
  const memory = ringOfSections(control, file.readSection('ring', 0, usedBytes));
  return {
    path,
    logId: file.header.logId,
    memory,
    unread: unreadEvents(memory),
    writtenEventId: writtenEventIdOf(memory),
    durableEventId: durablePointOf(memory).lastEventId,
  };
}

/** By the ids of what waits in them: the order in which the log goes on. */
export const byFirstEvent = (a: LeftRing, b: LeftRing): number => firstOf(a) - firstOf(b);

const firstOf = ({ unread }: LeftRing): number =>
  unread !== undefined && 'firstEventId' in unread ? unread.firstEventId : 0;

/** A region whose owner is not known to be this log, with what is known of it. */
export function doubtful(found: FoundRegion, all: LogRegions, own: FolderIdentity): DoubtfulRegion {
  const { path, file, isNamed, wasLeft } = found;
  const hasGood = all.found.some(({ whose }) => whose === 'ours');
  const isAlive = file.status === 'match' && file.ownerIsAlive();
  return {
    path,
    why: whyDoubtful(found, own),
    isOthers: file.status === 'match' ? !file.isOwn : file.reason.startsWith('it belongs to user'),
    pid: file.status === 'match' ? file.header.pid : undefined,
    isAlive,
    isMissed: !wasLeft && !all.isClosedCleanly && (isNamed || !hasGood),
    ring: file.status === 'match' && !isAlive ? leftRing(path, file) : undefined,
  };
}

function whyDoubtful({ file }: FoundRegion, own: FolderIdentity): string {
  if (file.status !== 'match') return file.reason;
  if (!file.isOwn) return `it belongs to user ${file.owner}.`;
  const { folder } = file.header;
  const where = folder.path === undefined ? '' : ` (${printable(folder.path)})`;
  return judgeFolder(folder, own) === 'copy'
    ? `it was created for another folder${where}, of which this one is a copy, and which no ` +
        'longer exists.'
    : `whether it was created for this folder${where} cannot be determined: the folder has other ` +
        'device and inode numbers, and the file system does not record when it was created.';
}

/** What is missing, where no region is left that could hold it. */
export function lostRegion(
  { record, isCopy, isClosedCleanly, found, missing, folders }: LogRegions,
  boot: string | undefined,
): LostRegion | undefined {
  if (isClosedCleanly || found.some(({ whose }) => whose !== 'another')) return undefined;
  if (missing.length === 0) {
    return record.isWritten ? undefined : { kind: 'unnamed', paths: [], folders };
  }
  const isRestarted = record.boot !== undefined && record.boot !== boot;
  const kind = isRestarted ? 'restarted' : isCopy ? 'copied' : 'gone';
  return { kind, paths: missing, folders };
}

/**
 * The last event that a ring brings to files which go on with event `expected`; undefined where
 * they lack nothing of it; a defect where what waits cannot follow.
 */
export function lastToTake(
  unread: LeftRing['unread'],
  expected: number,
): number | RingDefect | undefined {
  if (unread === undefined || 'defect' in unread) return unread;
  const { firstEventId, lastEventId } = unread;
  if (lastEventId < expected) return undefined;
  if (firstEventId <= expected) return lastEventId;
  return { defect: `it begins with event ${firstEventId}, the files end with ${expected - 1}` };
}

/** The error for a ring that cannot follow what the files hold. */
export const ringMismatch = (path: string, { defect }: RingDefect): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_RING_MISMATCH',
    `${path}: the events that the crashed process left in shared memory do not continue those ` +
      `in the files (${defect}). Both are kept. ${withoutRingAdvice}`,
    { path },
  );

/** The error for a region that may be this log's and may hold what its files lack. */
export function uncertainError(directory: string, region: DoubtfulRegion): WalError {
  const { path, why, isOthers, ring } = region;
  const count =
    ring?.unread !== undefined && 'eventCount' in ring.unread
      ? `holds ${ring.unread.eventCount} events that may belong to this log and that its files lack`
      : 'may hold events of this log that are not in its files';
  const asOwner = isOthers ? 'Open the log as that user' : '';
  const take = "with oldRing: 'take' to append its events if they continue the files";
  const choices = [
    ...(asOwner === '' ? [] : [asOwner]),
    ...(ring === undefined ? (isOthers ? [`as root ${take}`] : []) : [`open ${take}`]),
    "open with oldRing: 'leave' to continue without them and keep the region",
  ];
  const text = choices.join(', or ');
  const message =
    `${directory}: the shared region ${printable(path)} ${count}: ${why} Nothing was changed. ` +
    `${text.charAt(0).toUpperCase()}${text.slice(1)} (flashstrike record: --old-ring). Nothing ` +
    'is lost by waiting: the region stays until the machine is restarted.';
  return new WalError('ERR_FLASHSTRIKE_REGION_UNCERTAIN', message, { path });
}

/** The error for a region that lives, and that may be this log's. */
export const inUseError = (path: string, pid: number | undefined, why: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_LOCKED',
    `${path} is in use by process ${pid ?? 'unknown'}, and may belong to this log: ${why} Close ` +
      "the log there first. If it belongs to another folder, open with oldRing: 'leave'.",
    { path },
  );

/** The error for a log whose region no longer exists, where that must not be ignored. */
export const goneError = (directory: string, lost: LostRegion, lastEventId: number): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_REGION_GONE',
    `${directory}: ${goneSentence(lost, lastEventId)} Nothing was changed. ${FIND_IT} To ` +
      "continue without them, open with recovery: 'default', or with oldRing: 'leave'.",
    { path: lost.paths[0] },
  );

const FIND_IT =
  'Look for it: another container has its own /dev/shm, and the log may be open there. If it ' +
  'can be made visible under that path, do so before the log is opened again.';

/** What may be missing, and where it was looked for. */
export function goneSentence({ kind, paths, folders }: LostRegion, lastEventId: number): string {
  const what =
    `Events after ${lastEventId} that a process had appended but not yet written, if any, are ` +
    'missing';
  const path = printable(paths[0] ?? '');
  switch (kind) {
    case 'gone':
      return (
        `${what}: the shared region ${path}, which LOCK names, no longer exists, although the ` +
        'machine was not restarted.'
      );
    case 'restarted':
      return (
        `${what}: the shared region ${path}, which LOCK names, was lost when the machine was ` +
        'restarted.'
      );
    case 'copied':
      return (
        `${what}: this folder is a copy, and the shared region ${path} of its original no ` +
        'longer exists.'
      );
    case 'unnamed':
      return (
        `${what}: the log was not closed, LOCK names no shared region (LOCK is missing, empty or ` +
        `damaged), and there is none with the log's id in ${folders.map(printable).join(', ')}.`
      );
  }
}

/** What to do about it before anything is appended; empty where nothing can be done. */
export const lostAdvice = (lost: LostRegion, lastEventId: number): string =>
  lost.kind === 'gone' || lost.kind === 'unnamed'
    ? `${goneSentence(lost, lastEventId)} ${FIND_IT} If these events matter, append nothing before.`
    : goneSentence(lost, lastEventId);

/** A note where the kernel had more events, never durable, than are there now. */
export const writtenNote = (writtenEventId: number, lastEventId: number): string =>
  `According to the shared region, events up to ${writtenEventId} had been written; ` +
  `those after ${lastEventId}, none of them durable, are missing.`;

export const unusableNote = (path: string, reason: string): string =>
  `The shared region ${printable(path)} was not used: ${reason}`;

/** A note for a region that is passed over. */
export function passedOverNote(found: FoundRegion, own: FolderIdentity): string {
  const { path, file, whose, wasLeft } = found;
  if (wasLeft) return unusableNote(path, 'an earlier open was told to continue without it.');
  if (file.status !== 'match') return unusableNote(path, file.reason);
  if (whose !== 'another') return unusableNote(path, whyDoubtful(found, own));
  const { folder } = file.header;
  const where = folder.path === undefined ? '' : `, ${printable(folder.path)}`;
  return unusableNote(path, `it belongs to another folder with this log${where}.`);
}
