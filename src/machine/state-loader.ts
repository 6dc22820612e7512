// Finds the state at an event: the newest snapshot that is sound and belongs to this history of
// this log, then the events behind it. A snapshot that cannot be used is passed over, and told.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicClock } from '../clock/clock.js';
import { firstEventIdKept } from '../consumers/first-event.js';
import { codeOf, messageOf, WalError } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import type { LoggedEvent } from '../reading/events.js';
import { listLog } from '../reading/log-directory.js';
import type { SnapshotFile } from '../reading/snapshot-file.js';
import { judgeSnapshot, type UnfitSnapshot } from '../replay/snapshot-fitness.js';
import { parseSnapshotFileName } from '../segment/file-names.js';
import { NS_PER_MS } from '../units.js';
import { intakeOf } from './event-intake.js';
import { noSnapshot, restoreFailed } from './machine-failure.js';
import type {
  AppliedEvent,
  MachineDefinition,
  ResolvedMachine,
  SnapshotInfo,
} from './machine-options.js';
import { Runner } from './runner.js';
import { SnapshotContentReader } from './stored-snapshot.js';

type LoadingOptions = Pick<ResolvedMachine, 'version' | 'restoresVersions' | 'events'>;
type Restoring<State extends object> = Pick<MachineDefinition<State>, 'restore'>;

/** Between two turns of the event loop. */
const TURN_NS = 10 * NS_PER_MS;

/** Where a state is looked for. */
export interface StatePlace {
  readonly ports: ReadingPorts;
  readonly dir: string;
  readonly logId: bigint;
  /** The last event of the log. */
  readonly lastEventId: number;
  /** The events of the log; one object may show them all. */
  readonly events: (from: number, to: number) => Iterable<LoggedEvent>;
}

/** How the state came to be. */
export interface MachineRecovery {
  /** What it was restored from; undefined: from the first event on. */
  readonly snapshot: SnapshotInfo | undefined;
  /** Number of events that were applied again. */
  readonly replayedEvents: number;
  /** Snapshots that could not be used, newest first. */
  readonly passedOver: readonly UnfitSnapshot[];
}

interface LoadedState<State extends object, Result, Event extends AppliedEvent> {
  readonly runner: Runner<State, Result, Event>;
  readonly recovery: MachineRecovery;
}

/**
 * The state behind event `to`.
 * @param signal ends it, at a turn of the event loop
 * @throws WalError ERR_FLASHSTRIKE_NO_SNAPSHOT, _APPLY_FAILED, _RESTORE_FAILED, _CORRUPT …; the
 * reason of `signal`
 */
export async function loadState<State extends object, Result, Event extends AppliedEvent>(
  place: StatePlace,
  definition: MachineDefinition<State, Result, Event>,
  options: LoadingOptions,
  to: number,
  signal?: AbortSignal,
): Promise<LoadedState<State, Result, Event>> {
  const passedOver: UnfitSnapshot[] = [];
  const restored = await restoreNewest(place, definition, options, to, passedOver);
  const from = (restored?.info.eventId ?? 0) + 1;
  if (restored === undefined) {
    const first = firstEventIdKept(place.ports.storage, place.dir, place.logId);
    if (first > 1) throw noSnapshot(place.dir, first, passedOver);
  }
  const state = restored === undefined ? definition.initial() : restored.state;
  const intake = intakeOf<Event>(place, options.events);
  const runner = new Runner(place.dir, definition, intake, state, from - 1);
  const replayedEvents = await applyAll(
    (event) => runner.replay(event),
    from > to ? [] : place.events(from, to),
    signal,
  );
  return { runner, recovery: { snapshot: restored?.info, replayedEvents, passedOver } };
}

/** Returns how many were applied. */
async function applyAll(
  apply: (event: LoggedEvent) => boolean,
  events: Iterable<LoggedEvent>,
  signal: AbortSignal | undefined,
): Promise<number> {
  let applied = 0;
  let turnNs = monotonicClock.nowNs();
  let untilLook = 1000;
  for (const event of events) {
    if (apply(event)) applied++;
    if (--untilLook > 0) continue;
    untilLook = 1000;
    if (monotonicClock.nowNs() - turnNs < TURN_NS) continue;
    await nextTurn();
    signal?.throwIfAborted();
    turnNs = monotonicClock.nowNs();
  }
  return applied;
}

interface Restored<State> {
  readonly state: State;
  readonly info: SnapshotInfo;
}

async function restoreNewest<State extends object>(
  place: StatePlace,
  definition: Restoring<State>,
  options: LoadingOptions,
  to: number,
  passedOver: UnfitSnapshot[],
): Promise<Restored<State> | undefined> {
  const { storage } = place.ports;
  for (const name of listLog(storage, place.dir).snapshots.toReversed()) {
    const eventId = parseSnapshotFileName(name) ?? 0;
    // Of a state that is not asked for; one that the log does not reach is told.
    if (eventId > to && eventId <= place.lastEventId) continue;
    const judged = judgeSnapshot(place.ports, place.dir, name, place.logId, place.lastEventId);
    if ('reason' in judged) {
      passedOver.push(judged);
      continue;
    }
    const { file } = judged;
    try {
      const restored = await restoreFrom(file, definition, options);
      if (!('reason' in restored)) return restored;
      passedOver.push({ ...restored, file: name, eventId });
    } finally {
      file.close();
    }
  }
  return undefined;
}

async function restoreFrom<State extends object>(
  file: SnapshotFile,
  { restore }: Restoring<State>,
  { version, restoresVersions }: LoadingOptions,
): Promise<Restored<State> | Pick<UnfitSnapshot, 'reason' | 'message'>> {
  const { eventId, stateVersion, contentBytes, createdTsNs } = file.header;
  const { path } = file;
  if (!restoresVersions.has(stateVersion)) {
    const message = `${path} is of version ${stateVersion}, which this machine does not restore.`;
    return { reason: 'version', message };
  }
  const info = { eventId, version: stateVersion, contentBytes, createdTsNs, path };
  const content = new SnapshotContentReader(file);
  let state: State | undefined;
  let thrown: unknown;
  try {
    state = await restore(content, info);
    content.drain();
  } catch (error) {
    thrown = error;
  }
  const { failure } = content;
  if (failure !== undefined) return unreadable(failure);
  if (thrown === undefined && typeof state === 'object' && state !== null) return { state, info };
  const cause = thrown ?? new TypeError('restore must return the state, an object.');
  if (stateVersion === version) throw restoreFailed(path, version, cause);
  const message = `restore refused ${path} of version ${stateVersion}: ${messageOf(cause)}`;
  return { reason: 'version', message };
}

function unreadable(error: unknown): Pick<UnfitSnapshot, 'reason' | 'message'> {
  if (!(error instanceof WalError)) throw error;
  const isDamage = codeOf(error) === 'ERR_FLASHSTRIKE_CORRUPT';
  return { reason: isDamage ? 'damaged' : 'unreadable', message: error.message };
}
