// Opening a state machine: the log, the hold on it, and the state that its events have led to.
import { join, resolve } from 'node:path';
import type { Consumer } from '../consumers/consumer.js';
import { codeOf } from '../errors.js';
import type { AppendableDefinition } from '../events/any-definition.js';
import { checkDirectory } from '../reading/event-range.js';
import { listLog } from '../reading/log-directory.js';
import { Wal, walInside } from '../recorder/application/wal.js';
import { isLeftOver } from '../storage/left-over.js';
import type { Storage } from '../storage/storage.js';
import { HashFile } from './hash-file.js';
import { Machine } from './machine.js';
import type { MachineParts } from './machine-base.js';
import {
  type AppliedEvent,
  type MachineOptions,
  type ResolvedMachine,
  resolveMachine,
  type TypedMachineOptions,
} from './machine-options.js';
import { type SnapshotHost, snapshotThread } from './snapshot-host.js';
import { loadState, type StatePlace } from './state-loader.js';
import { TypedMachine } from './typed-machine.js';

/**
 * Opens the state machine whose events are in the log in `dir`, creating it if there is none: its
 * state is that of the newest sound snapshot and the events behind it. `machine.recovery` says what
 * it was made from.
 * @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED where `apply` throws at an event that is recorded;
 * _NO_SNAPSHOT, _RESTORE_FAILED, _INVALID_OPTION; what `Wal.open` throws; with `events` _SCHEMA
 * where they do not go with what is recorded; the reason of `signal`. The log is closed then.
 * @example
 * import { openMachine } from 'flashstrike';
 *
 * await using counter = await openMachine('./counter', {
 *   initial: () => ({ count: 0 }),
 *   apply: (state) => ++state.count,
 *   snapshot: (state) => JSON.stringify(state),
 *   restore: (content) => JSON.parse(content.text()) as { count: number },
 * });
 * await counter.submit(Buffer.from('one more'));
 * console.log(counter.state.count, counter.recovery.replayedEvents);
 */
export function openMachine<
  State extends object,
  Result,
  const Definition extends AppendableDefinition,
>(
  dir: string | URL,
  options: TypedMachineOptions<State, Result, Definition>,
): Promise<TypedMachine<State, Result, Definition>>;
export function openMachine<State extends object, Result>(
  dir: string | URL,
  options: MachineOptions<State, Result>,
): Promise<Machine<State, Result>>;
export function openMachine<State extends object, Result>(
  dir: string | URL,
  options: AnyOptions<State, Result>,
): Promise<unknown> {
  return openMachineWith(snapshotThread, dir, options);
}

type AnyOptions<State extends object, Result> =
  | MachineOptions<State, Result>
  | TypedMachineOptions<State, Result>;

/** {@link openMachine} with another way to write snapshots than a thread. */
export async function openMachineWith<State extends object, Result>(
  host: SnapshotHost,
  dir: string | URL,
  options: AnyOptions<State, Result>,
): Promise<Machine<State, Result> | TypedMachine<State, Result>> {
  const resolved = resolveMachine(options);
  // With events, and only then, `apply` takes typed ones.
  if (resolved.events === undefined) {
    return new Machine(
      await openParts(host, dir, options as MachineOptions<State, Result>, resolved),
    );
  }
  return new TypedMachine(
    await openParts(host, dir, options as TypedMachineOptions<State, Result>, resolved),
  );
}

async function openParts<State extends object, Result, Event extends AppliedEvent>(
  host: SnapshotHost,
  dir: string | URL,
  options: MachineOptions<State, Result, Event>,
  resolved: ResolvedMachine,
): Promise<MachineParts<State, Result, Event>> {
  const directory = resolve(checkDirectory(dir));
  const { signal = options.wal?.signal } = options;
  const wal = await Wal.open(directory, { ...options.wal, signal });
  let hashes: HashFile | undefined;
  try {
    const inside = walInside(wal);
    const { ports } = inside;
    const { logId, lastEventId } = wal;
    const consumer = await consumerOf(wal, resolved.consumer);
    removeUnfinished(ports.storage, directory);
    const events: StatePlace['events'] = (from, to) => wal.replay({ from, to, reuse: true });
    const place = { ports, dir: directory, logId, lastEventId, events };
    const { runner, recovery } = await loadState(place, options, resolved, lastEventId, signal);
    if (options.hash !== undefined) {
      hashes = new HashFile(ports.storage, directory, logId);
      hashes.open(lastEventId);
    }
    const parts = { wal, inside, options, resolved, place, runner, recovery };
    return { ...parts, consumer, hashes, host };
  } catch (error) {
    hashes?.close();
    // What kept it from being opened is what is told.
    await Promise.allSettled([wal.close()]);
    throw error;
  }
}

/** What the consumer has acknowledged this log does not have, or it was dropped. */
const OUTDATED: ReadonlySet<string | undefined> = new Set([
  'ERR_FLASHSTRIKE_OUT_OF_RANGE',
  'ERR_FLASHSTRIKE_EXPIRED',
]);

/** It holds the log; one of a folder that lacks its end, or was dropped, is registered anew. */
async function consumerOf(wal: Wal, name: string): Promise<Consumer> {
  try {
    return await wal.registerConsumer(name, { policy: 'hold', maxLagBytes: 0, maxLagMs: 0 });
  } catch (error) {
    if (!OUTDATED.has(codeOf(error))) throw error;
    await wal.removeConsumer(name);
    return wal.registerConsumer(name, { policy: 'hold' });
  }
}

/** Snapshots that a crash has left half-written: who has the log open is the only one to write. */
function removeUnfinished(storage: Storage, dir: string): void {
  for (const name of listLog(storage, dir).unfinishedSnapshots) {
    const path = join(dir, name);
    if (isLeftOver(storage, path)) storage.unlink(path);
  }
}
