// What machines of bytes and of typed events have in common: all but what is submitted to them.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer } from '../consumers/consumer.js';
import { messageOf, outOfRange, WalError } from '../errors.js';
import { checkEventId, checkOptionNames } from '../reading/event-range.js';
import type { Wal, WalInside } from '../recorder/application/wal.js';
import type { HashFile } from './hash-file.js';
import { appendedElsewhere } from './machine-failure.js';
import type {
  AppliedEvent,
  MachineEvent,
  MachineOptions,
  ResolvedMachine,
  SnapshotInfo,
} from './machine-options.js';
import type { Runner } from './runner.js';
import type { SnapshotHost } from './snapshot-host.js';
import { SnapshotTaker } from './snapshot-taker.js';
import { stateHashOf } from './state-hash.js';
import { loadState, type MachineRecovery, type StatePlace } from './state-loader.js';

/** What of its log a machine hands out: events come into it by `submit` alone. */
export type MachineLog = Pick<
  Wal,
  | 'backup'
  | 'capabilities'
  | 'consumers'
  | 'directory'
  | 'durable'
  | 'durableEventId'
  | 'durableSync'
  | 'failure'
  | 'follow'
  | 'followBlocks'
  | 'lastEventId'
  | 'logId'
  | 'recovery'
  | 'registerConsumer'
  | 'removeConsumer'
  | 'replay'
  | 'room'
  | 'state'
  | 'telemetry'
  | 'verification'
  | 'writtenEventId'
>;

/** An event that was applied, and is not known to be durable yet. */
export interface Applied<Result> {
  /** For `machine.wal.durable(eventId)`. */
  readonly eventId: number;
  /** What `apply` returned. */
  readonly result: Result;
}

/** What becomes of snapshots and hashes, which the machine takes care of beside its work. */
export interface MachineUpkeep {
  /** The newest snapshot that is verified and on disk. */
  readonly snapshot: SnapshotInfo | undefined;
  /** Whether one is being written. */
  readonly isTakingSnapshot: boolean;
  /** Why the last one that was tried is not there; undefined where it is. */
  readonly snapshotFailure: Error | undefined;
  /** Number of snapshots that failed since the machine was opened. */
  readonly snapshotFailures: number;
  /** Why state hashes are recorded no more; undefined while they are, and where there are none. */
  readonly hashFailure: Error | undefined;
}

/** Options of `machine.close`. */
export interface CloseMachineOptions {
  /** Whether to take one more snapshot. Default: the option `snapshots.onClose`. */
  readonly snapshot?: boolean | undefined;
}

/** What an opened machine is made of. */
export interface MachineParts<State extends object, Result, Event extends AppliedEvent> {
  readonly wal: Wal;
  readonly inside: WalInside;
  readonly options: MachineOptions<State, Result, Event>;
  readonly resolved: ResolvedMachine;
  readonly place: StatePlace;
  readonly runner: Runner<State, Result, Event>;
  readonly recovery: MachineRecovery;
  readonly consumer: Consumer;
  readonly hashes: HashFile | undefined;
  readonly host: SnapshotHost;
}

/** Between two looks whether a snapshot that is waited for can still come to its end. */
const LOOK_MS = 50;
const NS_PER_MS = 1_000_000n;
const nowNs = (): bigint => BigInt(Date.now()) * NS_PER_MS;

export class MachineBase<
  State extends object,
  Result = unknown,
  Event extends AppliedEvent = MachineEvent,
