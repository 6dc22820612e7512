// Back-pressure: what the application thread does while the ring is full. It spins for a moment,
// for the writer mostly is about to release a block, then sleeps in slices, so that it notices a
// failure, a full disk, or its own time limit.
import type { Clock } from '../../clock/clock.js';
import { RunningTime } from '../../clock/running-time.js';
import { WalError } from '../../errors.js';
import type { RingProducer } from '../../ring/ring-producer.js';
import { elapsedMs } from '../../telemetry/heartbeats.js';
import type { ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { type Signals, Trouble } from '../threads/signals.js';
import { fromLoop } from './from-loop.js';
import { awaited, type Neighbours, NO_NEIGHBOURS, WaitLooks } from './neighbours.js';

const SPIN_NS = 200e3;
const SLICE_MS = 10;
const SLOW = 'the disk cannot keep up, or the writer thread gets no processor time';

/** Looks at the log's state: throws when it has ended; true when it is out of space. */
type StateCheck = () => boolean;

/** Where room is waited for: the producer's side of the ring. */
type Room = Pick<RingProducer, 'reserve' | 'waitingBytes'>;

export class Stalls {
  readonly #signals: Signals;
  readonly #clock: Clock;
  readonly #producer: Room;
  readonly #directory: string;
  readonly #timeoutMs: number;
  readonly #telemetry: ManagerUpdater;
  readonly #neighbours: Pick<Neighbours, 'at' | 'longAt' | 'tell'>;
  /** Called when a wait for room is over, with its beginning. */
  readonly #onWaited: (startNs: number) => void;
  #occupancyBytesMax = 0;
  #waiting = false;
  #willLookBack = false;

  constructor(
    signals: Signals,
    clock: Clock,
    producer: Room,
    directory: string,
    timeoutMs: number,
    telemetry: ManagerUpdater,
    neighbours: Pick<Neighbours, 'at' | 'longAt' | 'tell'> = NO_NEIGHBOURS,
    onWaited: (startNs: number) => void = () => {},
  ) {
    this.#signals = signals;
    this.#clock = clock;
    this.#producer = producer;
    this.#directory = directory;
    this.#timeoutMs = timeoutMs;
    this.#telemetry = telemetry;
    this.#neighbours = neighbours;
    this.#onWaited = onWaited;
  }

  /** Returns once `span` bytes are reserved in the ring. */
  waitForRoom(span: number, check: StateCheck): void {
    this.#lookBackLater();
    const startNs = this.#clock.nowNs();
    // Here too, not by the writer alone: what it saw last is old when it is stuck in a sync.
    this.#occupancyBytesMax = Math.max(this.#occupancyBytesMax, this.#producer.waitingBytes);
    this.#waiting = true;
    this.#telemetry.setRingStall(startNs, this.#occupancyBytesMax);
    let isFull = false;
    try {
      this.waitUntil(() => this.#producer.reserve(span), check);
    } catch (error) {
      // The disk keeps it from being appended, not the ring: telemetry has it as a refusal.
      isFull = error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_NO_SPACE';
      throw error;
    } finally {
      this.#onWaited(startNs);
      if (isFull) this.#telemetry.setRingStall(0, this.#occupancyBytesMax);
      else this.#telemetry.onRingStall(startNs);
      this.#waiting = false;
    }
  }

  /**
   * The engine may cut a wait short so that no `finally` runs. Nobody waits any more once the event
   * loop turns: then neither telemetry nor the writer thread is to be told that someone does.
   */
  #lookBackLater(): void {
    if (this.#willLookBack) return;
    void fromLoop(this.#lookBack);
    this.#willLookBack = true;
  }

  readonly #lookBack = (): void => {
    this.#willLookBack = false;
    this.#signals.set('producerWaiting', 0);
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#telemetry.setRingStall(0, this.#occupancyBytesMax);
  };

  /** @throws WalError ERR_FLASHSTRIKE_NO_SPACE at once, ERR_FLASHSTRIKE_STALLED in time */
  waitUntil(isDone: () => boolean, check: StateCheck): void {
    this.#lookBackLater();
    const startNs = this.#clock.nowNs();
    this.#signals.wake('writer');
    while (this.#clock.nowNs() - startNs < SPIN_NS) if (isDone()) return;
    this.#signals.set('producerWaiting', 1);
    try {
      this.#sleepUntil(isDone, check);
    } finally {
      this.#signals.set('producerWaiting', 0);
    }
  }

  #sleepUntil(isDone: () => boolean, check: StateCheck): void {
    const waited = new RunningTime(this.#clock);
    const looks = new WaitLooks(this.#signals, this.#neighbours);
    for (;;) {
      const seen = this.#signals.producerWakeCount;
      if (isDone()) return;
      looks.look();
      if (check() && this.#spaceIsMissing) throw this.#noSpace();
      const leftMs = this.#timeoutMs - waited.lookMs();
      if (leftMs <= 0) throw this.#stalled(looks.reason);
      this.#signals.waitForRoom(seen, Math.min(leftMs, SLICE_MS));
    }
  }

  /**
   * Out of space alone is no reason to give up: the active segment may still take what waits, or it
   * is wal.meta that has no room, while a segment is being made.
   */
  get #spaceIsMissing(): boolean {
    const signals = this.#signals;
    if (signals.get('writerTrouble') === Trouble.noSpace) return true;
    return signals.get('takerWaiting') === 1 && signals.get('preparerTrouble') === Trouble.noSpace;
  }

  #noSpace(): WalError {
    const cause = this.#signals.preparerError.read();
    return new WalError(
      'ERR_FLASHSTRIKE_NO_SPACE',
      `${this.#directory}: the ring is full, and there is no space on the disk for its events. ` +
        'Nothing that was acknowledged is lost; free some space, then append again.',
      { path: this.#directory, cause },
    );
  }

  /** Why `eventId` was not durable after `waitedMs`, as far as is known. */
  notDurable(eventId: number, durableEventId: number, waitedMs: number): WalError {
    const path = this.#directory;
    const what =
      `${path}: event ${eventId} was not durable after ${waitedMs} ms (durable up to ` +
      `${durableEventId})`;
    if (!this.#spaceIsMissing) {
      const rest = 'The event stays appended; wait again.';
      const message = `${what}: ${this.#atNeighbour() ?? SLOW}. ${rest}`;
      return new WalError('ERR_FLASHSTRIKE_STALLED', message, { path });
    }
    const cause = this.#signals.preparerError.read();
    return new WalError(
      'ERR_FLASHSTRIKE_NO_SPACE',
      `${what}: there is no space on the disk for it. The event stays appended; free some space, ` +
        'then wait again.',
      { path, cause },
    );
  }

  /** The thread that is waited for is at another log by now, and has been for long. */
  #atNeighbour(): string | undefined {
    const thread = awaited(this.#signals);
    const elsewhere = this.#neighbours.longAt(thread);
    if (elsewhere === undefined) return undefined;
    const ms = Math.floor(elapsedMs(elsewhere.sinceMs, this.#clock.nowNs()));
    return (
      `the ${thread} thread serves other logs as well, and has been at ${elsewhere.directory} ` +
      `for ${ms} ms. See what its disk does; threads: 'own' gives a log threads of its own`
    );
  }

  #stalled(reason = SLOW): WalError {
    return new WalError(
      'ERR_FLASHSTRIKE_STALLED',
      `${this.#directory}: the ring stayed full for ${this.#timeoutMs} ms (stallTimeoutMs): ` +
        `${reason}. Append again later.`,
      { path: this.#directory },
    );
  }
}
