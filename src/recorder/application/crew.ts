// The threads of one log: started together, ended in order. Workers do not hold the process; a
// pending `open`, `durable`, `close` or `follow` does.
import { type TransferListItem, Worker } from 'node:worker_threads';
import {
  codeOf,
  deserializeError,
  isError,
  limitError,
  messageOf,
  neededPermission,
  WalError,
} from '../../errors.js';
import { THREAD_NAMES, type ThreadName } from '../../telemetry/heartbeats.js';
import { type Custody, CustodyDesk } from '../threads/custody.js';
import type {
  Damage,
  Ended,
  HelperStart,
  Ready,
  Refused,
  Running,
  WriterData,
  WriterReady,
} from '../threads/messages.js';
import { type Signals, Trouble } from '../threads/signals.js';
import type { ResolvedOptions } from '../threads/wal-options.js';
import { endWithProcess, noLongerEnds } from './exit-hook.js';

type Message = WriterReady | Ready | Running | Refused | Ended | Damage;

/** Longer than a region takes to be written with zeros. */
const UNDISTURBED_TIMEOUT_MS = 10_000;

/** Named when a thread starts, not at load: a bundle of CommonJS has no `import.meta.url`. */
const MODULES: Readonly<Record<ThreadName, () => URL>> = {
  writer: () => new URL('../writer/writer-thread.js', import.meta.url),
  preparer: () => new URL('../preparer/preparer-thread.js', import.meta.url),
  housekeeping: () => new URL('../housekeeping/housekeeping-thread.js', import.meta.url),
};

/** @throws WalError ERR_FLASHSTRIKE_PLATFORM */
function startWorker(
  thread: ThreadName,
  workerData: unknown,
  transferList: TransferListItem[],
): Worker {
  try {
    return new Worker(MODULES[thread](), { workerData, transferList, execArgv: [] });
  } catch (error) {
    const permission = neededPermission(error);
    // In a bundle of CommonJS a module does not know where it is.
    if (permission === undefined && typeof import.meta.url === 'string') throw error;
    const remedy = permission === undefined ? BUNDLED : `Start node with ${permission}.`;
    const message = `The ${thread} thread cannot be started (${messageOf(error)}). ${remedy}`;
    throw new WalError('ERR_FLASHSTRIKE_PLATFORM', message, { cause: error });
  }
}

const BUNDLED =
  'The threads of a log are loaded from their own modules: if the application is bundled, keep ' +
  'flashstrike out of the bundle (external).';

/** A worker with its life told as promises. */
class Member {
  readonly thread: ThreadName;
  readonly #worker: Worker;
  readonly #directory: string;
  #error: Error | undefined;
  readonly ended: Promise<void>;

  constructor(
    thread: ThreadName,
    directory: string,
    signals: Signals,
    data: unknown,
    onDeath: (error: WalError) => void,
    transferList: TransferListItem[] = [],
  ) {
    this.thread = thread;
    this.#directory = directory;
    this.#worker = startWorker(thread, data, transferList);
    this.#worker.on('error', (error) => {
      this.#error = isError(error) ? error : new Error(String(error));
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        // Also while it is ending: what it still had to do is not done.
        if (!signals.hasEnded(thread)) {
          const death = this.#death(code);
          if (thread === 'preparer') tellTaker(signals, death);
          onDeath(death);
          signals.announceEnd(thread);
        }
        resolve();
      });
    });
  }

  #death(exitCode: number): WalError {
    const limit = limitError(this.#directory, this.#error);
    if (limit !== undefined) return limit;
    const why = this.#error?.message ?? `exit code ${exitCode}`;
    if (codeOf(this.#error)?.endsWith('MODULE_NOT_FOUND') === true) {
      const message = `The ${this.thread} thread cannot be started (${why}). ${BUNDLED}`;
      return new WalError('ERR_FLASHSTRIKE_PLATFORM', message, { cause: this.#error });
    }
    const message =
      `${this.#directory}: the ${this.thread} thread ended unexpectedly (${why}). ` +
      'Open the log again.';
    const details = { path: this.#directory, cause: this.#error };
    return new WalError('ERR_FLASHSTRIKE_WORKER_DIED', message, details);
  }

  /** The next message; rejects with the worker's refusal or its death. */
  message<Kind extends Message['kind']>(_kind: Kind): Promise<Extract<Message, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: Message): void => {
        this.#worker.off('exit', onExit);
        if (message.kind === 'refused') reject(deserializeError(message.error));
        else resolve(message as Extract<Message, { kind: Kind }>);
      };
      const onExit = (code: number): void => {
        this.#worker.off('message', onMessage);
        reject(this.#death(code));
      };
      this.#worker.once('message', onMessage);
      this.#worker.once('exit', onExit);
    });
  }

  /** An error that the worker posts while it ends, if any. */
  onRefusal(listener: (error: Error) => void): void {
    this.#worker.on('message', (message: Message) => {
      if (message.kind === 'refused') listener(deserializeError(message.error));
    });
  }

  /**
   * Damage to finished segments that is found while the log is open: never silent, and no failure.
   */
  warnOfDamage(): void {
    this.#worker.on('message', (message: Message) => {
      if (message.kind !== 'damage') return;
      const { code, message: text } = deserializeError(message.error) as WalError;
      process.emitWarning(text, { code });
    });
  }

  post(message: unknown): void {
    this.#worker.postMessage(message);
  }

  hold(): void {
    this.#worker.ref();
  }

  letGo(): void {
    this.#worker.unref();
  }
}

