// A log as the end of a pipeline. What is written is an event, or is cut into lines; the stream's
// own buffer fills while the ring is full, and so whoever writes is told to wait.
import { Writable } from 'node:stream';
import { types } from 'node:util';
import { invalidArgument, invalidOption } from '../errors.js';
import { checkOptionNames, checkSignal } from '../reading/event-range.js';
import { Appender, checkEventType, type TakingLog } from './appender.js';
import { bytesOf } from './bytes-of.js';
import { checkLineOptions, LineIntake } from './line-intake.js';

/** Options of `wal.writable`. */
export interface WalWritableOptions {
  /**
   * True: each line of the bytes that are written is an event, without its `\n`, wherever the
   * chunks are cut; a last line without one, too. Default: each chunk that is written is one.
   */
  readonly lines?: boolean | undefined;
  /**
   * True: each value that is written is an event: bytes as they are, a string as UTF-8, anything
   * else as JSON, or as `encode` says. Not together with `lines`. Default false.
   */
  readonly objectMode?: boolean | undefined;
  /** With `objectMode`: makes the payload of a value. */
  readonly encode?: ((value: unknown) => Uint8Array) | undefined;
  /** With `lines`: a longer line is an error: 1 … 1,048,576 bytes. Default 1,048,576. */
  readonly maxLineBytes?: number | undefined;
  /** The tag of all events, 0 … 65535. Default 0. */
  readonly type?: number | undefined;
  /**
   * How much waits in the stream before `write` returns false: bytes, or values with `objectMode`.
   * Default: Node's.
   */
  readonly highWaterMark?: number | undefined;
  /** Destroys the stream. */
  readonly signal?: AbortSignal | undefined;
}

/** What `wal.writable` returns. */
export interface WalWritable extends Writable {
  /** Events that were appended. */
  readonly events: number;
  /** Id of the last of them; 0 without events. */
  readonly lastEventId: number;
}

const NAMES = [
  'lines',
  'objectMode',
  'encode',
  'maxLineBytes',
  'type',
  'highWaterMark',
  'signal',
] as const;

export function walWritable(log: TakingLog, options: WalWritableOptions = {}): WalWritable {
  checkOptionNames(options, NAMES);
  const { lines = false, objectMode = false, encode, maxLineBytes, type } = options;
  for (const [name, value] of Object.entries({ lines, objectMode })) {
    if (typeof value !== 'boolean') throw invalidOption(`${name} must be true or false.`);
  }
  if (lines && objectMode) throw invalidOption('lines are cut out of bytes: not with objectMode.');
  if (encode !== undefined && !objectMode) throw invalidOption('encode goes with objectMode.');
  if (maxLineBytes !== undefined && !lines) throw invalidOption('maxLineBytes goes with lines.');
  checkLineOptions({ maxLineBytes, encode });
  checkEventType(type);
  checkSignal(options.signal);
  return new EventStream(log, options);
}

type Done = (error?: Error | null) => void;

class EventStream extends Writable implements WalWritable {
  readonly #log: TakingLog;
  readonly #stop = new AbortController();
  readonly #appender: Appender;
  readonly #lines: LineIntake | undefined;
  readonly #payloadOf: (chunk: unknown) => Uint8Array;

  constructor(log: TakingLog, options: WalWritableOptions) {
    const { lines, objectMode = false, encode, maxLineBytes, type = 0 } = options;
    const { highWaterMark, signal } = options;
    super({
      objectMode,
      ...(highWaterMark !== undefined && { highWaterMark }),
      ...(signal !== undefined && { signal }),
    });
    this.#log = log;
    this.#appender = new Appender(log, type, this.#stop.signal);
    const name = 'the stream';
    this.#lines = lines ? new LineIntake(this.#appender, { maxLineBytes, name }) : undefined;
    this.#payloadOf = objectMode ? (encode ?? jsonOf) : bytesOf;
  }

  get events(): number {
    return this.#appender.events;
  }

  get lastEventId(): number {
    return this.#appender.lastEventId;
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: Done): void {
    try {
      if (this.#lines !== undefined) {
        tell(this.#lines.take(bytesOf(chunk), this.#put), done);
        return;
      }
      const payload = this.#payloadOf(chunk);
      if (this.#appender.tryPut(payload)) done();
      else tell(this.#put(payload), done);
    } catch (error) {
      done(error as Error);
    }
  }

  /** Once this is done the stream has finished: everything is on disk. */
  override _final(done: Done): void {
    tell(this.#finish(), done);
  }

  /** What was appended stays; what waits in the stream goes. The log stays open. */
  override _destroy(error: Error | null, done: Done): void {
    this.#stop.abort(error ?? new Error('the stream was destroyed'));
    done(error);
  }

  async #finish(): Promise<void> {
    await this.#lines?.finish(this.#put);
    const { lastEventId } = this.#appender;
    if (lastEventId > 0) await this.#log.durable(lastEventId);
  }

  readonly #put = (payload: Uint8Array): Promise<void> => this.#appender.put(payload);
}

const tell = (work: Promise<void>, done: Done): void => void work.then(() => done(), done);

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT; what `toJSON` throws */
function jsonOf(value: unknown): Uint8Array {
  if (typeof value === 'string' || ArrayBuffer.isView(value)) return bytesOf(value);
  if (types.isAnyArrayBuffer(value)) {
    // JSON would make {} of it.
    throw invalidArgument(
      'An ArrayBuffer is recorded through a view: give new Uint8Array(buffer).',
    );
  }
  const text: string | undefined = JSON.stringify(value);
  return bytesOf(text);
}
