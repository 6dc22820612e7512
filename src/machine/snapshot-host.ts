// Who writes snapshots, as the machine's thread sees it: a thread that is started for each.
import { deserializeError, errorOf } from '../errors.js';
import { startThread, threadDeath } from '../recorder/threads/thread-start.js';
import type { SnapshotLetter, SnapshotMessage, SnapshotStart } from './snapshot-messages.js';
import type { SnapshotRequest, WrittenSnapshot } from './snapshot-writer.js';

/** One snapshot that is being written. */
export interface SnapshotJob {
  /** The part belongs to the job from then on. */
  write(part: Uint8Array): void;
  /** Resolves once no more than a few parts wait; rejects where it has failed. */
  room(): Promise<void>;
  finish(): Promise<WrittenSnapshot>;
  /** Resolves once nothing of it is left. */
  abandon(): Promise<void>;
}

/** Begins one. */
export type SnapshotHost = (request: SnapshotRequest, root: string | undefined) => SnapshotJob;

/** Parts of an async state that may wait: 8 MiB. */
const WAITING_MAX = 8;

class ThreadJob implements SnapshotJob {
  readonly #post: (letter: SnapshotLetter, transfer?: readonly ArrayBuffer[]) => void;
  readonly #ended: Promise<WrittenSnapshot | undefined>;
  #waiting = 0;
  #onTaken: () => void = () => {};

  constructor(start: SnapshotStart) {
    const moduleOf = (): URL => new URL('./snapshot-thread.js', import.meta.url);
    const worker = startThread('snapshot', moduleOf, start);
    this.#post = (letter, transfer = []) => worker.postMessage(letter, [...transfer]);
    this.#ended = new Promise((resolve, reject) => {
      let end: (() => void) | undefined;
      let death: Error | undefined;
      worker.on('message', (message: SnapshotMessage) => {
        if (message.kind === 'taken') {
          this.#waiting--;
          this.#onTaken();
        } else if (message.kind === 'done') end ??= () => resolve(message.written);
        else end ??= () => reject(deserializeError(message.error));
      });
      worker.on('error', (error) => {
        death = errorOf(error);
      });
      // Once it has ended all that it had open is closed.
      worker.once('exit', (code) => {
        const advice = 'The machine goes on; the next snapshot is tried anew.';
        if (end !== undefined) end();
        else reject(threadDeath('snapshot', start.request.dir, death, `exit code ${code}`, advice));
      });
    });
    // It is told to whoever waits next.
    this.#ended.catch(() => undefined);
  }

  write(part: Uint8Array): void {
    this.#waiting++;
    const { buffer } = part;
    this.#post({ kind: 'part', bytes: part }, buffer instanceof ArrayBuffer ? [buffer] : []);
  }

  async room(): Promise<void> {
    while (this.#waiting > WAITING_MAX) {
      const taken = new Promise<void>((resolve) => {
        this.#onTaken = resolve;
      });
      await Promise.race([taken, this.#ended]);
    }
  }

  async finish(): Promise<WrittenSnapshot> {
    this.#post({ kind: 'finish' });
    const written = await this.#ended;
    if (written === undefined) throw new Error('a snapshot that is finished is written');
    return written;
  }

  async abandon(): Promise<void> {
    this.#post({ kind: 'abandon' });
    await Promise.allSettled([this.#ended]);
  }
}

export const snapshotThread: SnapshotHost = (request, root) => new ThreadJob({ request, root });
