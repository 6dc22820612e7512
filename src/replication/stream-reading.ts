// Reading a stream from its first block on, through failures that pass.
import { WalError } from '../errors.js';
import { pause } from '../recorder/application/unless-aborted.js';
import { type BlockStream, StreamFailure } from './block-stream.js';
import { damagedStream } from './stream-failures.js';
import { endOf, type StreamEnd } from './stream-tip.js';
import { type StreamRun, StreamWalk } from './stream-walk.js';

/** Failures in a row after which a stream counts as not there; with the pauses half a minute. */
const ATTEMPTS = 30;
const PAUSE_MS = 1_000;
/** Between two looks at a stream that has nothing new. */
const LOOK_MS = 100;

interface ReadingOptions {
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
  /** Go on at the end, until the signal; what is there by then is still read. */
  readonly follow?: boolean | undefined;
}

export class StreamReading {
  readonly walk: StreamWalk;
  readonly #stream: BlockStream;
  readonly #options: ReadingOptions;
  readonly #pause: typeof pause;

  constructor(stream: BlockStream, options: ReadingOptions = {}, pauses = pause) {
    this.#stream = stream;
    this.#options = options;
    this.#pause = pauses;
    this.walk = new StreamWalk(stream.name);
  }

  /** Where the stream ends. @throws WalError ERR_FLASHSTRIKE_STREAM_UNAVAILABLE, _CORRUPT */
  async end(): Promise<StreamEnd> {
    for (let attempt = 1; ; attempt++) {
      try {
        return endOf(this.#stream.name, await this.#stream.position());
      } catch (error) {
        await this.#failed(error, attempt);
      }
    }
  }

  /**
   * All runs up to `end`, and with `follow` those that come.
   * @throws WalError ERR_FLASHSTRIKE_STREAM_UNAVAILABLE, _CORRUPT
   */
  async *runs(end: StreamEnd): AsyncGenerator<StreamRun, void> {
    const { signal, follow = false } = this.#options;
    const { walk } = this;
    for (let attempt = 1; ; ) {
      const isLast = !follow || signal?.aborted === true;
      const { sequence, checksum } = follow && isLast ? await this.end() : end;
      const from = walk.blocks === 0 ? end.firstSequence : walk.sequence + 1;
      try {
        for await (const stored of this.#stream.read(from)) {
          attempt = 1;
          const run = walk.take(stored);
          if (run !== undefined) yield run;
          if (!follow && signal?.aborted === true) return;
        }
        // A node that has not got all of it yet has answered.
        if (walk.sequence < sequence) throw this.#short(sequence);
        if (isLast && follow) {
          this.#checkEnd(sequence, checksum, Math.max(walk.sequence, end.sequence));
        }
        if (isLast) return;
      } catch (error) {
        // A standby waits for the stream as long as it takes.
        await this.#failed(error, follow && !isLast ? 1 : attempt++);
        continue;
      }
      await this.#pause(LOOK_MS, signal);
    }
  }

  /** Whether the stream still has what was read: it may have been thrown back meanwhile. */
  #checkEnd(sequence: number, checksum: bigint, highest: number): void {
    const { name } = this.#stream;
    if (sequence < highest) {
      const what = `ends with block ${sequence}, and has had block ${highest}`;
      throw new StreamFailure('conflict', `stream ${name} ${what}`);
    }
    if (this.walk.checksum === checksum) return;
    throw damagedStream(name, sequence, 'it is another one than was read there before');
  }

  #short(sequence: number): StreamFailure {
    const { name } = this.#stream;
    const message = `stream ${name} was read up to block ${this.walk.sequence} of ${sequence}`;
    return new StreamFailure('unavailable', message);
  }

  async #failed(error: unknown, attempt: number): Promise<void> {
    if (!(error instanceof StreamFailure)) throw error;
    const { signal, follow = false } = this.#options;
    // With `follow` the signal asks for all that there is.
    const isGivenUp = attempt > 1 && !follow && signal?.aborted === true;
    if (attempt >= ATTEMPTS || isGivenUp) {
      const { name } = this.#stream;
      const message = `Stream ${name}: ${error.message} (${attempt} attempts). Try again later.`;
      throw new WalError('ERR_FLASHSTRIKE_STREAM_UNAVAILABLE', message, { cause: error });
    }
    await this.#pause(Math.min(PAUSE_MS, 20 * 2 ** attempt));
  }
}
