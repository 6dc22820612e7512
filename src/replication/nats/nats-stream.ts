// A stream on NATS JetStream. Fenced by the stream's last sequence, and by nothing else: what is
// expected per subject was broken in servers up to 2.9, and an expected message id is judged by
// each replica from its own memory.
import type { JetStreamClient, JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { NS_PER_MS } from '../../units.js';
import {
  type BlockStream,
  type StoredBlock,
  StreamFailure,
  type StreamPosition,
} from '../block-stream.js';
import { authenticatorOf } from './nats-credentials.js';
import { natsFailure } from './nats-failure.js';
import {
  invalidStream,
  type NatsStreamOptions,
  type ResolvedNatsOptions,
  resolveNatsOptions,
} from './nats-options.js';
import { loadNats } from './nats-packages.js';

/** Room for the headers of a message, which its limit includes. */
const HEADERS_BYTES = 512;
/** So many blocks are asked for one by one; a consumer takes a round trip to set up. */
const FEW = 4;
const READ_AHEAD_BYTES = 8 * 1024 * 1024;
const LOOKS = 3;

interface Connection {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly maxBlockBytes: number;
}

/**
 * A stream on NATS JetStream for {@link replicate}, `restoreFrom` and `audit`. It connects when it
 * is first used, and checks the stream: one subject, kept in files, refusing what is too much
 * (`discard: new`), on as many servers as asked for. Give each call a stream of its own.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION
 * @example
 * import { Wal } from 'flashstrike';
 * import { natsStream, replicate } from 'flashstrike/nats';
 *
 * await using wal = await Wal.open('./orders');
 * const servers = ['a.example:4222', 'b.example:4222', 'c.example:4222'];
 * const stream = natsStream({ servers, stream: 'orders', create: {} });
 * await using replica = await replicate(wal, { stream });
 * await replica.replicated(wal.append(Buffer.from('buy 100')));
 */
export function natsStream(options: NatsStreamOptions): BlockStream {
  return new NatsStream(resolveNatsOptions(options));
}

class NatsStream implements BlockStream {
  readonly name: string;
  readonly settleMs: number;
  readonly notes: string[] = [];
  readonly #options: ResolvedNatsOptions;
  #connecting: Promise<Connection> | undefined;
  /** Counts connections that were lost. */
  #losses = 0;
  /** As it was when the position was looked up. */
  #lossesSeen = -1;
  #isClosed = false;

  constructor(options: ResolvedNatsOptions) {
    this.#options = options;
    this.name = options.stream;
    this.settleMs = options.settleMs;
  }

  async position(): Promise<StreamPosition> {
    return this.#calling(async ({ jsm, maxBlockBytes }) => {
      const losses = this.#losses;
      for (let look = 1; ; look++) {
        const { state } = await jsm.streams.info(this.name);
        const { first_seq: firstSequence, last_seq: sequence, messages } = state;
        const found =
          messages === 0 ? null : await jsm.streams.getMessage(this.name, { seq: sequence });
        // The leader may have changed between the two calls.
        if (found === null && sequence > 0 && look < LOOKS) continue;
        this.#lossesSeen = losses;
        return { firstSequence, sequence, block: found?.data, maxBlockBytes };
      }
    });
  }

  async append(block: Uint8Array, expected: number): Promise<number> {
    return this.#calling(async ({ js }) => {
      if (this.#losses !== this.#lossesSeen) {
        throw new StreamFailure('unavailable', `stream ${this.name}: the connection is a new one`);
      }
      const { subject, timeoutMs } = this.#options;
      const expect = { lastSequence: expected, streamName: this.name };
      const { seq } = await js.publish(subject, block, { expect, timeout: timeoutMs });
      return seq;
    });
  }

  async *read(from: number): AsyncGenerator<StoredBlock> {
    try {
      const { js, jsm } = await this.#connected();
      const { state } = await jsm.streams.info(this.name);
      const start = Math.max(from, state.first_seq);
      if (state.messages === 0 || start > state.last_seq) return;
      if (state.last_seq - start < FEW) {
        for (let seq = start; seq <= state.last_seq; seq++) {
          const found = await jsm.streams.getMessage(this.name, { seq });
          // Whoever reads notices that one is missing.
          if (found !== null) yield { sequence: seq, bytes: found.data };
        }
        return;
      }
      yield* this.#consume(js, start, state.last_seq);
    } catch (error) {
      throw natsFailure(error, this.name);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connecting = this.#connecting;
    this.#connecting = undefined;
    const connection = await connecting?.catch(() => undefined);
    await connection?.nc.close();
  }

  async *#consume(js: JetStreamClient, from: number, last: number): AsyncGenerator<StoredBlock> {
    const consumer = await js.consumers.get(this.name, {
      opt_start_seq: from,
      deliver_policy: 'by_start_sequence',
    });
    const messages = await consumer.consume({ max_bytes: READ_AHEAD_BYTES });
    let isIdle = false;
    // A leader that is gone sends nothing more, and the client would wait for the next one.
    const watch = setInterval(() => {
      if (isIdle) messages.stop(new StreamFailure('timeout', `stream ${this.name}: no block came`));
      isIdle = true;
    }, this.#options.timeoutMs);
    try {
      for await (const { seq, data } of messages) {
        isIdle = false;
        yield { sequence: seq, bytes: data };
        isIdle = false;
        if (seq >= last) return;
      }
    } finally {
      clearInterval(watch);
      messages.stop();
      // Not waited for, and nothing is lost if it fails: the servers drop it after five minutes.
      consumer.delete().catch(() => undefined);
    }
  }

  async #calling<Result>(call: (connection: Connection) => Promise<Result>): Promise<Result> {
    try {
      return await call(await this.#connected());
    } catch (error) {
      throw natsFailure(error, this.name);
    }
  }

  #connected(): Promise<Connection> {
    if (this.#connecting !== undefined) return this.#connecting;
    const connecting = this.#connect();
    this.#connecting = connecting;
    const forget = (): void => {
      if (this.#connecting === connecting) this.#connecting = undefined;
    };
    void connecting.then(async ({ nc }) => {
      // The client gives up by itself where a server refuses the credentials again and again.
      await nc.closed();
      this.#losses++;
      forget();
    }, forget);
    return connecting;
  }

  async #connect(): Promise<Connection> {
    if (this.#isClosed) {
      throw invalidStream(`Stream ${this.name} was closed: make another one for each call.`);
    }
    const { jetstream, transport } = await loadNats();
    const { servers, timeoutMs, credentials, connection } = this.#options;
    const login =
      credentials === undefined ? {} : { authenticator: authenticatorOf(transport, credentials) };
    const nc = await transport.connect({
      name: `flashstrike ${this.name}`,
      timeout: timeoutMs,
      reconnectTimeWait: 250,
      pingInterval: 5_000,
      ...login,
      ...connection,
      maxReconnectAttempts: -1,
      servers,
    });
    try {
      const jsm = await jetstream.jetstreamManager(nc, { checkAPI: false, timeout: timeoutMs });
      const config = await this.#prepared(jsm, jetstream.JetStreamApiCodes.StreamNotFound);
      this.#check(config);
      this.#note(nc.info?.version ?? '0');
      void this.#count(nc);
      const maxPayload = nc.info?.max_payload ?? 2 ** 20;
      const most = config.max_msg_size > 0 ? config.max_msg_size : maxPayload;
      const maxBlockBytes = Math.min(maxPayload, most) - HEADERS_BYTES;
      return { nc, js: jetstream.jetstream(nc, { timeout: timeoutMs }), jsm, maxBlockBytes };
    } catch (error) {
      await nc.close();
      throw error;
    }
  }

  async #count(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status()) if (type === 'disconnect') this.#losses++;
  }

  /** The stream as it is, or as it is made. */
  async #prepared(jsm: JetStreamManager, notFound: number): Promise<StreamConfig> {
    const { create, subject, replicas } = this.#options;
    try {
      return (await jsm.streams.info(this.name)).config;
    } catch (error) {
      if ((error as { code?: unknown }).code !== notFound) throw error;
      if (create === undefined) {
        const how = 'give the option create (--create-replicas)';
        throw invalidStream(`There is no stream ${this.name}. To make it, ${how}.`);
      }
    }
    const { maxBytes = -1, maxAgeMs = 0 } = create;
    const { config } = await jsm.streams.add({
      name: this.name,
      subjects: [subject],
      storage: 'file',
      retention: 'limits',
      discard: 'new',
      num_replicas: replicas,
      max_bytes: maxBytes,
      max_age: maxAgeMs * NS_PER_MS,
      description: 'Replication of a Flashstrike log; written by one log at a time.',
    });
    return config;
  }

  /** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION */
  #check(config: StreamConfig): void {
    const { subject, replicas } = this.#options;
    const refuse = (what: string): never => {
      throw invalidStream(`Stream ${this.name} ${what}.`);
    };
    if (config.num_replicas < replicas) {
      refuse(
        `is kept on ${config.num_replicas} servers, not on ${replicas}; give it more, or ask for ` +
          `replicas: ${config.num_replicas} (--create-replicas ${config.num_replicas})`,
      );
    }
    const { subjects = [] } = config;
    if (subjects.length !== 1 || subjects[0] !== subject) {
      refuse(`has the subjects ${subjects.join(', ')}, not ${subject} alone`);
    }
    if (config.storage !== 'file') refuse('is kept in memory, not in files');
    if (config.retention !== 'limits') refuse(`has the retention ${config.retention}, not limits`);
    const { discard, max_bytes: maxBytes, max_msgs: maxBlocks } = config;
    if (discard !== 'new' && (maxBytes > 0 || maxBlocks > 0)) {
      refuse('drops old blocks when it is full; it must refuse new ones (discard: new)');
    }
    if (config.max_msgs_per_subject > 0) {
      refuse('drops old blocks of its one subject (max_msgs_per_subject); it must keep them all');
    }
  }

  #note(version: string): void {
    const [major = 0, minor = 0] = version.split('.').map(Number);
    this.notes.length = 0;
    if (major > 2 || (major === 2 && minor >= 10)) return;
    this.notes.push(
      `Server ${version} cannot sync each block (sync_interval: always came with 2.10): a power ` +
        'failure of the whole cluster may take back what it has confirmed, which the log keeps ' +
        `for ${this.settleMs} ms.`,
    );
  }
}
