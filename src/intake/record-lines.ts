// Lines of a stream into a log: as fast as the log takes them, and no faster are they read.
import { assert, invalidArgument, invalidOption } from '../errors.js';
import type { AnyDefinition } from '../events/any-definition.js';
import { checkCallback, checkOptionNames, checkSignal } from '../reading/event-range.js';
import { Appender, checkEventType, type TakingLog } from './appender.js';
import { bytesOf } from './bytes-of.js';
import { checkLineOptions, LineIntake, type LineOptions } from './line-intake.js';

/** Options of `wal.recordLines`. */
export interface RecordLinesOptions extends LineOptions {
  /** The tag of all events, 0 … 65535. Default 0. */
  readonly type?: number | undefined;
  /**
   * What all events are, of `defineEvent` or `defineJsonEvent`: the log is told of it as by
   * `appendEvent`, and `type` is that of the definition. `encode` then makes payloads of it, as
   * `event.encode(values)` does; one of another size refuses the line.
   */
  readonly event?: AnyDefinition | undefined;
  /** Ends the reading, and the waiting at the end: what was read is recorded. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each chunk of the stream, and once more at the end, however that comes. */
  readonly onProgress?: ((progress: RecordedLines) => void) | undefined;
}

/** What `wal.recordLines` has done. */
export interface RecordedLines {
  /** Lines that were appended. */
  readonly events: number;
  /** Bytes of their payloads. */
  readonly payloadBytes: number;
  /** Id of the first; 0 without events. */
  readonly firstEventId: number;
  /** Id of the last; 0 without events. */
  readonly lastEventId: number;
  /** The durable id of the log: `lastEventId` or more, unless it was interrupted. */
  readonly durableEventId: number;
  /** The last line had no `\n` at its end; it is an event as the others are. */
  readonly isUnended: boolean;
  /** The signal was aborted. A line that was not whole by then is left out. */
  readonly isInterrupted: boolean;
}

/** What lines are read from. */
export type LineSource = AsyncIterable<Uint8Array | string>;

const NAMES = ['type', 'event', 'signal', 'onProgress', 'maxLineBytes', 'encode', 'name'];
/** A silent stream does not tell that the log has failed: a look at it now and then does. */
const HEALTH_MS = 250;

export async function recordLines(
  log: TakingLog,
  source: LineSource,
  options: RecordLinesOptions = {},
): Promise<RecordedLines> {
  checkOptionNames(options, NAMES);
  checkLineOptions(options);
  checkEventType(options.type);
  if (options.event !== undefined && options.type !== undefined) {
    throw invalidOption('The option event says of which type the events are: leave type out.');
  }
  checkSignal(options.signal);
  checkCallback('onProgress', options.onProgress);
  // The words of a caller without types, too.
  if (typeof source?.[Symbol.asyncIterator] !== 'function') {
    throw invalidArgument('recordLines() takes a Readable, or another async iterable of bytes.');
  }
  return new LineRecording(log, source, options).run();
}

class LineRecording {
  readonly #log: TakingLog;
  readonly #source: LineSource;
  readonly #chunks: AsyncIterator<Uint8Array | string>;
  readonly #signal: AbortSignal;
  readonly #onProgress: (progress: RecordedLines) => void;
  readonly #appender: Appender;
  readonly #lines: LineIntake;
  #isUnended = false;
  #isInterrupted = false;
  #wake = (): void => {};

  constructor(log: TakingLog, source: LineSource, options: RecordLinesOptions) {
    this.#log = log;
    this.#source = source;
    this.#chunks = source[Symbol.asyncIterator]();
    this.#signal = options.signal ?? new AbortController().signal;
    this.#onProgress = options.onProgress ?? (() => {});
    this.#appender = new Appender(log, options.event?.type ?? options.type ?? 0, this.#signal);
    this.#lines = new LineIntake(this.#appender, options);
  }

  async run(): Promise<RecordedLines> {
    const wake = (): void => this.#wake();
    this.#signal.addEventListener('abort', wake, { once: true });
    const health = setInterval(() => {
      if (this.#isOver) this.#wake();
    }, HEALTH_MS);
    health.unref();
    try {
      await this.#record();
      if (!this.#signal.aborted) await this.#untilDurable();
      this.#isInterrupted = this.#signal.aborted;
    } finally {
      clearInterval(health);
      this.#signal.removeEventListener('abort', wake);
      this.#onProgress(this.#report);
    }
    return this.#report;
  }

  async #record(): Promise<void> {
    let isAtEnd = false;
    try {
      while (!this.#signal.aborted) {
        const step = await this.#untilWoken(this.#chunks.next());
        if (step === undefined) continue;
        isAtEnd = step.done === true;
        if (step.done === true) break;
        await this.#lines.take(bytesOf(step.value), this.#put);
        this.#onProgress(this.#report);
      }
      // A line that was still being written is not the whole line.
      if (isAtEnd) this.#isUnended = await this.#lines.finish(this.#put);
    } finally {
      if (!isAtEnd) this.#stopReading();
    }
  }

  /** Undefined: the signal was aborted. @throws WalError once the log takes no more events */
  async #untilWoken<Value>(promise: Promise<Value>): Promise<Value | undefined> {
    const woken = await new Promise<Value | undefined>((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      promise.then(resolve, reject);
      // What makes the promise may have aborted it.
      if (this.#signal.aborted) this.#wake();
    });
    if (woken !== undefined || this.#signal.aborted) return woken;
    await this.#log.room(0);
    assert(false, 'a log that is over has no room');
  }

  get #isOver(): boolean {
    return this.#log.state !== 'open' && this.#log.state !== 'no-space';
  }

  /** What was read when the signal came is recorded: the thread waits for that, not for ever. */
  readonly #put = async (payload: Uint8Array): Promise<void> => {
    try {
      await this.#appender.put(payload);
    } catch (error) {
      if (!this.#signal.aborted || this.#isOver) throw error;
      this.#appender.putNow(payload);
    }
  };

  /** A disk that is full may stay so: the signal ends this as well. */
  async #untilDurable(): Promise<void> {
    const { lastEventId } = this.#appender;
    if (lastEventId > 0) await this.#untilWoken(this.#log.durable(lastEventId));
  }

  get #report(): RecordedLines {
    const { events, payloadBytes, firstEventId, lastEventId } = this.#appender;
    return {
      events,
      payloadBytes,
      firstEventId,
      lastEventId,
      durableEventId: this.#log.durableEventId,
      isUnended: this.#isUnended,
      isInterrupted: this.#isInterrupted,
    };
  }

  /** A stream gives up at once; what only iterates is told, and answers when it can. */
  #stopReading(): void {
    const source: { readonly destroy?: unknown } & LineSource = this.#source;
    if (typeof source.destroy === 'function') source.destroy();
    else this.#chunks.return?.().then(undefined, () => undefined);
  }
}
