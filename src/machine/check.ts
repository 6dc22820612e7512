// `checkMachine`: the same events once more, twice side by side, and beside the hashes that the
// recorded run has left. Where two states differ, something but the events has changed one.
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { firstEventIdKept } from '../consumers/first-event.js';
import { assert, codeOf } from '../errors.js';
import type { AppendableDefinition } from '../events/any-definition.js';
import { knownLogId } from '../judgement/log-identity.js';
import {
  checkCallback,
  checkDirectory,
  checkOptionNames,
  checkSignal,
} from '../reading/event-range.js';
import type { LoggedEvent } from '../reading/events.js';
import { listLog } from '../reading/log-directory.js';
import { replayThrough } from '../replay/replay.js';
import { REPLAY_PORTS } from '../replay/thread-read-ahead.js';
import { xxh64 } from '../segment/checksum.js';
import { parseSnapshotFileName } from '../segment/file-names.js';
import type { StateHash } from '../segment/state-hash-record.js';
import { readStateHashes } from './hash-file.js';
import {
  type AppliedEvent,
  type MachineDefinition,
  type ResolvedMachine,
  resolveMachine,
  type TypedMachineDefinition,
} from './machine-options.js';
import type { Runner } from './runner.js';
import { piecesOf } from './snapshot-content.js';
import { stateHashOf } from './state-hash.js';
import { loadState, type StatePlace } from './state-loader.js';

/** Options of {@link checkMachine}. */
export interface CheckMachineOptions {
  /** States are compared every so many events, and wherever a hash was recorded. Default 10,000. */
  readonly every?: number | undefined;
  /** Called from time to time with the number of events that were applied. */
  readonly onProgress?: ((events: number) => void) | undefined;
  /** Ends it: it rejects with the reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Where two runs of the same events have come to different states. */
export interface Parting {
  /**
   * `runs`: two runs of this check differ: `apply` goes by something else than state and event.
   * `recorded`: both agree, and the hash that the machine has recorded is another one: `apply` was
   * changed since, or went by something that was so only then.
   */
  readonly kind: 'runs' | 'recorded';
  /** The first event behind which they are known to differ. */
  readonly eventId: number;
  /** The last one before it behind which they are known to be the same. */
  readonly afterEventId: number;
}

/** What {@link checkMachine} has found. */
export interface MachineCheckReport {
  /** Whether all states were the same. */
  readonly ok: boolean;
  /** The first event that was applied; those before it are in a snapshot. */
  readonly firstEventId: number;
  /** The last event that was applied; firstEventId - 1 where there was none. */
  readonly lastEventId: number;
  /** Number of events that were applied: schema events are none. */
  readonly events: number;
  /** Number of recorded hashes that were compared. */
  readonly recordedHashes: number;
  /** Undefined where `ok`. */
  readonly parted: Parting | undefined;
}

/**
 * Applies the events of the log in `dir` again, in two runs side by side, and compares their states
 * with each other and with the hashes that the machine has recorded (option `hash` of
 * `openMachine`). Takes no lock. Without `hash` what `snapshot` makes is compared.
 * @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED where `apply` throws; _NO_SNAPSHOT, _NOT_A_LOG,
 * _CORRUPT, _INVALID_OPTION …; the reason of `signal`
 * @example
 * import { checkMachine } from 'flashstrike';
 *
 * const { ok, parted } = await checkMachine('./counter', {
 *   initial: () => ({ count: 0 }),
 *   apply: (state) => ++state.count,
 *   snapshot: (state) => JSON.stringify(state),
 *   restore: (content) => JSON.parse(content.text()) as { count: number },
 * });
 * if (!ok) console.log(`the runs part at event ${parted?.eventId}`);
 */
export function checkMachine<
  State extends object,
  Result,
  const Definition extends AppendableDefinition,
>(
  dir: string | URL,
  machine: TypedMachineDefinition<State, Result, Definition>,
  options?: CheckMachineOptions,
): Promise<MachineCheckReport>;
export function checkMachine<State extends object, Result>(
  dir: string | URL,
  machine: MachineDefinition<State, Result>,
  options?: CheckMachineOptions,
): Promise<MachineCheckReport>;
export async function checkMachine<State extends object, Result, Event extends AppliedEvent>(
  dir: string | URL,
  machine: MachineDefinition<State, Result, Event>,
  options: CheckMachineOptions = {},
): Promise<MachineCheckReport> {
  checkOptionNames(options, ['every', 'onProgress', 'signal']);
  checkCallback('onProgress', options.onProgress);
  checkSignal(options.signal);
  const resolved = resolveMachine({ ...machine, hashEvery: options.every });
  const directory = resolve(checkDirectory(dir));
  const { storage } = REPLAY_PORTS;
  const logId = knownLogId(storage, directory);
  const place: StatePlace = {
    ports: REPLAY_PORTS,
    dir: directory,
    logId,
    lastEventId: Number.MAX_SAFE_INTEGER,
    events: (from, to) => replayThrough(REPLAY_PORTS, directory, { from, to, reuse: true }),
  };
  return new Check(place, machine, resolved, options).run();
}

/** Events between two turns of the event loop. */
const TURN_EVENTS = 10_000;

class Check<State extends object, Result, Event extends AppliedEvent> {
  readonly #place: StatePlace;
  readonly #machine: MachineDefinition<State, Result, Event>;
  readonly #resolved: ResolvedMachine;
  readonly #options: CheckMachineOptions;
  readonly #recorded: ReadonlyMap<number, StateHash>;
  #recordedHashes = 0;

