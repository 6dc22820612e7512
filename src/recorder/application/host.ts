// A thread that serves logs, seen from the application's thread that has started it: how it starts,
// what it tells, how it ends. It does not hold the process; a pending `open` or `close` does.
import { clearTimeout, setTimeout } from 'node:timers';
import type { TransferListItem, Worker } from 'node:worker_threads';
import { assert, errorOf } from '../../errors.js';
import { nativePaths } from '../../memory/native-module.js';
import type { ThreadName } from '../../telemetry/heartbeats.js';
import { Doorbell } from '../threads/doorbell.js';
import type { Letter, LogMessage, Reply } from '../threads/messages.js';
import { startThread } from '../threads/thread-start.js';
import { hostEndsWithProcess, hostHasEnded } from './exit-hook.js';
import type { Elsewhere } from './neighbours.js';

/** Longer than a region takes to be written with zeros. */
const UNDISTURBED_TIMEOUT_MS = 10_000;
/** A host that serves nobody waits so long for the next log: to start one takes up to 0.2 s. */
const IDLE_MS = 2000;

/** Named when a thread starts, not at load: a bundle of CommonJS has no `import.meta.url`. */
const MODULES: Readonly<Record<ThreadName, () => URL>> = {
  maintainer: () => new URL('../maintainer/maintainer-thread.js', import.meta.url),
  writer: () => new URL('../writer/writer-thread.js', import.meta.url),
  preparer: () => new URL('../preparer/preparer-thread.js', import.meta.url),
  housekeeping: () => new URL('../housekeeping/housekeeping-thread.js', import.meta.url),
};

/** A log, as the host that serves it sees it. */
export interface ServedLog {
  readonly directory: string;
  /** 0 until it is open. */
  readonly logId: bigint;
  onMessage(message: LogMessage): void;
  /** The thread has ended, and what was thrown in it, if anything. */
  onDeath(exitCode: number, error: Error | undefined): void;
}

export class Host {
  readonly thread: ThreadName;
  readonly bell = new Doorbell();
  #worker: Worker | undefined;
  readonly #logs = new Map<number, ServedLog>();
  readonly #onEnd: (host: Host) => void;
  readonly #ending = { endNow: () => void this.bell.endUndisturbed(UNDISTURBED_TIMEOUT_MS) };
  /** Node has made the thread, which now loads what it runs; false: it has ended before. */
  readonly isUp: Promise<boolean>;
  #tellUp: (isUp: boolean) => void = () => {};
  #lastTicket = 0;
  #holds = 0;
  #error: Error | undefined;
  #idle: NodeJS.Timeout | undefined;

  /**
   * It has no thread before `begin`.
   * @param onEnd called once it takes no more logs: it ends, or has ended
   */
  constructor(thread: ThreadName, onEnd: (host: Host) => void) {
    this.thread = thread;
    this.#onEnd = onEnd;
    this.isUp = new Promise((resolve) => {
      this.#tellUp = resolve;
    });
  }

  /**
   * Starts its thread, where that was not done.
   * @throws WalError ERR_FLASHSTRIKE_PLATFORM, or what the system says where it cannot be started
   */
  begin(): void {
    if (this.#worker !== undefined) return;
    const worker = this.#start();
    this.#worker = worker;
    if (this.#holds === 0) worker.unref();
    hostEndsWithProcess(this.#ending);
    worker.once('online', () => this.#tellUp(true));
    worker.on('message', ({ ticket, message }: Reply) => this.#hear(ticket, message));
    worker.on('error', (error) => {
      this.#error = errorOf(error);
    });
    worker.once('exit', (code) => this.#hasEnded(code));
  }

  #start(): Worker {
    try {
      return startThread(this.thread, MODULES[this.thread], this.bell.buffer);
    } catch (error) {
      this.#onEnd(this);
      throw error;
    }
  }

  get logCount(): number {
    return this.#logs.size;
  }

  /** From here on the log learns what becomes of the thread; returns its ticket. */
  add(log: ServedLog): number {
    clearTimeout(this.#idle);
    const ticket = ++this.#lastTicket;
    this.#logs.set(ticket, log);
    return ticket;
  }

  /** The log needs it no more. Idempotent. */
  remove(ticket: number): void {
    if (!this.#logs.delete(ticket) || this.#logs.size > 0) return;
    this.#idle = setTimeout(() => {
      this.#onEnd(this);
      this.bell.requestStop();
    }, IDLE_MS);
    this.#idle.unref();
  }

  /** @param ticket the log's, as `add` gave it */
  post(ticket: number, start: unknown, transferList: TransferListItem[] = []): void {
    const letter: Letter<unknown> = { ticket, start, natives: nativePaths() };
    assert(this.#worker !== undefined, 'a thread has begun before it gets letters');
    this.#worker.postMessage(letter, transferList);
    this.bell.announceLetter();
  }

  /** The log at which the thread is, where that is another one than the one with this ticket. */
  elsewhere(ticket: number): Elsewhere | undefined {
    const { served } = this.bell;
    if (served === undefined || served.ticket === ticket) return undefined;
    const log = this.#logs.get(served.ticket);
    if (log === undefined) return undefined;
    const { directory, logId } = log;
    return { directory, logId, sinceMs: served.sinceMs };
  }

  /** The process is held for as long as somebody holds it here. */
  hold(): void {
    if (++this.#holds === 1) this.#worker?.ref();
  }

  letGo(): void {
    if (--this.#holds === 0) this.#worker?.unref();
  }

  #hear(ticket: number, message: LogMessage): void {
    const log = this.#logs.get(ticket);
    if (message.kind === 'gone') this.remove(ticket);
    log?.onMessage(message);
  }

  #hasEnded(exitCode: number): void {
    clearTimeout(this.#idle);
    this.#tellUp(false);
    hostHasEnded(this.#ending);
    this.#onEnd(this);
    const logs = [...this.#logs.values()];
    this.#logs.clear();
    for (const log of logs) log.onDeath(exitCode, this.#error);
  }
}