/** In place of a preparer that is gone: the writer must not wait for a segment for ever. */
function tellTaker(signals: Signals, death: WalError): void {
  signals.preparerError.write(death);
  signals.set('preparerTrouble', Trouble.error);
  signals.wake('writer');
}

/** All, or none. The writer comes last: it locks the log at once, and another might not start. */
async function startMembers(
  writerData: WriterData,
  signals: Signals,
  onDeath: (error: WalError) => void,
): Promise<Readonly<Record<ThreadName, Member>>> {
  const { directory, custody } = writerData;
  const started: Member[] = [];
  const start = (thread: ThreadName, data: unknown, given?: TransferListItem[]): Member => {
    const member = new Member(thread, directory, signals, data, onDeath, given);
    started.push(member);
    return member;
  };
  try {
    const preparer = start('preparer', signals.buffer);
    const housekeeping = start('housekeeping', signals.buffer);
    const writer = start('writer', writerData, [custody.port]);
    return { preparer, housekeeping, writer };
  } catch (error) {
    for (const member of started) member.post(undefined);
    await Promise.all(started.map((member) => member.ended));
    throw limitError(directory, error) ?? error;
  }
}

export class Crew {
  readonly #signals: Signals;
  readonly #members: Readonly<Record<ThreadName, Member>>;
  readonly #refusals: Error[] = [];
  /** The writer has opened the log; known also where the open is given up later. */
  #ready: WriterReady | undefined;

  private constructor(signals: Signals, members: Readonly<Record<ThreadName, Member>>) {
    this.#signals = signals;
    this.#members = members;
  }

  /**
   * Starts all threads and opens the log on the writer's.
   * @param custody gets what holds the log
   * @param calledNs when Wal.open was called
   * @param onDeath called when a thread ends that was not asked to
   * @param giveBack called when the writer had opened the log and another thread could not start
   */
  static async start(
    directory: string,
    options: ResolvedOptions,
    signals: Signals,
    custody: Custody,
    calledNs: number,
    onDeath: (error: WalError) => void,
    giveBack: (ready: WriterReady) => void,
  ): Promise<{ crew: Crew; ready: WriterReady }> {
    const desk = new CustodyDesk(custody);
    const data = { directory, options, signals: signals.buffer, custody: desk.line, calledNs };
    const members = await startMembers(data, signals, onDeath).catch((error) => {
      desk.close();
      throw error;
    });
    const crew = new Crew(signals, members);
    const opening = { endNow: () => void signals.endUndisturbed(UNDISTURBED_TIMEOUT_MS) };
    endWithProcess(opening);
    try {
      return { crew, ready: await crew.#open(directory, options) };
    } catch (error) {
      await crew.#abandon();
      if (crew.#ready !== undefined) giveBack(crew.#ready);
      // A writer that died could not give back what it had asked for.
      custody.release();
      throw error;
    } finally {
      desk.close();
      noLongerEnds(opening);
    }
  }

  async #open(directory: string, options: ResolvedOptions): Promise<WriterReady> {
    const { writer, preparer, housekeeping } = this.#members;
    const helpers = [preparer, housekeeping];
    const opened = writer.message('opened').then((message) => {
      this.#ready = message;
      return message;
    });
    const loaded = helpers.map((helper) => helper.message('ready'));
    const [ready] = await Promise.all([opened, ...loaded]);
    const { logId, firstTicket, held, region } = ready;
    const start: HelperStart = { directory, options, logId, firstTicket, held, region };
    housekeeping.warnOfDamage();
    const running = helpers.map((helper) => helper.message('running'));
    for (const helper of helpers) helper.post(start);
    await Promise.all(running);
    for (const thread of THREAD_NAMES) {
      const member = this.#members[thread];
      member.onRefusal((error) => this.#refusals.push(error));
      member.letGo();
    }
    return ready;
  }

  /** The open was refused: whatever has started ends again. */
  async #abandon(): Promise<void> {
    for (const thread of THREAD_NAMES) {
      this.#signals.requestStop(thread);
      if (thread !== 'writer') this.#members[thread].post(undefined);
    }
    await Promise.all(THREAD_NAMES.map((thread) => this.#members[thread].ended));
  }

  /** Ends the threads in order: writer, preparer, housekeeping. Rejects with the first refusal. */
  async end(): Promise<void> {
    for (const thread of THREAD_NAMES) {
      const member = this.#members[thread];
      member.hold();
      this.#signals.requestStop(thread);
      await member.ended;
    }
    if (this.#refusals[0] !== undefined) throw this.#refusals[0];
  }

  /** The same, blocking, for a process that ends; false when a thread took longer than allowed. */
  endNow(timeoutMs: number): boolean {
    const deadline = performance.now() + timeoutMs;
    for (const thread of THREAD_NAMES) {
      this.#signals.requestStop(thread);
      const leftMs = Math.max(0, deadline - performance.now());
      if (!this.#signals.waitForEnd(thread, leftMs)) return false;
    }
    return true;
  }
}