  constructor(
    place: StatePlace,
    machine: MachineDefinition<State, Result, Event>,
    resolved: ResolvedMachine,
    options: CheckMachineOptions,
  ) {
    this.#place = place;
    this.#machine = machine;
    this.#resolved = resolved;
    this.#options = options;
    const { ports, dir, logId } = place;
    const isHashed = machine.hash !== undefined;
    this.#recorded = isHashed ? readStateHashes(ports.storage, dir, logId) : new Map();
  }

  async run(): Promise<MachineCheckReport> {
    this.#options.signal?.throwIfAborted();
    const pair = await this.#begin();
    const start = pair.eventId;
    let same = start;
    let parted: Parting | undefined;
    for (const event of this.#place.events(start + 1, Number.MAX_SAFE_INTEGER)) {
      pair.apply(event);
      const { eventId } = event;
      if (eventId % TURN_EVENTS === 0) {
        this.#options.onProgress?.(eventId - start);
        await nextTurn();
        this.#options.signal?.throwIfAborted();
      }
      if (eventId % this.#resolved.hashEvery !== 0 && !this.#recorded.has(eventId)) continue;
      parted = await this.#compare(pair, same, eventId);
      if (parted !== undefined) break;
      same = eventId;
    }
    const last = pair.eventId;
    if (parted === undefined && last > same) parted = await this.#compare(pair, same, last);
    return {
      ok: parted === undefined,
      firstEventId: start + 1,
      lastEventId: last,
      events: pair.events,
      recordedHashes: this.#recordedHashes,
      parted,
    };
  }

  /** Without an event, or with the oldest snapshot that can be used. */
  async #begin(): Promise<Pair<State, Result, Event>> {
    const starts = this.#starts();
    for (const [at, start] of starts.entries()) {
      try {
        return await this.#pairAt(start);
      } catch (error) {
        const isNone = codeOf(error) === 'ERR_FLASHSTRIKE_NO_SNAPSHOT';
        if (!isNone || at === starts.length - 1) throw error;
      }
    }
    assert(false, 'there is a place to begin at');
  }

  /** Events behind which the check may begin: none, or those of the snapshots, oldest first. */
  #starts(): readonly number[] {
    const { ports, dir, logId } = this.#place;
    const first = firstEventIdKept(ports.storage, dir, logId);
    if (first === 1) return [0];
    const starts = listLog(ports.storage, dir)
      .snapshots.map((name) => parseSnapshotFileName(name) ?? 0)
      .filter((eventId) => eventId >= first - 1);
    return starts.length === 0 ? [first - 1] : starts;
  }

  async #pairAt(eventId: number): Promise<Pair<State, Result, Event>> {
    const { signal } = this.#options;
    const load = () => loadState(this.#place, this.#machine, this.#resolved, eventId, signal);
    const [left, right] = [await load(), await load()];
    return new Pair(left.runner, right.runner);
  }

  async #compare(
    { left, right }: Pair<State, Result, Event>,
    afterEventId: number,
    eventId: number,
  ): Promise<Parting | undefined> {
    const hash = await this.#hashOf(left.state);
    if (hash !== (await this.#hashOf(right.state))) {
      return (
        (await this.#narrowed(afterEventId, eventId)) ?? { kind: 'runs', eventId, afterEventId }
      );
    }
    const recorded = this.#recorded.get(eventId);
    if (recorded === undefined || recorded.stateVersion !== this.#resolved.version)
      return undefined;
    this.#recordedHashes++;
    return recorded.stateHash === hash ? undefined : { kind: 'recorded', eventId, afterEventId };
  }

  /** Two more runs, compared at each event; undefined where these do not part. */
  async #narrowed(from: number, to: number): Promise<Parting | undefined> {
    const pair = await this.#pairAt(from);
    for (const event of this.#place.events(from + 1, to)) {
      pair.apply(event);
      const { eventId } = event;
      const hash = await this.#hashOf(pair.left.state);
      if (hash === (await this.#hashOf(pair.right.state))) continue;
      return { kind: 'runs', eventId, afterEventId: eventId - 1 };
    }
    return undefined;
  }

  async #hashOf(state: State): Promise<bigint> {
    const told = stateHashOf(this.#machine, state);
    if (told !== undefined) return told;
    const content = piecesOf(this.#machine.snapshot(state), this.#place.dir);
    let hash = 0n;
    if (content.kind === 'now') {
      for (const piece of content.pieces) hash = xxh64(piece as Uint8Array, hash);
      return hash;
    }
    for (;;) {
      const { done, value } = await content.pieces.next();
      if (done === true) return hash;
      hash = xxh64(value as Uint8Array, hash);
    }
  }
}

/** Two runs side by side. */
class Pair<State extends object, Result, Event extends AppliedEvent> {
  readonly left: Runner<State, Result, Event>;
  readonly right: Runner<State, Result, Event>;
  events = 0;

  constructor(left: Runner<State, Result, Event>, right: Runner<State, Result, Event>) {
    this.left = left;
    this.right = right;
  }

  get eventId(): number {
    return this.left.eventId;
  }

  /** Each gets an event of its own: what one does to it the other does not see. */
  apply(event: LoggedEvent): void {
    if (this.left.replay(event)) this.events++;
    this.right.replay(event);
  }
}
