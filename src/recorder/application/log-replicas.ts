// The streams that this process feeds with a log, as the log knows them: who waits for a quorum
// asks the log, and a log whose stream another one has taken over accepts nothing more, if that was
// asked for.
import { WalError } from '../../errors.js';
import { LogState } from '../../ring/ring-control.js';
import type {
  ReplicationUpdater,
  StreamStanding,
} from '../../telemetry/recorder/replication-metrics.js';
import type { WaitOptions } from './unless-aborted.js';

/** A stream that is fed with a log. */
interface FedStream {
  /** Resolves once the stream is known to have the event; rejects once it never will be. */
  replicated(eventId: number, options: WaitOptions): Promise<number>;
}

/** The word of a log's state, in memory that goes when the log is closed. */
interface StateWord {
  readonly words: Int32Array;
  readonly index: number;
}

export class LogReplicas {
  readonly #directory: string;
  readonly #word: () => StateWord;
  readonly #streams = new Map<string, FedStream>();
  /** By stream: who says that the log is to accept nothing more. */
  readonly #fences = new Map<string, Error>();
  readonly #standings = new Map<string, StreamStanding>();
  /** Records what happens on the way to the streams. */
  readonly updater: ReplicationUpdater;

  constructor(directory: string, word: () => StateWord, updater: ReplicationUpdater) {
    this.#directory = directory;
    this.#word = word;
    this.updater = updater;
  }

  /** From here on the stream is among those that the telemetry tells of. */
  measure(stream: string, standing: StreamStanding): void {
    this.#standings.set(stream, standing);
    this.tell();
  }

  /** Its replica has ended. */
  measured(stream: string, standing: StreamStanding | undefined): void {
    if (this.#standings.get(stream) !== standing) return;
    this.#standings.delete(stream);
    this.tell();
  }

  /** Tells the telemetry how the streams stand: the one that is furthest behind, for all. */
  tell(): void {
    const all = [...this.#standings.values()];
    const [last] = all.sort((a, b) => a.confirmedEventId - b.confirmedEventId);
    const since = (ofEach: (standing: StreamStanding) => number): number =>
      Math.min(...all.map(ofEach).filter((ns) => ns > 0), Number.POSITIVE_INFINITY);
    const known = (ns: number): number => (Number.isFinite(ns) ? ns : 0);
    this.updater.setStanding({
      streams: all.length,
      fenced: this.#fences.size,
      confirmedEventId: last?.confirmedEventId ?? 0,
      confirmedEventBytes: last?.confirmedEventBytes ?? 0,
      unconfirmedSinceNs: known(since((each) => each.unconfirmedSinceNs)),
      waitingSinceNs: known(since((each) => each.waitingSinceNs)),
      answeredNs: known(since((each) => each.answeredNs)),
    });
  }

  /** In place of one that has ended, of the same stream. */
  begin(stream: string, fed: FedStream): void {
    this.#streams.set(stream, fed);
  }

  /** Nobody is to be told of it any more. */
  end(stream: string, fed: FedStream): void {
    if (this.#streams.get(stream) === fed) this.#streams.delete(stream);
  }

  /** Resolves once all streams are known to have the event, with what all of them have. */
  async replicated(eventId: number, options: WaitOptions): Promise<number> {
    if (this.#streams.size === 0) {
      throw new WalError(
        'ERR_FLASHSTRIKE_REPLICATION_STOPPED',
        `${this.#directory}: this process feeds no stream with the log: call replicate(wal, …).`,
        { path: this.#directory },
      );
    }
    const all = [...this.#streams.values()].map((fed) => fed.replicated(eventId, options));
    return Math.min(...(await Promise.all(all)));
  }

  /** Why the log accepts nothing more; undefined: no stream says so. */
  get fencedBy(): Error | undefined {
    return [...this.#fences.values()][0];
  }

  /** From here on `append` refuses: it looks at this word in any case. */
  fence(stream: string, error: Error): void {
    this.#fences.set(stream, error);
    this.tell();
    const { words, index } = this.#word();
    for (;;) {
      const state = Atomics.load(words, index);
      // A log that is over stays so.
      if (state !== LogState.open && state !== LogState.noSpace) return;
      if (Atomics.compareExchange(words, index, state, LogState.fenced) === state) return;
    }
  }

  /** The log has the stream by now: it has claimed it. */
  lift(stream: string): void {
    if (!this.#fences.delete(stream)) return;
    this.tell();
    if (this.#fences.size > 0) return;
    const { words, index } = this.#word();
    // Of a disk that is full the writer thread tells again when that has changed.
    Atomics.compareExchange(words, index, LogState.fenced, LogState.open);
  }
}
