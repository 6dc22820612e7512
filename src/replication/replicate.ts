// `replicate`: begins to feed a stream with a log, of this process or of another one.
import { resolve } from 'node:path';
import type { Consumer } from '../consumers/consumer.js';
import { openConsumer } from '../consumers/consumers.js';
import { invalidArgument, WalError } from '../errors.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { random64 } from '../random.js';
import {
  checkDirectory,
  checkEventId,
  checkFlag,
  checkOptionNames,
  checkSignal,
} from '../reading/event-range.js';
import { pause, type WaitOptions } from '../recorder/application/unless-aborted.js';
import { Wal, walInside } from '../recorder/application/wal.js';
import { isConsumerName, streamConsumerName } from '../segment/file-names.js';
import { LONGEST_TIMER_MS } from '../units.js';
import type { BlockStream } from './block-stream.js';
import { FileLog } from './local-log.js';
import { isFenced, Replica } from './replica.js';
import { Replicator } from './replicator.js';
import { RetentionHold } from './retention-hold.js';
import { WatchedStream } from './watched-stream.js';

/** Options of {@link replicate}. */
export interface ReplicateOptions {
  /** Where to: it holds this log and nothing else. Closed with the replica. */
  readonly stream: BlockStream;
  /**
   * Take over a stream that another log has written: this one must end exactly where the stream
   * ends, with the same events, as `restoreFrom` leaves it. Default false: that is refused.
   */
  readonly takeover?: boolean | undefined;
  /**
   * What becomes of an open log once another one has taken over the stream. `refuse-appends` (the
   * default): `wal.state` is `fenced`, and appending throws ERR_FLASHSTRIKE_FENCED, so that nothing
   * is promised that no stream has; a takeover that is accepted ends that. `continue`: it goes on
   * by itself, as a folder does, whose log another process may have open.
   */
  readonly onFenced?: 'refuse-appends' | 'continue' | undefined;
  /**
   * For so many milliseconds after the engine has confirmed them the log keeps events for the
   * stream: how long the engine may take to bring them to its disks. Default: what the stream says
   * of itself, else 0.
   */
  readonly settleMs?: number | undefined;
  /** A block is sent after so many milliseconds without events. Default 60,000. */
  readonly checkpointMs?: number | undefined;
  /** Ends it, as `replica.close()` does. */
  readonly signal?: AbortSignal | undefined;
}

const OPTIONS = ['stream', 'takeover', 'onFenced', 'settleMs', 'checkpointMs', 'signal'];

/**
 * Feeds a stream with a log: all durable events, each once and in order, as long as it runs.
 * Resolves once it has begun, without waiting for the engine: `replica.claimed()` does. It reads
 * the log's files, on this thread's event loop and in turns; `append` does not notice. A consumer
 * of the log, `replica-NAME` by the stream's name, keeps what the stream may still lose. Close it
 * before the log.
 * @param log an open log, or the folder of one that any process may have open
 * @throws WalError ERR_FLASHSTRIKE_LOCKED where the log is replicated to that stream already;
 * _NOT_A_LOG, _INVALID_OPTION; all else by `replica.claimed()` and `replica.ended()`
 * @example
 * import { Wal } from 'flashstrike';
 * import { type BlockStream, replicate } from 'flashstrike/replication';
 *
 * async function record(stream: BlockStream): Promise<void> {
 *   await using wal = await Wal.open('./orders');
 *   await using replica = await replicate(wal, { stream });
 *   const id = wal.append(Buffer.from('buy 100'));
 *   await wal.replicated(id);
 *   console.log(replica.state);
 * }
 */
