// The preloader thread, seen from the thread that reads: started when the first reader wants one,
// shared by all, ended when it has served nobody for a while. It never holds the process. A reader
// never waits for it to start, and not for long while it does not get on.

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { Worker } from 'node:worker_threads';
import { monotonicClock } from '../clock/clock.js';
import { RunningTime } from '../clock/running-time.js';
import { messageOf } from '../errors.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { MIB } from '../units.js';
import type { LogPlace } from './log-walker.js';
import type { PreloadLink } from './preload-link.js';
import { type PreloaderLetter, SHARED_BYTES, STOP, WAKES } from './preloader-letters.js';
import type { Preloader, ReadAhead, ReplayPorts } from './read-ahead.js';

/** Without a reader for so long, it ends. */
const IDLE_MS = 2000;
/** A preloader that does nothing for so long, of the time that the machine runs, is given up. */
const STALL_MS = 1000;

class PreloaderThread {
  readonly #words = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  readonly #worker: Worker;
  #readers = 0;
  #lastTicket = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor() {
    const workerData = this.#words.buffer;
    const module = new URL('./preloader-thread.js', import.meta.url);
    this.#worker = new Worker(module, { workerData, execArgv: [] });
    this.#worker.unref();
    this.#worker.once('error', (error) => {
      giveUp(this);
      const message = `Logs are read without reading ahead from here on: ${messageOf(error)}`;
      process.emitWarning(message, 'FlashstrikeWarning');
    });
    this.#worker.once('exit', () => forget(this));
  }

  enter(): number {
    clearTimeout(this.#idle);
    this.#readers++;
    return ++this.#lastTicket;
  }

  leave(): void {
    this.wake();
    if (--this.#readers > 0) return;
    this.#idle = setTimeout(() => {
      forget(this);
      Atomics.store(this.#words, STOP, 1);
      this.wake();
    }, IDLE_MS);
    this.#idle.unref();
  }

  post(letter: PreloaderLetter): void {
    this.#worker.postMessage(letter);
    this.wake();
  }

  wake(): void {
    Atomics.add(this.#words, WAKES, 1);
    Atomics.notify(this.#words, WAKES);
  }
}

let current: PreloaderThread | undefined;
/** It cannot be started here, or was ended by an error: readers do without. */
let isOutOfReach = false;

function forget(thread: PreloaderThread): void {
  if (current === thread) current = undefined;
}

function giveUp(thread: PreloaderThread): void {
  isOutOfReach = true;
  forget(thread);
}

function started(): PreloaderThread | undefined {
  if (current !== undefined || isOutOfReach) return current;
  try {
    current = new PreloaderThread();
  } catch {
    // No threads, no permission, a bundle without it: what it is for is speed alone.
    isOutOfReach = true;
  }
  return current;
}

class ThreadPreloader implements Preloader {
  readonly #thread: PreloaderThread;
  readonly #link: PreloadLink;
  readonly #ticket: number;
  #isOpen = true;
  #standsStill = false;

  constructor(thread: PreloaderThread, dir: string, link: PreloadLink) {
    this.#thread = thread;
    this.#link = link;
    this.#ticket = thread.enter();
    thread.post({ kind: 'offer', ticket: this.#ticket, dir: resolve(dir), link: link.handle });
  }

  begin(place: LogPlace): void {
    this.#thread.post({ kind: 'begin', ticket: this.#ticket, place });
  }

  wake(): void {
    this.#thread.wake();
  }

  wait(news: number): boolean {
    return this.#waitUntil(() => this.#link.news !== news);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const isClosed = this.#link.cancel();
    this.#thread.leave();
    // A step later no file is open: whoever closes a reader may want to unmount what it has read.
    if (!isClosed && !this.#standsStill) this.#waitUntil(() => this.#link.isOver);
  }

  /** False where the preloader stands still meanwhile. */
  #waitUntil(isDone: () => boolean): boolean {
    const link = this.#link;
    let { progress } = link;
    let still = new RunningTime(monotonicClock);
    for (;;) {
      // Read before the look: what comes in between ends the wait at once.
      const { news } = link;
      if (isDone()) return true;
      link.waitForNews(news);
      if (link.progress !== progress) {
        progress = link.progress;
        still = new RunningTime(monotonicClock);
      } else if (still.lookMs() > STALL_MS) {
        this.#standsStill = true;
        return false;
      }
    }
  }
}

/** A reader that was not closed: its preloader ends with it. */
const forgotten = new FinalizationRegistry<Preloader>((preloader) => preloader.close());

const threadReadAhead: ReadAhead = Object.freeze({
  afterBytes: 8 * MIB,
  offer(dir: string, link: PreloadLink, reader: object): Preloader | undefined {
    const thread = started();
    if (thread === undefined) return undefined;
    const preloader = new ThreadPreloader(thread, dir, link);
    forgotten.register(reader, preloader, preloader);
    return preloader;
  },
});

/**
 * Those of this machine: what every reader of this package works with. Where there is but one
 * processor, two threads only take it from each other.
 */
export const REPLAY_PORTS: ReplayPorts = Object.freeze({
  ...REGION_PORTS,
  readAhead: threadReadAhead,
  readsAhead: availableParallelism() > 1,
});
