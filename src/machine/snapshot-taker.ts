// Takes snapshots of a running machine, one at a time. What it takes of the state it has when
// `begin` returns; all that waits for a disk comes behind that, on another thread.
import { join } from 'node:path';
import type { Consumer } from '../consumers/consumer.js';
import { errorOf, messageOf, WalError } from '../errors.js';
import { random64 } from '../random.js';
import type { Wal } from '../recorder/application/wal.js';
import type { UnfitReason, UnfitSnapshot } from '../replay/snapshot-fitness.js';
import { snapshotFileName } from '../segment/file-names.js';
import type { MachineDefinition, ResolvedMachine, SnapshotInfo } from './machine-options.js';
import { ContentMeter, piecesOf } from './snapshot-content.js';
import type { SnapshotHost, SnapshotJob } from './snapshot-host.js';
import { stateHashOf } from './state-hash.js';
import type { MachineRecovery } from './state-loader.js';

type SnapshotDefinition<State extends object> = Pick<MachineDefinition<State>, 'snapshot' | 'hash'>;

interface TakerPlace {
  readonly wal: Wal;
  readonly root: string | undefined;
  readonly consumer: Consumer;
  readonly host: SnapshotHost;
  readonly nowNs: () => bigint;
}

/**
 * Those of another log stay, those that cannot be read may be sound, and another version of the
 * application may want its own.
 */
const UNFIT: ReadonlySet<UnfitReason> = new Set(['damaged', 'ahead', 'other-history']);

export class SnapshotTaker<State extends object> {
  readonly #place: TakerPlace;
  readonly #definition: SnapshotDefinition<State>;
  readonly #options: ResolvedMachine;
  /** Events of snapshots that the opening could not use. */
  readonly #passedOver: Set<number>;
  /** Those of them that nobody can use. */
  readonly #unfit: Set<number>;
  #running: Promise<SnapshotInfo> | undefined;
  #last: SnapshotInfo | undefined;
  #failure: Error | undefined;
  #failures = 0;
  #deleting: Promise<void> = Promise.resolve();
  readonly #givenUp = rejectable();

  constructor(
    place: TakerPlace,
    definition: SnapshotDefinition<State>,
    options: ResolvedMachine,
    { snapshot, passedOver }: Pick<MachineRecovery, 'snapshot' | 'passedOver'>,
  ) {
    this.#place = place;
    this.#definition = definition;
    this.#options = options;
    this.#last = snapshot;
    const eventOf = ({ eventId }: UnfitSnapshot): number => eventId;
    this.#passedOver = new Set(passedOver.map(eventOf));
    this.#unfit = new Set(passedOver.filter(({ reason }) => UNFIT.has(reason)).map(eventOf));
    const { acknowledgedEventId } = place.consumer;
    // What the last end may have cut short; where a snapshot is no use the events may be.
    const isSound = snapshot !== undefined && passedOver.length === 0;
    if (options.snapshots.deleteEvents && isSound && acknowledgedEventId > 0) {
      this.#deleting = this.#deleteBefore(acknowledgedEventId + 1);
    }
  }

  /** The newest that is verified and on disk. */
  get last(): SnapshotInfo | undefined {
    return this.#last;
  }

  /** Why the last one that was tried is not there; undefined where it is. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get failures(): number {
    return this.#failures;
  }

  get running(): Promise<SnapshotInfo> | undefined {
    return this.#running;
  }

  /** Resolves once the events before the oldest one are gone, or could not be removed. */
  get deleting(): Promise<void> {
    return this.#deleting;
  }

  /** One that waits for its event to be durable fails. For who closes the machine. */
  giveUp(): void {
    const { directory: path } = this.#place.wal;
    const message = `${path}: the disk is full, so no snapshot was written. Make space.`;
    this.#givenUp.reject(new WalError('ERR_FLASHSTRIKE_NO_SPACE', message, { path }));
  }

  /** Takes hold of the state at once. None may be running. */
  begin(state: State, eventId: number): Promise<SnapshotInfo> {
    const running = this.#counted(state, eventId);
    this.#running = running;
    const done = (): void => {
      this.#running = undefined;
    };
    running.then(done, done);
    return running;
  }

