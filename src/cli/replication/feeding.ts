// A replicator at work as a command: what it tells a person, and how it ends.
import { printable, WalError } from '../../errors.js';
import { listConsumers, removeConsumer } from '../../index.js';
import { type BlockStream, type Replica, replicate, StreamFailure } from '../../nats.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatCount, formatEvents } from '../quantities.js';
import type { Terminal } from '../terminal.js';

/** Between two looks at what the replica does. */
const LOOK_MS = 100;

interface FeedingOptions {
  readonly takeover: boolean;
  readonly json: boolean;
}

/** Feeds `stream` with the log in `dir` until a signal comes; throws what ends it otherwise. */
export async function feed(
  dir: string,
  stream: BlockStream,
  { takeover, json }: FeedingOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const interruption = new Interruption();
  try {
    await probe(stream);
    const { signal } = interruption;
    // As `replicate` says.
    const consumer = `replica-${stream.name}`;
    const wasKnown = listConsumers(dir).some(({ name }) => name === consumer);
    const replica = await replicate(dir, { stream, takeover, signal });
    const teller = new Teller(replica, stream.name, terminal);
    try {
      await replica.ended();
    } catch (error) {
      // An engine that had just started could not say so when it was asked at first.
      const isUseless = isInvalidOption(error) && replica.epoch === 0;
      if (isUseless && !wasKnown) await removeConsumer(dir, consumer);
      throw error;
    } finally {
      await replica.close();
      teller.end();
      if (json) await writeLines(stdout, formatJson(summaryOf(replica, dir, stream.name)));
    }
    return interruption.exitCode ?? EXIT.done;
  } finally {
    await stream.close();
    interruption.dispose();
  }
}

const isInvalidOption = (error: unknown): boolean =>
  error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_INVALID_OPTION';

/** What is wrong with a stream for good is told before the log keeps anything for it. */
async function probe(stream: BlockStream): Promise<void> {
  try {
    await stream.position();
  } catch (error) {
    if (!(error instanceof StreamFailure)) throw error;
  }
}

const summaryOf = (replica: Replica, log: string, stream: string) => {
  const { state, epoch, confirmedEventId, counts, notes } = replica;
  return { log, stream, state, epoch, confirmedEventId, counts, notes };
};

class Teller {
  readonly #replica: Replica;
  readonly #stream: string;
  readonly #terminal: Terminal;
  readonly #timer: NodeJS.Timeout;
  #epoch = 0;
  #regressions = 0;
  #trouble: string | undefined;

  constructor(replica: Replica, stream: string, terminal: Terminal) {
    this.#replica = replica;
    this.#stream = printable(stream);
    this.#terminal = terminal;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    const { epoch, state, lastTrouble, confirmedEventId, counts } = this.#replica;
    const line = (text: string): void => this.#terminal.line(text);
    if (epoch !== this.#epoch) {
      if (this.#epoch === 0) for (const note of this.#replica.notes) line(`note      ${note}`);
      this.#epoch = epoch;
      const has = confirmedEventId === 0 ? 'empty' : `up to event ${formatCount(confirmedEventId)}`;
      line(`claimed   stream ${this.#stream} in epoch ${epoch}, ${has}`);
    }
    if (counts.regressions !== this.#regressions) {
      this.#regressions = counts.regressions;
      const lost = formatEvents(counts.regressedEvents);
      line(`LOST      the stream has lost what it had confirmed, ${lost} in all: sent again`);
    }
    if (state === 'waiting' && this.#trouble !== lastTrouble) {
      this.#trouble = lastTrouble;
      line(`waiting   ${printable(lastTrouble ?? '')}`);
    } else if (this.#trouble !== undefined && (state === 'following' || state === 'catching-up')) {
      this.#trouble = undefined;
      line(`goes on   behind event ${formatCount(confirmedEventId)}`);
    }
    const at = formatCount(confirmedEventId);
    this.#terminal.progress(
      () => `${state}, up to event ${at}, ${formatEvents(counts.events)} sent`,
    );
  }

  end(): void {
    clearInterval(this.#timer);
    this.#look();
    const { confirmedEventId, counts, epoch } = this.#replica;
    if (epoch === 0) {
      this.#terminal.line(`stopped   before stream ${this.#stream} was claimed`);
      return;
    }
    this.#terminal.line(
      `sent      ${formatEvents(counts.events)} to stream ${this.#stream}, which is confirmed up ` +
        `to event ${formatCount(confirmedEventId)}`,
    );
  }
}
