// Objects as a source of events for a log that is made of them: which log they are of, where they
// begin and end, and whether a stream can be what comes behind them.
import { hexOf64 } from '../../units.js';
import type { StreamEnd } from '../stream-tip.js';
import { type FetchingPlace, fetchedRuns } from './fetched-segment.js';
import type { Run } from './joined-runs.js';
import { differentEvents } from './object-failures.js';
import { ObjectLog } from './object-log.js';
import type { ObjectStore } from './object-store.js';
import { PatientStore } from './patient-store.js';

export class ObjectSource {
  readonly name: string;
  /** Segments that were read. */
  segments = 0;
  readonly #store: PatientStore;
  #log: ObjectLog | undefined;

  constructor(store: ObjectStore, signal: AbortSignal | undefined) {
    this.name = store.name;
    this.#store = new PatientStore(store, { signal });
  }

  /**
   * Looks what is there.
   * @param toId where the log is to end
   * @throws WalError ERR_FLASHSTRIKE_DIVERGED, and as {@link ObjectLog.read}
   */
  async open(
    stream: string | undefined,
    end: StreamEnd | undefined,
    toId: number | undefined,
  ): Promise<void> {
    const log = await ObjectLog.read(this.#store);
    this.#log = log;
    if (log === undefined || end === undefined || end.sequence === 0) return;
    const last = Math.min(log.lastEventId, toId ?? log.lastEventId);
    // What it had not sent when another log took over was never part of the stream.
    if (end.logId === log.logId || last < end.nextEventId) return;
    const what =
      `log ${hexOf64(end.logId)} has taken over the stream, which ends with event ` +
      `${end.nextEventId - 1}, and the objects of log ${hexOf64(log.logId)} go on behind it`;
    throw differentEvents(`Objects ${this.name} and stream ${stream}`, what);
  }

  /** Undefined where nothing was put yet. */
  get logId(): bigint | undefined {
    return this.#log?.logId;
  }

  /** Undefined where nothing was put yet. */
  get firstEventId(): number | undefined {
    return this.#log?.firstEventId;
  }

  get isEmpty(): boolean {
    return (this.#log?.headers.length ?? 0) < 2;
  }

  /** 0 where nothing was put yet. */
  get lastEventId(): number {
    return this.#log?.lastEventId ?? 0;
  }

  /** @throws WalError as {@link fetchedRuns} */
  async *runs(place: FetchingPlace): AsyncGenerator<Run, void> {
    const headers = this.#log?.headers ?? [];
    for (const [index, header] of headers.entries()) {
      const pin = headers[index + 1];
      if (pin === undefined) return;
      yield* fetchedRuns(place, this.#store, header, pin);
      this.segments++;
    }
  }
}
