// Another thread that verifies every other segment for a run of `verify`, while that reads the one
// before. See verify-ahead-port.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { MIB } from '../units.js';
import type {
  AheadReply,
  AheadRequest,
  OpenedSegment,
  SoundSegment,
  VerifyAhead,
  VerifyPorts,
} from './verify-ahead-port.js';

class VerifyingThread implements VerifyAhead {
  readonly #worker: Worker;
  #asked: number | undefined;
  #isBegun = false;
  #hasEnded = false;
  #answer: ((sound: SoundSegment | undefined) => void) | undefined;
  #sound: Promise<SoundSegment | undefined> = Promise.resolve(undefined);

  constructor() {
    const module = new URL('./verify-ahead-thread.js', import.meta.url);
    this.#worker = new Worker(module, { execArgv: [] });
    this.#worker.on('message', (reply: AheadReply) => this.#onReply(reply));
    // What it cannot do, for whatever reason, is done without it.
    this.#worker.once('error', () => this.#giveUp());
    this.#worker.once('exit', () => this.#giveUp());
    // A run that waits for it keeps the process, and nothing else does.
    this.#worker.unref();
  }

  begin(segment: OpenedSegment): void {
    if (this.#hasEnded) return;
    this.#asked = segment.index;
    this.#isBegun = false;
    this.#sound = new Promise((resolve) => {
      this.#answer = resolve;
    });
    this.#worker.postMessage(segment satisfies AheadRequest);
  }

  async take(index: number): Promise<SoundSegment | undefined> {
    if (this.#asked !== index) return undefined;
    // Nobody waits for a thread to start, or to be done with what is not wanted any more.
    if (!this.#isBegun) {
      this.#asked = undefined;
      return undefined;
    }
    this.#worker.ref();
    const sound = await this.#sound;
    this.#worker.unref();
    return sound;
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#worker.postMessage('end' satisfies AheadRequest);
    this.#giveUp();
  }

  #onReply(reply: AheadReply): void {
    if (reply.index !== this.#asked) return;
    if (reply.isBegun) this.#isBegun = true;
    else this.#answer?.(reply.sound);
  }

  #giveUp(): void {
    this.#hasEnded = true;
    this.#answer?.(undefined);
  }
}

function startThread(): VerifyAhead | undefined {
  try {
    return new VerifyingThread();
  } catch {
    // No threads, no permission, a bundle without it: what it is for is speed alone.
    return undefined;
  }
}

/** Those of this machine. */
export const VERIFY_PORTS: VerifyPorts = Object.freeze({
  ...REGION_PORTS,
  ahead: { fromBytes: 64 * MIB, start: startThread },
  readsAhead: availableParallelism() > 1,
});