> {
  readonly #parts: MachineParts<State, Result, Event>;
  readonly #taker: SnapshotTaker<State>;
  /** The last event that the log has got through this machine, and schemas that came between. */
  #recordedEventId: number;
  #schemaEvents: number;
  #nextHash: number;
  #nextSnapshot: number;
  /** The sooner of the two. */
  #nextDue: number;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(parts: MachineParts<State, Result, Event>) {
    this.#parts = parts;
    const { wal, consumer, host, options, resolved, recovery, runner, hashes, inside } = parts;
    const { root } = inside;
    const taking = { wal, root, consumer, host, nowNs };
    this.#taker = new SnapshotTaker<State>(taking, options, resolved, recovery);
    this.#recordedEventId = parts.place.lastEventId;
    this.#schemaEvents = inside.schemaEvents();
    const { hashEvery, snapshots } = resolved;
    const { eventId } = runner;
    this.#nextHash =
      hashes === undefined ? Infinity : (Math.floor(eventId / hashEvery) + 1) * hashEvery;
    const { everyEvents } = snapshots;
    this.#nextSnapshot =
      everyEvents === 0 ? Infinity : (recovery.snapshot?.eventId ?? 0) + everyEvents;
    this.#nextDue = Math.min(this.#nextHash, this.#nextSnapshot);
  }

  /**
   * Behind the append of an event.
   * @internal
   */
  protected applied(event: Event): Applied<Result> {
    const { eventId } = event;
    const { runner } = this.#parts;
    const result = runner.apply(event);
    if (eventId >= this.#nextDue) this.#upkeep(eventId);
    return { eventId, result };
  }

  /**
   * Holds what was appended to what was to come: an event, and schemas before it.
   * @internal
   */
  protected recorded(eventId: number): void {
    const { wal, runner, inside } = this.#parts;
    const schemas = inside.schemaEvents();
    const expected = this.#recordedEventId + 1 + schemas - this.#schemaEvents;
    if (eventId !== expected) {
      throw runner.fail(appendedElsewhere(wal.directory, eventId, expected));
    }
    this.#recordedEventId = eventId;
    this.#schemaEvents = schemas;
  }

  /** @internal */
  protected durably({ eventId, result }: Applied<Result>): Promise<Result> {
    return this.#parts.inside.durably(eventId, result);
  }

  /**
   * The state, to be read: what changes it by another way than `apply` is lost, or worse, gets into
   * a snapshot.
   * @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED where `apply` has failed half-way through it
   */
  get state(): State {
    return this.#parts.runner.state;
  }

  /** The last event that was applied; 0 before the first. */
  get eventId(): number {
    return this.#parts.runner.eventId;
  }

  /** Why the machine has stopped; undefined while it runs. */
  get failure(): Error | undefined {
    return this.#parts.runner.failure ?? this.#parts.wal.failure;
  }

  /** What the opening found. */
  get recovery(): MachineRecovery {
    return this.#parts.recovery;
  }

  /** How snapshots and hashes are getting on. */
  get upkeep(): MachineUpkeep {
    const { last, failure, failures, running } = this.#taker;
    return {
      snapshot: last,
      isTakingSnapshot: running !== undefined,
      snapshotFailure: failure,
      snapshotFailures: failures,
      hashFailure: this.#parts.hashes?.failure,
    };
  }

  /** The log: for followers, consumers, backups, telemetry. Nothing else may append to it. */
  get wal(): MachineLog {
    return this.#parts.wal;
  }

  /**
   * Writes a snapshot of the state as it is now; resolves once it is verified and on disk. The
   * machine goes on meanwhile. A call while one is being written comes behind that. With
   * `deleteEvents` it also waits until events are removed, or told not to be.
   * @returns undefined before the first event
   * @throws WalError ERR_FLASHSTRIKE_SNAPSHOT_FAILED, _NO_SPACE, _IO …: the machine goes on, and
   * older snapshots stay; _CLOSED
   */
  async snapshot(): Promise<SnapshotInfo | undefined> {
    this.checkRunning('snapshot');
    const info = await this.#snapshotNow();
    await this.#taker.deleting;
    return info;
  }

  async #snapshotNow(): Promise<SnapshotInfo | undefined> {
    while (this.#taker.running !== undefined) await Promise.allSettled([this.#taker.running]);
    const { runner, resolved } = this.#parts;
    if (runner.eventId === 0) return undefined;
    const { last } = this.#taker;
    // One of an older version, which was restored, is not what is asked for.
    if (last?.eventId === runner.eventId && last.version === resolved.version) return last;
    const info = await this.#begin(runner.eventId);
    this.#planSnapshot(info.eventId);
    return info;
  }

  /** @internal */
  protected async stateAt(atId: number): Promise<Runner<State, Result, Event>> {
    this.checkRunning('fork');
    const { place, options, resolved, wal, runner } = this.#parts;
    const at = checkEventId('atId', atId) ?? runner.eventId;
    if (at < 0 || at > runner.eventId) {
      throw outOfRange(`fork() takes an event from 0 to ${runner.eventId}; it is ${at}.`);
    }
    const { lastEventId } = wal;
    const loaded = await loadState({ ...place, lastEventId }, options, resolved, at);
    return loaded.runner;
  }

  /**
   * Waits until all events are durable, and for a snapshot that is being written, and closes the
   * log. May be called more than once.
   * @throws WalError with the cause, if not everything could be written, or the snapshot that was
   * asked for could not; the log is closed then, too
   */
  close(options: CloseMachineOptions = {}): Promise<void> {
    checkOptionNames(options, ['snapshot']);
    const { onClose } = this.#parts.resolved.snapshots;
    this.#closing ??= this.#close(options.snapshot ?? onClose);
    return this.#closing;
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(takesSnapshot: boolean): Promise<void> {
    const { wal, runner, hashes } = this.#parts;
    try {
      await this.#settled();
      if (takesSnapshot && runner.failure === undefined) {
        const taking = this.#snapshotNow();
        await Promise.allSettled([taking, this.#settled()]);
        await taking;
      }
    } finally {
      hashes?.flush(wal.durableEventId);
      hashes?.close();
      await wal.close();
    }
  }

  /**
   * Once no snapshot is being written. It waits for its event to be durable, which may be never on
   * a disk that is full: then it is given up.
   */
  async #settled(): Promise<void> {
    const { wal } = this.#parts;
    for (let { running } = this.#taker; running !== undefined; running = this.#taker.running) {
      await Promise.race([Promise.allSettled([running]), sleep(LOOK_MS)]);
      if (wal.state === 'no-space') this.#taker.giveUp();
    }
  }

  /** Off the way of most events: a hash, a snapshot, or both. */
  #upkeep(eventId: number): void {
    const { hashes, wal, options, resolved, runner } = this.#parts;
    if (eventId >= this.#nextHash && hashes !== undefined) {
      this.#nextHash = eventId + resolved.hashEvery;
      hashes.flush(wal.durableEventId);
      const stateVersion = resolved.version;
      const hash = (): bigint | undefined => stateHashOf(options, runner.state);
      runner.within('hash', () => hashes.note(eventId, stateVersion, hash));
    }
    if (eventId >= this.#nextSnapshot) {
      this.#planSnapshot(eventId);
      this.#snapshotBeside(eventId);
    }
    this.#nextDue = Math.min(this.#nextHash, this.#nextSnapshot);
  }

  /** What `snapshot` and `hash` do in the call is not to change what they are asked for. */
  #begin(eventId: number): Promise<SnapshotInfo> {
    const { runner } = this.#parts;
    return runner.within('snapshot', () => this.#taker.begin(runner.state, eventId));
  }

  /** One that nobody waits for. Where it fails it is told, and tried again after as many events. */
  #snapshotBeside(eventId: number): void {
    if (this.#taker.running !== undefined) return;
    this.#begin(eventId).catch((error: unknown) => {
      // One that the end of the log has cut short is no news.
      if (this.#closing !== undefined || this.#parts.wal.failure !== undefined) return;
      const message = messageOf(error);
      process.emitWarning(message, { code: 'FLASHSTRIKE_SNAPSHOT_FAILED' });
    });
  }

  #planSnapshot(eventId: number): void {
    const { everyEvents } = this.#parts.resolved.snapshots;
    if (everyEvents > 0) this.#nextSnapshot = eventId + everyEvents;
    this.#nextDue = Math.min(this.#nextHash, this.#nextSnapshot);
  }

  /** @internal */
  protected checkRunning(call: string): void {
    const { runner, wal } = this.#parts;
    if (runner.failure !== undefined) throw runner.failure;
    runner.refuseWithin(call);
    if (this.#closing === undefined) return;
    const message = `${wal.directory}: the machine is closed. Open it again to continue.`;
    throw new WalError('ERR_FLASHSTRIKE_CLOSED', message, { path: wal.directory });
  }
}
