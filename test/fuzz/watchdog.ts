// A case that never ends would never tell its seed. Another thread watches, says which it was, and
// ends the process, which nothing else can while its main thread is busy.
import { Worker } from 'node:worker_threads';

/** A case takes milliseconds: no machine is so slow. */
const LIMIT_MS = 300_000;
/** No seed: the thread may be there before the first case has begun. */
const NO_CASE = -1;

const WATCHER = `
const { workerData: { buffer, none, limitMs, advice } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const words = new Int32Array(buffer);
for (;;) {
  const seed = Atomics.load(words, 0);
  if (seed === none) {
    Atomics.wait(words, 0, none);
    continue;
  }
  if (Atomics.wait(words, 0, seed, limitMs) !== 'timed-out') continue;
  writeSync(2, 'The case of seed ' + seed + ' does not end.\\n' + advice + seed + '\\n');
  process.kill(process.pid, 'SIGKILL');
}`;

export class Watchdog {
  readonly #words = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #watcher: Worker;

  /** @param advice the command that repeats a case, up to its seed */
  constructor(advice: string, limitMs = LIMIT_MS) {
    this.#words[0] = NO_CASE;
    const workerData = { buffer: this.#words.buffer, none: NO_CASE, limitMs, advice };
    this.#watcher = new Worker(WATCHER, { eval: true, execArgv: [], workerData });
    this.#watcher.unref();
  }

  /** The next case; no two in a row have the same seed. */
  begin(seed: number): void {
    Atomics.store(this.#words, 0, seed);
    Atomics.notify(this.#words, 0);
  }

  async end(): Promise<void> {
    await this.#watcher.terminate();
  }
}
