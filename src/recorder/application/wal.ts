// The recorder's top: what the application holds. All of it runs on the application's thread, and
// `append` runs there for every event: while the ring has room it makes no system call, takes no
// lock and allocates nothing.
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BackupOptions, backupOf } from '../../backup/backup.js';
import type { BackupReport } from '../../backup/backup-steps.js';
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { TimestampSource } from '../../clock/timestamp-source.js';
import type { Consumer } from '../../consumers/consumer.js';
import type { RegisterConsumerOptions } from '../../consumers/consumer-options.js';
import type { ConsumerStatus } from '../../consumers/consumers.js';
import { assert, invalidArgument, WalError } from '../../errors.js';
import type { AppendableDefinition } from '../../events/any-definition.js';
import type { EventDefinition } from '../../events/define-event.js';
import type { Draft } from '../../events/draft.js';
import type { EventFields, EventValues } from '../../events/fields.js';
import type { JsonEventDefinition } from '../../events/json-event.js';
import { SCHEMA_TYPE } from '../../events/schema-event.js';
import {
  type LineSource,
  type RecordedLines,
  type RecordLinesOptions,
  recordLines,
} from '../../intake/record-lines.js';
import {
  type WalWritable,
  type WalWritableOptions,
  walWritable,
} from '../../intake/wal-writable.js';
import type { ReadingPorts } from '../../judgement/reading-ports.js';
import { assertLittleEndian, assertRuntime } from '../../memory/libc.js';
import { readNumber } from '../../memory/sequence-latch.js';
import { newInterval } from '../../metrics/journal.js';
import { checkDirectory, checkOptions, checkSignal } from '../../reading/event-range.js';
import type {
  FollowBlocksOptions,
  FollowOptions,
  LoggedBlock,
  LoggedEvent,
  ReplayOptions,
  ReusedEvent,
  Reusing,
} from '../../reading/events.js';
import type { RecoveryReport, VerifyMode } from '../../recovery/recover-log.js';
import { followThrough } from '../../replay/follow.js';
import { followBlocksThrough } from '../../replay/follow-blocks.js';
import { replayThrough } from '../../replay/replay.js';
import { LogState, type LogStateCode } from '../../ring/ring-control.js';
import { NO_RING } from '../../ring/ring-memory.js';
import { RingProducer } from '../../ring/ring-producer.js';
import { durablePointOf } from '../../ring/ring-snapshot.js';
import { assertChecksums } from '../../segment/checksum.js';
import { FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../../segment/frame.js';
import type { LogTelemetry, WalTelemetry } from '../../telemetry/log-telemetry.js';
import { appendedEventsOf, ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { OpeningUpdater } from '../../telemetry/recorder/opening-metrics.js';
import { ReplicationUpdater } from '../../telemetry/recorder/replication-metrics.js';
import { WaitRecorder } from '../../telemetry/stalls/wait-recorder.js';
import { LONGEST_TIMER_MS, PAGE_BYTES } from '../../units.js';
import { SEGMENT_PARTS } from '../threads/segment-growth.js';
import { Signals } from '../threads/signals.js';
import { type VerificationStatus, verificationStatus } from '../threads/verification.js';
import type { ResolvedOptions, WalOptions } from '../threads/wal-options.js';
import { Batch } from './batch.js';
import { CollectorWatch } from './collector-watch.js';
import { Diagnostics } from './diagnostics.js';
import { DurableWaiters } from './durable-waiters.js';
import { EventAppenders, type EventWriter, type ShownEvent } from './event-appender.js';
import { batchTooLarge, eventTooLarge, largestBatchBytes } from './event-limit.js';
import { endWithProcess, noLongerEnds } from './exit-hook.js';
import { fromLoop } from './from-loop.js';
import { openWhenUnlocked } from './lock-patience.js';
import { LogConsumers } from './log-consumers.js';
import { LogReplicas } from './log-replicas.js';
import { type Capabilities, OpenLogHandles } from './open-log-handles.js';
import { describe, LONGEST_SAMPLING, resolveOptions } from './options.js';
import { payloadBytesOf } from './payload.js';
import { warnOfPortableRing } from './portable-warning.js';
import { Pulse } from './pulse.js';
import { RingGrowth } from './ring-growth.js';
import { untilRoom } from './room.js';
import { Stalls } from './stalls.js';
import { signalOf, unlessAborted, type WaitOptions } from './unless-aborted.js';

/**
 * - `open`: accepts events
 * - `no-space`: the disk is full; accepts events while the ring has room, and continues by itself
 *   once there is space
 * - `fenced`: accepts nothing more, as another log has taken over a stream that this one feeds;
 *   what was appended becomes durable. See the option `onFenced` of `replicate`
 * - `failed`: accepts nothing more; `wal.failure` says why
 * - `closing`, `closed`: `close` was called
 */
export type WalState = 'open' | 'no-space' | 'fenced' | 'failed' | 'closing' | 'closed';

const TYPE_MASK = 0xffff;
// V8 puts a module's own constants into the code that it compiles; what is imported it loads and
// checks at each use.
const OPEN = LogState.open;
const bytesOf = payloadBytesOf;
const EXIT_TIMEOUT_MS = 10_000;
/** By the symbol, not from node:util: our types need none of Node's for it. */
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');
/** How often who waits for a schema looks whether the log still takes events. */
const TOLD_LOOK_MS = 100;
/** What `append` finds in place of the region's words once they are gone. */
const CLOSED_WORDS = Int32Array.of(LogState.closed);

/** What a machine and a replicator need of their log, and nobody else: see `walInside`. */
export interface WalInside {
  /** For readers and writers of the folder, wherever it is. */
  readonly ports: ReadingPorts;
  /** Where another thread reaches the folder; undefined: by its path. */
  readonly root: string | undefined;
  /** When the last event was appended: nanoseconds since the Unix epoch. */
  lastTimestampNs(): bigint;
  /** As `appendEvent`, and what readers will give of the event. */
  appendShown(event: AppendableDefinition, values: unknown): ShownEvent;
  /** Number of schema events that this opening has appended, between others. */
  schemaEvents(): number;
  /** Resolves with `value` once the event is durable, as `durable` does. */
  durably<Value>(eventId: number, value: Value): Promise<Value>;
  /** The streams that are fed with it. */
  readonly replicas: LogReplicas;
}

let inside: (wal: Wal) => WalInside;

/**
 * A write-ahead log. `append` returns once the event is in memory that survives this process;
 * `durable()` resolves once it is on disk.
 *
 * @example
 * import { Wal } from 'flashstrike';
 *
 * const wal = await Wal.open('./orders');
 * const id = wal.append(Buffer.from('buy 100'));
 * await wal.durable(id);
 * await wal.close();
 */
export class Wal {
  readonly #directory: string;
  readonly #signals: Signals;
  readonly #handles: OpenLogHandles;
  readonly #producer: RingProducer;
  readonly #timestamps: TimestampSource;
  readonly #waiters: DurableWaiters;
  readonly #diagnostics: Diagnostics;
  readonly #pulse: Pulse;
  readonly #waits: WaitRecorder;
  readonly #growth: RingGrowth;
  readonly #stalls: Stalls;
  readonly #consumers: LogConsumers;
  readonly #events: EventAppenders;
  readonly #replicas: LogReplicas;
  // What `append` reads begins with a value of its kind: what begins undefined V8 checks each time.
  #words: Int32Array = CLOSED_WORDS;
  #stateWord = 0;
  #doubles: Float64Array = NO_RING.doubles;
  readonly #coarseIndex: number = 0;
  readonly #options: ResolvedOptions;
  readonly #maxEventBytes: number = 0;
  readonly #isPrecise: boolean;
  readonly #verify: VerifyMode;
  readonly #telemetry: LogTelemetry;
  readonly #updater: ManagerUpdater;
  readonly #clock: Clock;
  readonly #sampling: number;
  readonly #appendInterval = newInterval();
  /** Appends until the next one that may be timed. A small integer: it is never boxed. */
  #untilTimed = 0;
  /**
   * To be used by the next batch; undefined while one uses it, and for good where that ended early.
   */
  #spareBatch: Batch | undefined;
  /** Of this opening. */
  #schemaEvents = 0;
  #closing: Promise<void> | undefined;
  readonly #collections: CollectorWatch | undefined;
  #closed = false;
  /** Ids as they were when the region went. */
  #last = { writtenEventId: 0, durableEventId: 0 };

  static {
    inside = (wal) => ({
      ports: wal.#handles.readingPorts,
      root: wal.#handles.root,
      lastTimestampNs: () => wal.#timestamps.lastNs,
      appendShown: (event, values) => wal.#events.appendShown(event, values),
      schemaEvents: () => wal.#schemaEvents,
      durably: (eventId, value) => wal.#durably(eventId, value),
      replicas: wal.#replicas,
    });
  }

  private constructor(
    directory: string,
    options: ResolvedOptions,
    signals: Signals,
    handles: OpenLogHandles,
    clock: Clock,
  ) {
    // Private in TypeScript only.
    if (!(handles instanceof OpenLogHandles)) {
      throw invalidArgument('new Wal() opens no log: call await Wal.open(directory).');
    }
    this.#directory = directory;
    this.#signals = signals;
    this.#handles = handles;
    const { memory, ready } = handles;
    this.#words = memory.words;
    this.#stateWord = memory.control.state;
    this.#doubles = memory.doubles;
    this.#coarseIndex = memory.control.coarseOffsetNs;
    this.#options = options;
    this.#maxEventBytes = options.maxEventBytes;
    this.#isPrecise = options.timestamps === 'precise';
    this.#verify = options.verify;
    this.#telemetry = handles.telemetry;
    this.#updater = new ManagerUpdater(this.#telemetry.manager, clock);
    this.#clock = clock;
    this.#sampling = options.appendSampling;
    this.#untilTimed = this.#sampling === 0 ? LONGEST_SAMPLING : this.#sampling;
    this.#producer = new RingProducer(
      memory,
      ready.nextEventId,
      appendedEventsOf(this.#telemetry.manager),
    );
    this.#events = new EventAppenders(
      {
        append: (payload, type) => this.append(payload, type),
        appendSchema: (payload, waits) => this.#appendSchema(payload, waits),
        checkBytes: (bytes) => this.#checkEventBytes(bytes),
        appendDraft: (draft, type) => this.#appendDraft(draft, type),
        isOpen: () => this.state === 'open',
        lastEventId: () => this.lastEventId,
      },
      signals,
    );
    const { anchor, lastTimestampNs } = ready;
    this.#waits = new WaitRecorder(clock, options.stallThresholdMs, handles.stallMemory);
    if (options.stallThresholdMs > 0) this.#collections = new CollectorWatch(handles.marks);
    this.#timestamps = new TimestampSource(clock, anchor, lastTimestampNs, signals.wallLatch);
    this.#growth = new RingGrowth(this.#producer, memory, signals, clock, this.#updater);
    this.#stalls = new Stalls(
      signals,
      clock,
      this.#growth,
      directory,
      options.stallTimeoutMs,
      this.#updater,
      handles.around,
      (startNs) => this.#waits.ended('append', startNs),
    );
    const place = {
      ports: handles.readingPorts,
      syncs: handles.syncs,
      dir: directory,
      logId: ready.logId,
      lock: options.lock,
      wallClockMs: Date.now,
      isDurable: (eventId: number) => eventId <= this.durableEventId,
      // All that was there when the log was opened became durable by that.
      isThere: (eventId: number) => eventId <= this.durableEventId,
    };
    this.#consumers = new LogConsumers(place, () => this.durableEventId);
    this.#replicas = new LogReplicas(
      directory,
      () => ({ words: this.#words, index: this.#stateWord }),
      new ReplicationUpdater(this.#telemetry.replication, clock),
    );
    this.#diagnostics = new Diagnostics(this);
    this.#pulse = new Pulse(() => {
      handles.beat();
      this.#diagnostics.look();
      this.#events.repeat();
    });
    this.#waiters = new DurableWaiters(signals, clock, {
      durableEventId: () => this.durableEventId,
      refusal: (eventId) => this.#refusal(eventId),
      waited: (startNs) => this.#updater.onDurableWait(startNs),
      waitedLongest: (startNs) => this.#waits.ended('durable', startNs),
      waitsSince: (sinceNs) => this.#updater.setDurableWaitSince(sinceNs),
      looksAround: () => handles.lookAround(),
    });
  }

  /**
   * Opens the log in `directory`, creating or recovering it; `wal.recovery` says what it found.
   * If its memory should outlive the process but cannot, a process warning
   * (`FLASHSTRIKE_PORTABLE_RING`) says why, once.
   * @throws WalError, among others ERR_FLASHSTRIKE_LOCKED, _CORRUPT, _INVALID_OPTION; the reason of
   * `signal`
   * @example
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./orders', { sync: { mode: 'every-block' } });
   * if (wal.recovery.verdict !== 'clean') console.warn(wal.recovery.advice);
   */
  static async open(directory: string | URL, options?: WalOptions): Promise<Wal> {
    assertLittleEndian();
    assertRuntime();
    assertChecksums();
    // Absolute from here on: the application may change its folder while the log is open.
    const path = resolve(checkDirectory(directory));
    const resolved = resolveOptions(options);
    const signal = options?.signal;
    checkSignal(signal);
    const opening = openWhenUnlocked(
      resolved.lockTimeoutMs,
      monotonicClock,
      () => Wal.#openNow(path, resolved),
      signal,
    );
    if (signal === undefined) return opening;
    return unlessAborted(signal, opening, () => void closeOnceOpen(opening));
  }

  static async #openNow(path: string, resolved: ResolvedOptions): Promise<Wal> {
    const calledNs = Math.round(monotonicClock.nowNs());
    const signals = new Signals();
    let wal: Wal | undefined;
    let death: WalError | undefined;
    const onDeath = (error: WalError): void => {
      death ??= error;
      if (wal !== undefined) wal.#fail(error);
    };
    const handles = await fromLoop(() =>
      OpenLogHandles.open(path, resolved, signals, calledNs, onDeath),
    );
    wal = new Wal(path, resolved, signals, handles, monotonicClock);
    if (death !== undefined) wal.#fail(death);
    endWithProcess(wal.#ending);
    const { telemetry, ready } = handles;
    new OpeningUpdater(telemetry.opening).onOpen(calledNs, ready.handedNs);
    warnOfPortableRing(path, wal.capabilities);
    wal.#diagnostics.opened(wal.recovery);
    // Nothing of what the application does next waits for it.
    if (isMaintained(resolved)) void handles.maintenance.begin();
    return wal;
  }

  /**
   * Appends one event. It survives this process once this returns, and the machine once `durable()`
   * of its id resolves. Appends all of it or nothing, even if the call is interrupted; then
   * `lastEventId` shows which.
   * @param payload copied; may be changed or detached afterwards
   * @param type a tag of your own, 0 … 65535
   * @returns the event's id: 1 for the first of the log, then one more for each
   * @throws WalError ERR_FLASHSTRIKE_EVENT_TOO_LARGE, _STALLED, _NO_SPACE, _FAILED, _FENCED,
   * _CLOSED, _INVALID_ARGUMENT
   */
  append(payload: Uint8Array, type = 0): number {
    // Below 0 where the timed append was interrupted before it could set this again.
    if (--this.#untilTimed <= 0) return this.#appendTimed(payload, type);
    return this.#append(payload, type);
  }

  /** One call in `appendSampling`, with two clock readings. */
  #appendTimed(payload: Uint8Array, type: number): number {
    if (!this.#startTimed()) return this.#append(payload, type);
    const id = this.#append(payload, type);
    this.#updater.onAppendEventSince(this.#appendInterval);
    return id;
  }

  /** False where no append is timed at all. */
  #startTimed(): boolean {
    if (this.#sampling === 0) {
      this.#untilTimed = LONGEST_SAMPLING;
      return false;
    }
    this.#untilTimed = this.#sampling;
    this.#updater.startAppendEvent(this.#appendInterval);
    // Coarse time comes from this look as well: the writer thread may sleep for longer than so many
    // events take.
    if (!this.#isPrecise) this.#timestamps.stampAt(this.#appendInterval, 0);
    return true;
  }

  #append(payload: Uint8Array, type: number): number {
    const payloadBytes = this.#payloadBytesOf(payload, type);
    // A plain load: an Atomics.load is a call of its own, and the calls below keep V8 from moving
    // this one out of a loop. A state that is seen an append late is as good.
    if (this.#words[this.#stateWord] !== OPEN) this.#checkState();
    const id = this.#appendNow(payload, payloadBytes, type);
    return id === 0 ? this.#appendLater(payload, payloadBytes, type) : id;
  }

  /**
   * Appends one event that `defineEvent` or `defineJsonEvent` has defined, like `append`. Before
   * the first of a definition, and again in each segment, a schema event goes into the log, which
   * tells what it is made of: an event like others, with an id of its own.
   * @returns the event's id
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for a value that its field cannot hold, or
   * a second definition of the same type, and as `append` does: then the event is not appended
   * @example
   * import { defineEvent, Wal } from 'flashstrike';
   *
   * const Fill = defineEvent('fill', { price: 'f64', quantity: 'u32' }, { version: 1 });
   * await using wal = await Wal.open('./fills');
   * await wal.durable(wal.appendEvent(Fill, { price: 585.33, quantity: 18 }));
   */
  appendEvent<Fields extends EventFields>(
    event: EventDefinition<string, Fields>,
    values: EventValues<Fields>,
  ): number;
  appendEvent<Input>(event: JsonEventDefinition<string, Input, unknown>, value: Input): number;
  appendEvent(event: unknown, values: unknown): number {
    return this.#events.append(event, values);
  }

  /**
   * Begins an event whose fields are set one after the other, and then appended by `commit()`: the
   * way that allocates nothing. All fields are zero (false, empty, the first name of an enum) until
   * they are set; each is checked where it is set. There is one such object for each definition,
   * which the next `begin` uses again; nothing is in the log before `commit()`.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT
   * @example
   * import { defineEvent, Wal } from 'flashstrike';
   *
   * const Fill = defineEvent('fill', { price: 'f64', quantity: 'u32' }, { version: 1 });
   * await using wal = await Wal.open('./fills');
   * const fill = wal.begin(Fill);
   * fill.price = 585.33;
   * fill.quantity = 18;
   * fill.commit();
   */
  begin<Fields extends EventFields>(event: EventDefinition<string, Fields>): EventWriter<Fields> {
    return this.#events.begin(event) as EventWriter<Fields>;
  }

  #checkEventBytes(payloadBytes: number): void {
    if (payloadBytes > this.#maxEventBytes) throw eventTooLarge(payloadBytes, this.#options);
  }

  /** Whatever `maxEventBytes` says: every ring takes it. 0: the ring has no room now. */
  #appendSchema(payload: Uint8Array, waits: boolean): number {
    if (this.#words[this.#stateWord] !== OPEN) this.#checkState();
    let id = this.#appendNow(payload, payload.length, SCHEMA_TYPE);
    if (id === 0 && waits) id = this.#appendLater(payload, payload.length, SCHEMA_TYPE);
    if (id !== 0) this.#schemaEvents++;
    return id;
  }

  #appendDraft(draft: Draft, type: number): number {
    if (--this.#untilTimed <= 0) return this.#appendDraftTimed(draft, type);
    return this.#putDraft(draft, type);
  }

  #appendDraftTimed(draft: Draft, type: number): number {
    if (!this.#startTimed()) return this.#putDraft(draft, type);
    const id = this.#putDraft(draft, type);
    this.#updater.onAppendEventSince(this.#appendInterval);
    return id;
  }

  #putDraft(draft: Draft, type: number): number {
    if (this.#words[this.#stateWord] !== OPEN) this.#checkState();
    const id = this.#putDraftNow(draft, type);
    return id === 0 ? this.#putDraftLater(draft, type) : id;
  }

  /**
   * Like `append`, but returns undefined instead of waiting when the ring is full and cannot grow.
   * @throws WalError as `append` does, except ERR_FLASHSTRIKE_STALLED and _NO_SPACE
   */
  tryAppend(payload: Uint8Array, type = 0): number | undefined {
    const payloadBytes = this.#payloadBytesOf(payload, type);
    if (this.#words[this.#stateWord] !== OPEN) this.#checkState();
    const id = this.#appendNow(payload, payloadBytes, type);
    if (id !== 0) return id;
    if (this.#growth.makeRoom(frameSpan(FRAME_HEADER_BYTES + payloadBytes))) {
      return this.#appendNow(payload, payloadBytes, type);
    }
    this.#signals.wake('writer');
    this.#updater.onRefusedAppend();
    return undefined;
  }

  /**
   * Appends several events, of which either all or none survive a crash.
   * @param payloads each is read once, before any is appended
   * @param type a tag of your own for all of them, 0 … 65535
   * @returns the id of the first; the others follow without a gap
   * @throws WalError as `append` does
   * @example
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./accounts');
   * const first = wal.appendBatch([Buffer.from('debit 100'), Buffer.from('credit 100')]);
   * await wal.durable(first + 1);
   */
  appendBatch(payloads: readonly Uint8Array[], type = 0): number {
    const batch = this.#spareBatch ?? new Batch(largestBatchBytes(this.#options));
    this.#spareBatch = undefined;
    batch.take(payloads);
    if (typeof type !== 'number' || (type & TYPE_MASK) !== type) throw badType(type);
    const { span, longestBytes } = batch;
    if (longestBytes > this.#maxEventBytes) throw eventTooLarge(longestBytes, this.#options);
    if (span > largestBatchBytes(this.#options)) throw batchTooLarge(span, this.#options);
    if (this.#words[this.#stateWord] !== LogState.open) this.#checkState();
    if (!this.#producer.reserve(span)) this.#waitForRoom(span);
    const firstEventId = this.#putBatch(batch, type);
    batch.clear();
    this.#spareBatch = batch;
    return firstEventId;
  }

  /**
   * Resolves once the ring has room for an event of `bytes`, or for a batch that takes so much with
   * 24 bytes more per event: the next append of that does not wait. For who takes events in from
   * outside, and stops reading meanwhile. It waits as long as it takes, for space on the disk as
   * well, unless `signal` is given; of several callers the first to append may take the room.
   * @param bytes of the payload, 0 … the option `maxEventBytes`
   * @throws WalError ERR_FLASHSTRIKE_FAILED, _CLOSED, _EVENT_TOO_LARGE, _INVALID_ARGUMENT; the
   * reason of `signal`
   * @example
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./lines');
   * for await (const chunk of process.stdin) {
   *   await wal.room(chunk.length);
   *   wal.append(chunk);
   * }
   */
  async room(bytes: number, options: WaitOptions = {}): Promise<void> {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw invalidArgument(`room() takes a number of bytes; it is ${describe(bytes)}.`);
    }
    const signal = signalOf(options);
    if (bytes > this.#maxEventBytes) throw eventTooLarge(bytes, this.#options);
    const span = frameSpan(FRAME_HEADER_BYTES + bytes);
    const hasRoom = (): boolean => {
      this.#liveState();
      return this.#growth.reserve(span);
    };
    await untilRoom(hasRoom, () => this.#signals.wake('writer'), signal);
  }

  /**
   * Appends each line of a stream as an event, without its `\n`: as fast as the log takes them, and
   * no faster is the stream read. Resolves once all are on disk; `signal` ends it earlier. The
   * stream is destroyed if it is not read to its end.
   * @param source a Readable, or another async iterable of bytes or text
   * @returns how many events and bytes, and their ids
   * @throws WalError ERR_FLASHSTRIKE_INPUT for a line that is too long or that `encode` refuses
   * (the lines before it are kept); _FAILED, _CLOSED, _INVALID_OPTION …; what the stream throws
   * @example
   * import { createReadStream } from 'node:fs';
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./lines');
   * const { events, payloadBytes } = await wal.recordLines(createReadStream('app.log'));
   * console.log(`${events} lines, ${payloadBytes} bytes on disk`);
   */
  async recordLines(source: LineSource, options: RecordLinesOptions = {}): Promise<RecordedLines> {
    checkOptions(options);
    const { event } = options;
    const log = event === undefined ? this : this.#events.logOf(event, this);
    return recordLines(log, source, options);
  }

  /**
   * This log as a stream to write to, for `pipeline`: a chunk is an event, or a line with `lines`,
   * or a value with `objectMode`. While the ring is full `write` returns false; `finish` comes once
   * everything is on disk. Destroyed, it keeps what it has appended. The log stays open.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION; the stream fails with what appending throws
   * @example
   * import { pipeline } from 'node:stream/promises';
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./lines');
   * await pipeline(process.stdin, wal.writable({ lines: true }));
   */
  writable(options: WalWritableOptions = {}): WalWritable {
    return walWritable(this, options);
  }

  /** The payload's bytes; checks the arguments. */
  #payloadBytesOf(payload: Uint8Array, type: number): number {
    const payloadBytes = bytesOf(payload);
    if (payloadBytes > this.#maxEventBytes) throw eventTooLarge(payloadBytes, this.#options);
    if (typeof type !== 'number' || (type & TYPE_MASK) !== type) throw badType(type);
    return payloadBytes;
  }

  // From here to the producer's `publish` no code of the application runs, and nothing is refused.

  /** The event's id, or 0 while the ring has no room for it. */
  #appendNow(payload: Uint8Array, payloadBytes: number, type: number): number {
    this.#stamp();
    const { halves } = this.#timestamps;
    const low = halves[0] as number;
    return this.#producer.append(payload, payloadBytes, type, low, halves[1] as number);
  }

  #putDraftNow(draft: Draft, type: number): number {
    this.#stamp();
    const { halves } = this.#timestamps;
    const low = halves[0] as number;
    const high = halves[1] as number;
    const { words, fixedBytes, rest, restBytes } = draft;
    return this.#producer.appendParts(words, fixedBytes, rest, restBytes, type, low, high);
  }

  #putDraftLater(draft: Draft, type: number): number {
    this.#waitForRoom(frameSpan(FRAME_HEADER_BYTES + draft.payloadBytes));
    const id = this.#putDraftNow(draft, type);
    assert(id !== 0, 'room that was waited for is there');
    return id;
  }

  #appendLater(payload: Uint8Array, payloadBytes: number, type: number): number {
    this.#waitForRoom(frameSpan(FRAME_HEADER_BYTES + payloadBytes));
    const id = this.#appendNow(payload, payloadBytes, type);
    assert(id !== 0, 'room that was waited for is there');
    return id;
  }

  #putBatch(batch: Batch, type: number): number {
    this.#stamp();
    const { halves } = this.#timestamps;
    const low = halves[0] as number;
    const high = halves[1] as number;
    const last = batch.count - 1;
    let id = 0;
    for (let index = 0; index <= last; index++) {
      const kind = index === last ? FrameKind.event : FrameKind.continued;
      const payload = batch.payload(index);
      id = this.#producer.put(payload, batch.payloadBytes(index), kind, type, low, high);
    }
    this.#producer.publish();
    return id - last;
  }

  #stamp(): void {
    if (this.#isPrecise) {
      this.#timestamps.stamp();
      return;
    }
    this.#timestamps.stampFrom(this.#doubles, this.#coarseIndex);
  }

  /** Refuses unless the log still accepts events: open, or out of space with room in the ring. */
  #checkState(): void {
    const { state } = this;
    if (state === 'open' || state === 'no-space') return;
    this.#updater.onAppendEvent(this.#clock.nowNs(), false);
    throw this.#overError(state);
  }

  /** The state of a log that goes on; throws where no event can be appended any more. */
  #liveState(): WalState {
    const { state } = this;
    if (state !== 'open' && state !== 'no-space') throw this.#overError(state);
    return state;
  }

  /** Why no event can be appended any more. */
  #overError(state: WalState): WalError {
    if (state === 'fenced') return this.#fencedError();
    return state === 'failed' ? this.#failedError('no event can be appended') : this.#closedError();
  }

  /** Off the fast path: a full ring, which grows where it can. */
  #waitForRoom(span: number): void {
    const startNs = this.#clock.nowNs();
    try {
      if (!this.#growth.makeRoom(span)) this.#waitForWriter(span);
    } catch (error) {
      this.#updater.onAppendEvent(startNs, false);
      throw error;
    }
    this.#updater.onLongAppend(startNs);
  }

  #waitForWriter(span: number): void {
    const startNs = this.#clock.nowNs();
    try {
      this.#stalls.waitForRoom(span, () => this.#liveState() === 'no-space');
    } catch (error) {
      this.#diagnostics.stalled(this.#clock.nowNs() - startNs, error);
      throw error;
    }
    this.#diagnostics.stalled(this.#clock.nowNs() - startNs);
  }

  /** Id of the last event that was appended; 0 for an empty log. */
  get lastEventId(): number {
    return this.#producer.lastEventId;
  }

  /** Highest id that was handed to the kernel: it survives this process in any case. */
  get writtenEventId(): number {
    if (this.#closed) return this.#last.writtenEventId;
    return readNumber(this.#words, this.#handles.memory.control.writtenEventId);
  }

  /** Highest id that is on disk. */
  get durableEventId(): number {
    if (this.#closed) return this.#last.durableEventId;
    return durablePointOf(this.#handles.memory).lastEventId;
  }

  /** What the log can do now. */
  get state(): WalState {
    if (this.#closed) return 'closed';
    if (this.#closing !== undefined) return 'closing';
    const word = Atomics.load(this.#words, this.#stateWord);
    // The writer thread tells why before it changes the word: no moment between shows to anyone.
    if (word === LogState.failed || this.failure !== undefined) return 'failed';
    if (word === LogState.fenced) return 'fenced';
    return word === LogState.noSpace ? 'no-space' : 'open';
  }

  /** What made the log fail; undefined if it has not failed. */
  get failure(): Error | undefined {
    return this.#signals.failure.read();
  }

  /** What recovery found when this log was opened. */
  get recovery(): RecoveryReport {
    return this.#handles.ready.recovery;
  }

  /** What the platform provides and the options allow. */
  get capabilities(): Capabilities {
    return this.#handles.capabilities;
  }

  /**
   * How far the blocks of the finished segments have been verified; see the option `verify`. Damage
   * that `background` finds does not stop the log: it is reported here, and in one process warning.
   */
  get verification(): VerificationStatus {
    const { losses } = this.recovery;
    return verificationStatus(
      this.#verify,
      losses,
      this.#signals,
      this.#telemetry.segmentMaintainer,
    );
  }

  /**
   * The recorder's metrics, live, and in `recovery` those of the recovery and of `wal.replay` and
   * `wal.follow`. Each access reads the current values from shared memory. After `close` they keep
   * their last values.
   * @example
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./orders');
   * console.log(wal.telemetry.segmentPreparer.getNextSegment.maxNs);
   * wal.telemetry.dump();
   */
  get telemetry(): WalTelemetry {
    return this.#telemetry;
  }

  /** What `console.log(wal)` shows. */
  [INSPECT](
    _depth: number,
    options: object,
    inspect: (value: object, options: object) => string,
  ): string {
    const { directory, state, lastEventId, writtenEventId, durableEventId } = this;
    const shown = { directory, state, lastEventId, writtenEventId, durableEventId };
    return `Wal ${inspect(shown, options)}`;
  }

  /**
   * What tells this log from every other, also from one that was made anew in its folder: ids mean
   * something only within one log. `flashstrike inspect` shows it in hexadecimal.
   */
  get logId(): bigint {
    return this.#handles.ready.logId;
  }

  /** The folder, as an absolute path. */
  get directory(): string {
    return this.#directory;
  }

  /**
   * Resolves with the durable id once event `eventId` (default: the last appended) is on disk.
   * Keeps the process alive while it is pending. Calls that overlap share syncs: a call may wait
   * for others of this and the next turn of the event loop, or, if the loop is busy, for up to
   * eight times the length of a sync (20 ms at most). A sync may be requested only once the event
   * loop turns: code that blocks until an event is durable must call `durableSync`.
   * @param options `signal` ends the waiting; the event becomes durable all the same
   * @throws WalError ERR_FLASHSTRIKE_DURABILITY_UNKNOWN if the log fails first; _OUT_OF_RANGE; the
   * reason of `signal`
   */
  durable(eventId: number = this.lastEventId, options?: WaitOptions): Promise<number> {
    if (options !== undefined) return this.#durableUnless(eventId, options);
    const refusal = this.#refusalOfId(eventId, 'durable');
    if (refusal !== undefined) return Promise.reject(refusal);
    const durable = this.durableEventId;
    if (eventId <= durable) return Promise.resolve(durable);
    return this.#waiters.wait(eventId, this.#clock.nowNs());
  }

  #durably<Value>(eventId: number, value: Value): Promise<Value> {
    if (eventId <= this.durableEventId) return Promise.resolve(value);
    return this.#waiters.waitFor(value, eventId, this.#clock.nowNs());
  }

  async #durableUnless(eventId: number, options: WaitOptions): Promise<number> {
    const signal = signalOf(options);
    if (signal === undefined) return this.durable(eventId);
    signal.throwIfAborted();
    const refusal = this.#refusalOfId(eventId, 'durable');
    if (refusal !== undefined) throw refusal;
    const durable = this.durableEventId;
    if (eventId <= durable) return durable;
    return this.#waiters.waitUnless(signal, eventId, this.#clock.nowNs());
  }

  /**
   * Resolves once event `eventId` (default: the last appended) is on disk and known to be in each
   * stream that this process feeds with the log, by a quorum of its engine: it survives this
   * machine. The value is the last event that all of them have. Asks for the sync as `durable`
   * does. An engine that does not answer is waited for, as long as it takes.
   * @param options `signal` ends the waiting, and nothing else
   * @throws WalError ERR_FLASHSTRIKE_FENCED; _REPLICATION_STOPPED if replication ended before that,
   * or none runs; _DURABILITY_UNKNOWN, _OUT_OF_RANGE as `durable`; the reason of `signal`
   * @example
   * import { Wal } from 'flashstrike';
   * import { type BlockStream, replicate } from 'flashstrike/replication';
   *
   * async function record(stream: BlockStream): Promise<void> {
   *   await using wal = await Wal.open('./orders');
   *   await using replica = await replicate(wal, { stream });
   *   await wal.replicated(wal.append(Buffer.from('buy 100')));
   *   console.log(`confirmed up to event ${replica.confirmedEventId}`);
   * }
   */
  async replicated(eventId: number = this.lastEventId, options: WaitOptions = {}): Promise<number> {
    signalOf(options)?.throwIfAborted();
    const refusal = this.#refusalOfId(eventId, 'replicated');
    if (refusal !== undefined) throw refusal;
    return this.#replicas.replicated(eventId, options);
  }

  /**
   * Blocks this thread until event `eventId` (default: the last appended) is on disk, and returns
   * the durable id. For engines that have nothing else to do meanwhile: it needs no turn of the
   * event loop, and nothing else runs in this thread.
   * @param timeoutMs milliseconds, 1 … 2,147,483,647; default: the option `stallTimeoutMs`
   * @throws WalError after `timeoutMs` (the event stays appended) ERR_FLASHSTRIKE_NO_SPACE if the
   * disk is full by then, else _STALLED, also if a thread has ended; _DURABILITY_UNKNOWN if a write
   * or sync fails; _OUT_OF_RANGE, _INVALID_ARGUMENT
   * @example
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./orders');
   * for (const order of ['buy 100', 'sell 50']) {
   *   const id = wal.append(Buffer.from(order));
   *   wal.durableSync(id);
   * }
   */
  durableSync(
    eventId: number = this.lastEventId,
    timeoutMs: number = this.#options.stallTimeoutMs,
  ): number {
    const refusal = this.#refusalOfId(eventId, 'durableSync');
    if (refusal !== undefined) throw refusal;
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > LONGEST_TIMER_MS) {
      const range = `an integer from 1 to ${LONGEST_TIMER_MS}`;
      throw invalidArgument(`timeoutMs must be ${range}; it is ${describe(timeoutMs)}.`);
    }
    const seen = this.durableEventId;
    if (eventId <= seen) return seen;
    const durable = this.#waiters.block(eventId, this.#clock.nowNs(), timeoutMs);
    if (durable >= eventId) return durable;
    throw this.#stalls.notDurable(eventId, durable, timeoutMs);
  }

  #refusalOfId(eventId: number, call: string): WalError | undefined {
    const { lastEventId } = this;
    if (Number.isInteger(eventId) && eventId >= 0 && eventId <= lastEventId) return undefined;
    return new WalError(
      'ERR_FLASHSTRIKE_OUT_OF_RANGE',
      `${call}() takes an id from 0 to the last appended (${lastEventId}); ` +
        `it is ${describe(eventId)}.`,
    );
  }

  /**
   * Iterates over the events from `from` to `to` (both included), at most up to the last that was
   * appended before this call, and first waits until the files have them. Otherwise like `replay`.
   * @example
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./orders');
   * for (const { eventId, payload } of wal.replay({ from: 1 })) console.log(eventId, payload);
   */
  replay(options: ReplayOptions & Reusing): Generator<ReusedEvent, void, void>;
  replay(options?: ReplayOptions): Generator<LoggedEvent, void, void>;
  *replay(options: ReplayOptions = {}): Generator<LoggedEvent, void, void> {
    checkOptions(options);
    const last = this.lastEventId;
    if (!this.#closed) this.#waitUntilWritten(last);
    const { recovery: telemetry } = this.#telemetry;
    const range = { telemetry, ...options, to: options.to ?? last };
    yield* replayThrough(this.#handles.readingPorts, this.#directory, range);
  }

  /** Iterates over events as they become durable (`undurable: true`: written), without end. */
  follow(options: FollowOptions & Reusing): AsyncGenerator<ReusedEvent, void, void>;
  follow(options?: FollowOptions): AsyncGenerator<LoggedEvent, void, void>;
  follow(options: FollowOptions = {}): AsyncGenerator<LoggedEvent, void, void> {
    checkOptions(options);
    const following = { telemetry: this.#telemetry.recovery, ...options };
    return followThrough(this.#handles.readingPorts, this.#directory, following);
  }

  /** Iterates over blocks as they become durable, without end; see `followBlocks`. */
  followBlocks(options: FollowBlocksOptions = {}): AsyncGenerator<LoggedBlock, void, void> {
    checkOptions(options);
    const following = { telemetry: this.#telemetry.recovery, ...options };
    return followBlocksThrough(this.#handles.readingPorts, this.#directory, following);
  }

  /**
   * Registers a consumer, or resumes the one of that name: the log keeps what it has not
   * acknowledged, also while it is closed. Options of one that exists are updated where given.
   * Closed with the log.
   * @param name 1 to 64 letters, digits, and `.`, `_`, `-`, not beginning with a point
   * @throws WalError ERR_FLASHSTRIKE_LOCKED while it is in use; _EXPIRED if it was dropped, or
   * `from` is not there any more; _CORRUPT if its file is damaged; _OUT_OF_RANGE, _INVALID_OPTION …
   * @example
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./orders');
   * const billing = await wal.registerConsumer('billing', { maxLagBytes: 10e9, policy: 'drop' });
   * for await (const event of billing.follow()) await billing.acknowledge(event.eventId);
   */
  registerConsumer(name: string, options: RegisterConsumerOptions = {}): Promise<Consumer> {
    return this.#consumers.register(name, options);
  }

  /**
   * All consumers of this log, those of other processes included, by name.
   * @throws WalError ERR_FLASHSTRIKE_CLOSED, _IO
   */
  consumers(): readonly ConsumerStatus[] {
    return this.#consumers.list();
  }

  /**
   * Removes a consumer that is not in use, damaged or not: nothing is kept for it any more.
   * @throws WalError ERR_FLASHSTRIKE_NO_CONSUMER, _LOCKED, _CLOSED …
   */
  removeConsumer(name: string): Promise<void> {
    return this.#consumers.remove(name);
  }

  /**
   * Removes the oldest segments: those with nothing but events before `eventId`, for who has a
   * snapshot of what these have led to. Whole segments go, and never the one that is written to, so
   * earlier events may stay. What a consumer needs stays, and so does a damaged segment with all
   * that follows it. Asked for again, it goes on where it was; the option `retention` does not
   * matter.
   * @param eventId 1 … the id after the last appended
   * @returns the first event that is still there
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT if a segment that should go is damaged; _NO_SPACE or
   * _IO if it cannot be removed now, which is then tried again; _OUT_OF_RANGE, _CLOSED
   * @example
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./orders');
   * const snapshotOf = wal.lastEventId;
   * await wal.durable(snapshotOf);
   * console.log(await wal.deleteBefore(snapshotOf + 1));
   */
  async deleteBefore(eventId: number): Promise<number> {
    const last = this.lastEventId;
    if (!Number.isInteger(eventId) || eventId < 1 || eventId > last + 1) {
      const message =
        `deleteBefore() takes an id from 1 to the one after the last appended (${last + 1}); ` +
        `it is ${describe(eventId)}.`;
      throw new WalError('ERR_FLASHSTRIKE_OUT_OF_RANGE', message);
    }
    if (this.state === 'failed') throw this.#failedError('nothing is removed');
    if (this.state === 'closing' || this.#closed) throw this.#closedError();
    // What is left tells of its typed events, whatever happens to this process.
    this.#events.repeat();
    await this.#untilToldDurably(this.#events.lastSchemaEventId);
    return this.#handles.maintenance.deleteBefore(eventId);
  }

  /** A disk that is full must not keep away what makes room. */
  async #untilToldDurably(schemaEventId: number): Promise<void> {
    while (schemaEventId > this.durableEventId && this.state === 'open') {
      const look = delay(TOLD_LOOK_MS, undefined, { ref: false });
      await Promise.race([this.durable(schemaEventId), look]);
    }
  }

  /**
   * Makes a backup of this log in `target`: a new or empty folder, or an earlier backup of this
   * log, to which what is new is added. It has all events that are durable when this is called. The
   * log goes on meanwhile, and may be closed: a thread of its own copies, and rests as long as it
   * works. Keeps the process alive while it is pending.
   * @throws WalError as {@link backup}; ERR_FLASHSTRIKE_CLOSED
   * @example
   * import { Wal } from 'flashstrike';
   *
   * await using wal = await Wal.open('./orders');
   * await wal.durable();
   * const { lastEventId, copiedSegments } = await wal.backup('/mnt/backup/orders');
   * console.log(`backed up to event ${lastEventId}: ${copiedSegments} segments copied`);
   */
  async backup(target: string | URL, options: BackupOptions = {}): Promise<BackupReport> {
    if (this.state === 'closing' || this.#closed) throw this.#closedError();
    const { logId } = this.#handles.ready;
    const known = { logId, durableEventId: this.durableEventId };
    return backupOf(this.#directory, target, options, known);
  }

  #waitUntilWritten(eventId: number): void {
    this.#stalls.waitUntil(
      () => this.writtenEventId >= eventId,
      () => {
        if (this.state === 'failed') throw this.#failedError('not all events reached the files');
        return this.state === 'no-space';
      },
    );
  }

  /** Why nothing more will become durable, as the error for one waiter. */
  #refusal(eventId: number): Error | undefined {
    const cause = this.failure;
    if (cause === undefined && !this.#closed) return undefined;
    return new WalError(
      'ERR_FLASHSTRIKE_DURABILITY_UNKNOWN',
      `${this.#directory}: the log ended before event ${eventId} was known to be durable; it may ` +
        `or may not be on disk (durable up to ${this.durableEventId}). Open the log again to see.`,
      { path: this.#directory, cause },
    );
  }

  #failedError(what: string): WalError {
    const cause = this.failure;
    return new WalError(
      'ERR_FLASHSTRIKE_FAILED',
      `${this.#directory}: the log has failed; ${what}. ${cause?.message ?? ''}`,
      { path: this.#directory, cause },
    );
  }

  #fencedError(): WalError {
    const cause = this.#replicas.fencedBy;
    return new WalError(
      'ERR_FLASHSTRIKE_FENCED',
      `${this.#directory}: no event can be appended. ${cause?.message ?? ''}`,
      { path: this.#directory, cause },
    );
  }

  #closedError(): WalError {
    const message = `${this.#directory}: the log is ${this.state}. Open it again to continue.`;
    return new WalError('ERR_FLASHSTRIKE_CLOSED', message, { path: this.#directory });
  }

  /** A thread has died: what it would have written, this one writes in its place. */
  #fail(error: WalError): void {
    if (this.#closed || this.failure !== undefined) return;
    this.#signals.failure.write(error);
    this.#overrule(LogState.failed);
    this.#waiters.settle();
  }

  /**
   * Writes and syncs everything, ends the threads and releases all that the log holds. May be
   * called more than once.
   * @throws WalError with the cause, if not everything could be written
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#events.repeatLast(this.#mayRotate, true);
      // Both or none, should the engine cut this short: none of our functions is called in between.
      this.#closing = fromLoop(this.#close);
      // From here on nothing is appended: the writer thread may look at the ring for the last time.
      Atomics.store(this.#words, this.#stateWord, LogState.closing);
    }
    return this.#closing;
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The writer thread changes the word only while it holds what that thread has put there. */
  #overrule(state: LogStateCode): void {
    Atomics.store(this.#words, this.#stateWord, state);
  }

  readonly #close = async (): Promise<void> => {
    if (this.#closed) return;
    this.#handles.maintenance.close(this.#closedError());
    try {
      await this.#consumers.close();
    } finally {
      try {
        await this.#handles.end();
      } finally {
        this.#release();
      }
    }
    const cause = this.failure;
    if (cause !== undefined) throw this.#failedError('not everything is known to be on disk');
  };

  #release(): void {
    noLongerEnds(this.#ending);
    this.#diagnostics.closed();
    this.#last = { writtenEventId: this.writtenEventId, durableEventId: this.durableEventId };
    this.#closed = true;
    // What never reached the disk waits in the region for the next open, whatever the reason.
    // (A region whose name was lost ended the log after all of it was synced.)
    const isOnDisk = this.#last.durableEventId === this.lastEventId;
    const isNamed = !this.capabilities.sharedMemoryNameLost;
    const isWhole = isOnDisk && (this.failure === undefined || !isNamed);
    // Before the metrics end: a wait that ends here is one of them.
    this.#waiters.close();
    // Before the memory goes: what it last held stays to be read.
    this.#telemetry.close();
    // Others may hold the memory for as long as they look at it: this is what it says for ever.
    if (isWhole) this.#overrule(LogState.closed);
    this.#dropViews();
    this.#handles.release(isWhole);
  }

  /** Whether what waits in the ring may go beyond the segment that is written to. */
  get #mayRotate(): boolean {
    const waitingBytes = this.#growth.waitingBytes;
    const segmentBytes = this.#signals.get('activePages') * PAGE_BYTES;
    const freeParts = SEGMENT_PARTS - 1 - this.#signals.get('usedParts');
    return waitingBytes > 0 && 2 * waitingBytes > (segmentBytes / SEGMENT_PARTS) * freeParts;
  }

  /** The region's memory goes: nothing that is called later may reach it. */
  #dropViews(): void {
    this.#pulse.stop();
    this.#collections?.stop();
    this.#waits.attach(undefined);
    this.#words = CLOSED_WORDS;
    this.#stateWord = 0;
    this.#doubles = NO_RING.doubles;
    this.#producer.detach();
  }

  readonly #ending = {
    endNow: (): void => {
      if (this.#closed) return;
      if (this.#closing === undefined) this.#events.repeatLast(this.#mayRotate, false);
      // Also while `close` runs: the process ends before it could come to its end.
      this.#closing ??= Promise.resolve();
      this.#overrule(LogState.closing);
      if (this.#handles.endNow(EXIT_TIMEOUT_MS)) this.#release();
    },
  };
}

export { inside as walInside };

/** A log that nobody wants any more. What goes wrong with it the next opening is told. */
async function closeOnceOpen(opening: Promise<Wal>): Promise<void> {
  try {
    const wal = await opening;
    await wal.close();
  } catch {}
}

/** Whether the options ask for what is done with finished segments. */
const isMaintained = ({ retention, verify, compression }: ResolvedOptions): boolean =>
  retention !== undefined || verify === 'background' || compression !== 'none';

function badType(type: unknown): WalError {
  return invalidArgument(
    `An event's type must be an integer from 0 to 65535; it is ${describe(type)}.`,
  );
}
