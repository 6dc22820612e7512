// One process that replicates a log in memory, and everything that it was told.
import { WalError } from '../../src/errors.js';
import type { BlockStream } from '../../src/replication/block-stream.js';
import { Replicator } from '../../src/replication/replicator.js';
import type { ReplicatorObserver } from '../../src/replication/replicator-ports.js';
import type { MemoryLog } from './memory-log.js';
import type { MemoryStream } from './memory-stream.js';
import type { Turns } from './turns.js';

export class Writer {
  readonly log: MemoryLog;
  readonly #stream: BlockStream & { cut(): void };
  readonly #stop = new AbortController();
  /** The events that it was told to be in the stream, at the moment when it was told so. */
  onConfirmed: (eventId: number) => void = () => {};
  confirmedEventId = 0;
  claims = 0;
  epoch = 0;
  regressions = 0;
  foundStored = 0;
  error: unknown;
  isOver = false;
  isKilled = false;

  constructor(turns: Turns, log: MemoryLog, engine: MemoryStream, takeover = false) {
    this.log = log;
    this.#stream = engine.connect();
    const ports = {
      pause: turns.pause,
      random64: () => BigInt(turns.below(2 ** 31)),
      wallClockMs: () => 1_700_000_000_000,
    };
    const options = { takeover, checkpointMs: 60_000, signal: this.#stop.signal };
    const replicator = new Replicator(log, this.#stream, ports, this.#observer(), options);
    replicator.run().then(
      () => {
        this.isOver = true;
      },
      (error: unknown) => {
        this.isOver = true;
        this.error = error;
      },
    );
  }

  get code(): string | undefined {
    return this.error instanceof WalError ? this.error.code : undefined;
  }

  get isAtWork(): boolean {
    return !this.isOver && !this.isKilled;
  }

  get isDone(): boolean {
    return this.claims > 0 && this.confirmedEventId === this.log.lastEventId;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Nothing more comes of it, but what it has sent. */
  kill(): void {
    this.isKilled = true;
    this.#stream.cut();
  }

  #observer(): ReplicatorObserver {
    return {
      onActivity: () => {},
      onClaimed: (epoch, confirmedEventId) => {
        this.claims++;
        this.epoch = epoch;
        this.confirmedEventId = confirmedEventId;
      },
      onConfirmed: ({ firstEventId, eventCount }) => {
        this.confirmedEventId = firstEventId + eventCount - 1;
        if (!this.isKilled) this.onConfirmed(this.confirmedEventId);
      },
      onFenced: () => {},
      onProven: () => {},
      onSending: () => undefined,
      onFoundStored: () => {
        this.foundStored++;
      },
      onFailure: () => {},
      onRegression: () => {
        this.regressions++;
      },
    };
  }
}
