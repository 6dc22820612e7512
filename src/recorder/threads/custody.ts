// The descriptors that hold an open log: that of LOCK, and that of the region's file with its lock.
// The application's thread opens them, and it alone closes them; the log's own threads use them by
// number. Node closes what a thread has opened when that thread ends, after it has ended the
// threads that this one has started: so a thread of the application that is terminated leaves its
// log free, and no number is used or closed that may be another file's by then. (A worker that is
// started in a worker closes what it has opened whatever `trackUnmanagedFds` says.)
//
// The log is opened on the writer's thread, which asks for them here and waits for the answer.
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { assert, deserializeError, type SerializedError, serializeError } from '../../errors.js';
import { ownKeeper, type RegionKeeper } from '../../region/mapped-region.js';
import { type DiskSyncs, nodeSyncs, rootedSyncs } from '../../storage/disk-syncs.js';
import { acquireLock, type LogLock, separateLock } from '../../storage/lock-file.js';
import { closeLogFolder, type LogFolder, openLogFolder } from '../../storage/log-folder.js';
import { rootedStorage } from '../../storage/rooted-storage.js';
import type { Storage } from '../../storage/storage.js';

/** What is held of a log's folder, as plain data: another thread goes on with it by number. */
export interface HeldLog {
  /** The descriptor that holds the lock: the application's thread has opened it, and closes it. */
  readonly lockFd: number;
  /** Where the folder is reached by its descriptor; undefined where only by its path. */
  readonly root: string | undefined;
  /** See LogFolder. */
  readonly isFolderLocked: boolean;
}

/** The owner's side, on the application's thread. */
export class Custody implements RegionKeeper {
  readonly #storage: Storage;
  #folder: LogFolder | undefined;
  #lock: LogLock | undefined;
  readonly #regions = new Set<number>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** See acquireLock. */
  lock(directory: string, mode: 'flock' | 'none'): HeldLog {
    assert(this.#lock === undefined, 'a log is locked once');
    this.#folder = openLogFolder(directory, mode);
    const storage = this.storageOf(directory);
    const isFolderLocked = this.#folder?.isLocked === true;
    try {
      if (isFolderLocked || mode === 'none') separateLock(storage, directory);
      this.#lock = acquireLock(storage, directory, mode, isFolderLocked);
    } catch (error) {
      this.release();
      throw error;
    }
    return { lockFd: this.#lock.fd, root: this.#folder?.root, isFolderLocked };
  }

  /** Reaches the folder by its descriptor while that is held, and by its path behind that. */
  storageOf(directory: string): Storage {
    return rootedStorage(this.#storage, directory, () => this.#folder?.root);
  }

  /** The syncs that go with it. */
  syncsOf(directory: string): DiskSyncs {
    return rootedSyncs(nodeSyncs, directory, () => this.#folder?.root);
  }

  /** Where the folder is reached; undefined: by its path. */
  get root(): string | undefined {
    return this.#folder?.root;
  }

  /** The lock; undefined before it was had, and once it was released. */
  get logLock(): LogLock | undefined {
    return this.#lock;
  }

  hold(path: string): number {
    const fd = ownKeeper.hold(path);
    this.#regions.add(fd);
    return fd;
  }

  letGo(fd: number): void {
    if (this.#regions.delete(fd)) ownKeeper.letGo(fd);
  }

  /** Gives back whatever is still held. Idempotent. */
  release(): void {
    for (const fd of [...this.#regions]) this.letGo(fd);
    const lock = this.#lock;
    this.#lock = undefined;
    try {
      lock?.release();
    } finally {
      const folder = this.#folder;
      this.#folder = undefined;
      if (folder !== undefined) closeLogFolder(folder);
    }
  }
}

type Request =
  | { readonly call: 'lock'; readonly directory: string; readonly mode: 'flock' | 'none' }
  | { readonly call: 'hold'; readonly path: string }
  | { readonly call: 'letGo'; readonly fd: number }
  | { readonly call: 'release' };

type Answer = { readonly value: unknown } | { readonly error: SerializedError };

/** What the writer thread is given to ask by. */
export interface CustodyLine {
  readonly port: MessagePort;
  /** One word: how many requests have been answered. */
  readonly answers: Int32Array<SharedArrayBuffer>;
}

/** Answers the writer thread's requests while the log is being opened. */
export class CustodyDesk {
  readonly line: CustodyLine;
  readonly #port: MessagePort;

  constructor(custody: Custody) {
    const { port1, port2 } = new MessageChannel();
    const answers = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    this.line = { port: port2, answers };
    this.#port = port1;
    port1.on('message', (request: Request) => {
      port1.postMessage(answerTo(custody, request));
      // Behind the answer: who wakes finds it.
      Atomics.add(answers, 0, 1);
      Atomics.notify(answers, 0);
    });
  }

  /** No more requests; until then, the open port holds the process. */
  close(): void {
    this.#port.close();
  }
}

function answerTo(custody: Custody, request: Request): Answer {
  try {
    return { value: perform(custody, request) };
  } catch (error) {
    return { error: serializeError(error) };
  }
}

function perform(custody: Custody, request: Request): unknown {
  switch (request.call) {
    case 'lock':
      return custody.lock(request.directory, request.mode);
    case 'hold':
      return custody.hold(request.path);
    case 'letGo':
      return custody.letGo(request.fd);
    case 'release':
      return custody.release();
  }
}

/**
 * The asking side, on the writer's thread: each call waits until the application's thread has
 * answered, for as long as that takes. A thread that waits here can be terminated.
 */
export class RemoteCustody implements RegionKeeper {
  readonly #line: CustodyLine;

  constructor(line: CustodyLine) {
    this.#line = line;
  }

  lock(directory: string, mode: 'flock' | 'none'): HeldLog {
    return this.#ask({ call: 'lock', directory, mode }) as HeldLog;
  }

  hold(path: string): number {
    return this.#ask({ call: 'hold', path }) as number;
  }

  letGo(fd: number): void {
    this.#ask({ call: 'letGo', fd });
  }

  release(): void {
    this.#ask({ call: 'release' });
  }

  #ask(request: Request): unknown {
    const { port, answers } = this.#line;
    const answered = Atomics.load(answers, 0);
    port.postMessage(request);
    Atomics.wait(answers, 0, answered);
    const received: { readonly message: Answer } | undefined = receiveMessageOnPort(port);
    assert(received !== undefined, 'an answer is there before it is announced');
    const { message } = received;
    if ('error' in message) throw deserializeError(message.error);
    return message.value;
  }
}