  async #counted(state: State, eventId: number): Promise<SnapshotInfo> {
    try {
      const info = await this.#take(state, eventId);
      this.#failure = undefined;
      return info;
    } catch (error) {
      this.#failures++;
      this.#failure = errorOf(error);
      throw error;
    }
  }

  // Up to its first await this runs in the call of `begin`.
  async #take(state: State, eventId: number): Promise<SnapshotInfo> {
    const { wal, root, host, nowNs } = this.#place;
    const { version, restoresVersions, snapshots } = this.#options;
    const path = join(wal.directory, snapshotFileName(eventId));
    const createdTsNs = nowNs();
    const content = this.#contentOf(state, path);
    const job = host(
      {
        dir: wal.directory,
        logId: wal.logId,
        eventId,
        stateVersion: version,
        stateHash: content.stateHash,
        salt: random64(),
        createdTsNs,
        keep: snapshots.keep,
        versions: [...restoresVersions],
        passedOver: [...this.#passedOver],
        unfit: [...this.#unfit],
      },
      root,
    );
    try {
      await this.#fill(job, content.pieces, path);
      await Promise.race([wal.durable(eventId), this.#givenUp.promise]);
    } catch (error) {
      await job.abandon();
      throw error;
    }
    const { contentBytes, kept } = await job.finish();
    const info = { eventId, version, contentBytes, createdTsNs, path };
    this.#last = info;
    this.#unfit.clear();
    // It has taken the place of one that was of no use.
    this.#passedOver.delete(eventId);
    await this.#release(kept);
    return info;
  }

  #contentOf(state: State, path: string) {
    try {
      const pieces = piecesOf(this.#definition.snapshot(state), path);
      return { pieces, stateHash: stateHashOf(this.#definition, state) };
    } catch (error) {
      throw new ContentMeter(path, 0).failed(error);
    }
  }

  async #fill(job: SnapshotJob, content: ReturnType<typeof piecesOf>, path: string): Promise<void> {
    const meter = new ContentMeter(path, this.#options.snapshots.maxBytes);
    const put = (piece: unknown): void => {
      for (const part of meter.parts(piece)) job.write(part);
    };
    if (content.kind === 'now') {
      for (const piece of taking(content.pieces, meter)) put(piece);
      return;
    }
    const { pieces } = content;
    for (let next = pieces.next(); ; next = pieces.next()) {
      const { done, value } = await next.catch((error) => {
        throw meter.failed(error);
      });
      if (done === true) return;
      try {
        put(value);
        await job.room();
      } catch (error) {
        // What the application's code holds is let go of; what it says to that changes nothing.
        await Promise.allSettled([pieces.return?.()]);
        throw error;
      }
    }
  }

  /**
   * The log may lose what stands before the oldest one that is kept. Not the event itself: its
   * block is what the snapshot is bound to.
   */
  async #release(kept: readonly number[]): Promise<void> {
    const { consumer } = this.#place;
    const { keep, deleteEvents } = this.#options.snapshots;
    const [oldest] = kept;
    if (oldest === undefined || kept.length < keep) return;
    await consumer.acknowledge(oldest - 1);
    if (deleteEvents) this.#deleting = this.#deleting.then(() => this.#deleteBefore(oldest));
  }

  /** Beside all else, and never rejects: the snapshot is there, whether or not they can go. */
  async #deleteBefore(eventId: number): Promise<void> {
    const { wal } = this.#place;
    try {
      await wal.deleteBefore(eventId);
    } catch (error) {
      // What the end of the log has cut short is asked for again at the next opening.
      if (wal.state !== 'open' && wal.state !== 'no-space') return;
      const message = `${wal.directory}: events before ${eventId} stay: ${messageOf(error)}`;
      process.emitWarning(message, { code: 'FLASHSTRIKE_EVENTS_NOT_REMOVED' });
    }
  }
}

function rejectable() {
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<never>((_resolve, rejecting) => {
    reject = rejecting;
  });
  // Mostly nobody waits for it.
  promise.catch(() => undefined);
  return { promise, reject };
}

/** Tells what the application's iterator throws from what is thrown at it. */
function* taking(pieces: Iterable<unknown>, meter: ContentMeter): Generator<unknown> {
  const iterator = pieces[Symbol.iterator]();
  let isOver = false;
  const step = (): IteratorResult<unknown> => {
    try {
      return iterator.next();
    } catch (error) {
      isOver = true;
      throw meter.failed(error);
    }
  };
  try {
    for (let next = step(); next.done !== true; next = step()) yield next.value;
    isOver = true;
  } finally {
    if (!isOver) iterator.return?.();
  }
}