export async function replicate(
  log: Wal | string | URL,
  options: ReplicateOptions,
): Promise<Replica> {
  const { stream, settleMs, checkpointMs, takeover, onFenced } = checked(options);
  const name = consumerNameOf(stream);
  const wal = log instanceof Wal ? log : undefined;
  if (wal === undefined && onFenced === 'refuse-appends') {
    const message = "The option onFenced: 'refuse-appends' is for an open log, not for a folder.";
    throw new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message);
  }
  const dir = resolve(log instanceof Wal ? log.directory : checkDirectory(log));
  const local = new FileLog(REGION_PORTS, dir, wal && ((given) => wal.followBlocks(given)));
  const consumer: Consumer =
    wal === undefined
      ? await openConsumer(dir, name, { create: true })
      : await wal.registerConsumer(name);
  const stop = new AbortController();
  const { signal } = options;
  const onAbort = (): void => stop.abort();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) stop.abort();
  const makeDurable = async (eventId?: number, waiting?: WaitOptions): Promise<number> => {
    const id = checkEventId('eventId', eventId) ?? wal?.lastEventId;
    if (id === undefined) {
      throw invalidArgument('replicated() needs an event id where a folder is replicated.');
    }
    if (wal === undefined) return id;
    await wal.durable(id, waiting);
    return id;
  };
  const notes = (): readonly string[] => stream.notes ?? [];
  const fed = wal && walInside(wal).replicas;
  const claimed = (): void => fed?.lift(stream.name);
  const given = { dir, stream: stream.name, notes, makeDurable, claimed };
  const place = { storage: REGION_PORTS.storage, dir, logId: local.logId, stream: stream.name };
  let watched: WatchedStream | undefined;
  const replica = new Replica(given, stop, (observer) => {
    let failure: { readonly error: unknown } | undefined;
    const onFailure = (error: unknown): void => {
      failure ??= { error };
      stop.abort();
    };
    const watch = new WatchedStream(place, observer, fed, onFailure);
    watched = watch;
    fed?.measure(stream.name, watch.meter);
    const hold = new RetentionHold(consumer, settleMs, onFailure);
    const replicator = new Replicator(
      local,
      stream,
      { pause, random64, wallClockMs: Date.now },
      watch.meter,
      { takeover, checkpointMs, signal: stop.signal },
    );
    const run = async (): Promise<void> => {
      try {
        await replicator.run();
        if (failure !== undefined) throw failure.error;
      } catch (error) {
        // Before anybody is told: nothing is appended that no stream will have.
        if (isFenced(error) && onFenced !== 'continue') fed?.fence(stream.name, error);
        throw error;
      } finally {
        signal?.removeEventListener('abort', onAbort);
        local.close();
        watch.end();
        await stream.close();
      }
    };
    return { run: run(), hold };
  });
  fed?.begin(stream.name, replica);
  // One that failed tells why to whoever asks the log.
  void replica
    .ended()
    .then(
      () => fed?.end(stream.name, replica),
      () => undefined,
    )
    .then(() => fed?.measured(stream.name, watched?.meter));
  return replica;
}

function checked(options: ReplicateOptions) {
  checkOptionNames(options, OPTIONS);
  const { stream, takeover, onFenced, checkpointMs = 60_000, signal } = options;
  const { settleMs = stream?.settleMs ?? 0 } = options;
  checkSignal(signal);
  for (const [name, value] of Object.entries({ settleMs, checkpointMs })) {
    if (Number.isInteger(value) && value >= 0 && value <= LONGEST_TIMER_MS) continue;
    const message = `The option ${name} must be a whole number from 0 to ${LONGEST_TIMER_MS}.`;
    throw new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message);
  }
  if (onFenced !== undefined && onFenced !== 'refuse-appends' && onFenced !== 'continue') {
    const message = "The option onFenced must be 'refuse-appends' or 'continue'.";
    throw new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message);
  }
  const isStream = typeof stream === 'object' && typeof stream?.append === 'function';
  if (!isStream) {
    const message = 'The option stream must be a block stream, as natsStream() makes one.';
    throw new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message);
  }
  return { stream, takeover: checkFlag('takeover', takeover), onFenced, settleMs, checkpointMs };
}

function consumerNameOf({ name }: BlockStream): string {
  const consumer = streamConsumerName(name);
  if (typeof name === 'string' && name !== '' && isConsumerName(consumer)) return consumer;
  throw new WalError(
    'ERR_FLASHSTRIKE_INVALID_OPTION',
    'The name of a stream has 1 to 56 letters, digits and signs of "._-".',
  );
}
