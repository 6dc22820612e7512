// The threads of one log: had together, left in order. They may serve others as well; what this log
// has of them ends with it.
import type { MessagePort } from 'node:worker_threads';
import {
  assert,
  codeOf,
  deserializeError,
  limitError,
  type SerializedError,
  WalError,
} from '../../errors.js';
import { diskOf } from '../../storage/disk-of.js';
import { THREAD_NAMES, type ThreadName } from '../../telemetry/heartbeats.js';
import { type Custody, CustodyDesk } from '../threads/custody.js';
import type {
  AdoptRequest,
  Deleted,
  HandedWriter,
  HelperStart,
  LogMessage,
  MaintainerStart,
  OpenRequest,
  WriterReady,
} from '../threads/messages.js';
import { type Signals, Trouble } from '../threads/signals.js';
import { threadDeath } from '../threads/thread-start.js';
import type { ResolvedOptions } from '../threads/wal-options.js';
import type { Host, ServedLog } from './host.js';
import { helperFor, type Opener, openerFor, writerFor } from './hosts.js';
import type { Elsewhere } from './neighbours.js';

/** What a host does for the log, with its life told as promises. */
export class Member implements ServedLog {
  readonly thread: ThreadName;
  readonly #host: Host;
  readonly #ticket: number;
  readonly directory: string;
  readonly #signals: Signals;
  readonly #onDeath: (error: WalError) => void;
  readonly #listeners = new Set<(message: LogMessage | WalError) => void>();
  readonly ended: Promise<void>;
  /** See ServedLog. */
  logId = 0n;
  #resolveEnded: () => void = () => {};
  #death: WalError | undefined;
  #isServed = false;
  #isHeld = false;

  constructor(
    thread: ThreadName,
    host: Host,
    directory: string,
    signals: Signals,
    onDeath: (error: WalError) => void,
  ) {
    this.thread = thread;
    this.#host = host;
    this.directory = directory;
    this.#signals = signals;
    this.#onDeath = onDeath;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    signals.connect(thread, host.bell);
    this.#ticket = host.add(this);
    this.hold();
  }

  /** The host begins to serve the log. */
  start(
    start: OpenRequest | AdoptRequest | HelperStart | MaintainerStart,
    transferList: readonly MessagePort[] = [],
  ): void {
    this.#isServed = true;
    this.#host.post(this.#ticket, start, [...transferList]);
  }

  /** See Host. */
  get isUp(): Promise<boolean> {
    return this.#host.isUp;
  }

  /** See Host. */
  begin(): void {
    this.#host.begin();
  }

  /** The log at which its thread is, where that is another one. */
  get elsewhere(): Elsewhere | undefined {
    return this.#host.elsewhere(this.#ticket);
  }

  /** Why it ended before its time; undefined: it has not. */
  get death(): WalError | undefined {
    return this.#death;
  }

  onMessage(message: LogMessage): void {
    if (message.kind !== 'gone') this.#tell(message);
    else if (message.error === undefined) this.#resolveEnded();
    else this.#die(deserializeError(message.error), 'an error');
  }

  onDeath(exitCode: number, error: Error | undefined): void {
    // Also while it is ending: what it still had to do is not done.
    if (this.#signals.hasEnded(this.thread)) this.#resolveEnded();
    else this.#die(error, `exit code ${exitCode}`);
  }

  #die(error: Error | undefined, how: string): void {
    const death = threadDeath(this.thread, this.directory, error, how, 'Open the log again.');
    this.#death = death;
    if (this.thread === 'preparer') tellTaker(this.#signals, death);
    this.#onDeath(death);
    this.#signals.announceEnd(this.thread);
    this.#tell(death);
    this.#resolveEnded();
  }

  #tell(message: LogMessage | WalError): void {
    for (const listener of [...this.#listeners]) listener(message);
  }

  /** The next message; rejects with the refusal of the host, or with its death. */
  message<Kind extends LogMessage['kind']>(
    kind: Kind,
  ): Promise<Extract<LogMessage, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined) {
        reject(this.#death);
        return;
      }
      const listener = (message: LogMessage | WalError): void => {
        if (message instanceof WalError) reject(message);
        else if (message.kind === 'refused') reject(deserializeError(message.error));
        else if (message.kind === kind) resolve(message as Extract<LogMessage, { kind: Kind }>);
        else return;
        this.#listeners.delete(listener);
      };
      this.#listeners.add(listener);
    });
  }

  onDeleted(listener: (deleted: Deleted | WalError) => void): void {
    this.#listeners.add((message) => {
      if (message instanceof WalError || message.kind === 'deleted') listener(message);
    });
  }

  on(kind: 'refused' | 'damage', listener: (error: Error) => void): void {
    this.#listeners.add((message) => {
      if (message instanceof WalError || message.kind !== kind) return;
      listener(deserializeError(message.error as SerializedError));
    });
  }

  /** The host goes on without the log, which is open and lives on. */
  async isHanded(): Promise<void> {
    await this.ended;
    this.letGo();
    if (this.#death !== undefined) throw this.#death;
  }

  /** The process does not end while the log is held here. */
  hold(): void {
    if (!this.#isHeld) this.#host.hold();
    this.#isHeld = true;
  }

  letGo(): void {
    if (this.#isHeld) this.#host.letGo();
    this.#isHeld = false;
  }

  /** The log needs it no more; resolves once nothing of the log is touched there. */
  async leave(): Promise<void> {
    this.hold();
    this.#signals.requestStop(this.thread);
    if (this.#isServed) await this.ended;
    this.letGo();
    this.#host.remove(this.#ticket);
  }
}

/** In place of a preparer that is gone: the writer must not wait for a segment for ever. */
function tellTaker(signals: Signals, death: WalError): void {
  signals.preparerError.write(death);
  signals.tellTrouble('preparerTrouble', Trouble.error);
}

interface Members extends Record<(typeof THREAD_NAMES)[number], Member> {
  readonly opener: Opener;
  /** Another thread, as the writer of the log. */
  readonly writerOn: (host: Host) => Member;
}

/** All, or none. The writer has begun, the others have not. */
async function gather(
  directory: string,
  disk: string,
  threads: 'shared' | 'own',
  signals: Signals,
  onDeath: (error: WalError) => void,
): Promise<Members> {
  const gathered: Member[] = [];
  const gain = (thread: ThreadName, host: Host): Member => {
    const member = new Member(thread, host, directory, signals, onDeath);
    gathered.push(member);
    return member;
  };
  try {
    const preparer = gain('preparer', helperFor('preparer', disk, threads));
    const housekeeping = gain('housekeeping', helperFor('housekeeping', disk, threads));
    const opener = await openerFor(disk, threads);
    const writerOn = (host: Host): Member => gain('writer', host);
    return { preparer, housekeeping, writer: writerOn(opener.host), opener, writerOn };
  } catch (error) {
    await Promise.all(gathered.map((member) => member.leave()));
    throw limitError(directory, error) ?? error;
  }
}

/**
 * Starts the helpers' threads once the writer's is up: Node makes each from scratch, and three of
 * them at once keep two processors from the one that is waited for.
 * @returns why one cannot be started
 */
async function beginBehind(writer: Member, helpers: readonly Member[]): Promise<unknown> {
  if (!(await writer.isUp)) return undefined;
  try {
    for (const helper of helpers) helper.begin();
    return undefined;
  } catch (error) {
    return error;
  }
}

interface CrewOfLog {
  readonly directory: string;
  readonly options: ResolvedOptions;
  readonly onDeath: (error: WalError) => void;
}

export class Crew {
  readonly #signals: Signals;
  readonly #members: Members;
  readonly #disk: string;
  readonly #log: CrewOfLog;
  readonly #refusals: Error[] = [];
  /** Starts, or has started; undefined: nobody has asked for one. */
  #maintainer: { readonly member: Member; readonly running: Promise<unknown> } | undefined;
  /** The writer has opened the log; known also where the open is given up later. */
  #ready: WriterReady | undefined;

  private constructor(signals: Signals, members: Members, disk: string, log: CrewOfLog) {
    this.#signals = signals;
    this.#members = members;
    this.#disk = disk;
    this.#log = log;
  }

  /**
   * Has all threads, and opens the log on the writer's.
   * @param custody gets what holds the log
   * @param spare see createPortableRegion
   * @param calledNs when Wal.open was called
   * @param onDeath called when a thread ends that was not asked to
   * @param giveBack called when the writer had opened the log and another thread could not start
   */
  static async start(
    directory: string,
    options: ResolvedOptions,
    signals: Signals,
    custody: Custody,
    spare: SharedArrayBuffer | undefined,
    calledNs: number,
    onDeath: (error: WalError) => void,
    giveBack: (ready: WriterReady) => void,
  ): Promise<{ crew: Crew; ready: WriterReady }> {
    const disk = diskOf(directory);
    const members = await gather(directory, disk, options.threads, signals, onDeath);
    const { handsOver } = members.opener;
    const crew = new Crew(signals, members, disk, { directory, options, onDeath });
    const desk = new CustodyDesk(custody);
    try {
      const custodyLine = desk.line;
      const request = { directory, options, signals: signals.handle, custody: custodyLine, spare };
      return { crew, ready: await crew.#open({ ...request, calledNs, handsOver }) };
    } catch (error) {
      await crew.#abandon();
      if (crew.#ready !== undefined) giveBack(crew.#ready);
      // A writer that died could not give back what it had asked for.
      custody.release();
      throw error;
    } finally {
      desk.close();
      members.opener.end();
    }
  }

  async #open(request: OpenRequest): Promise<WriterReady> {
    const { writer, preparer, housekeeping } = this.#members;
    const opened = writer.message('opened');
    writer.start(request, [request.custody.port]);
    const helpers = [preparer, housekeeping];
    const begun = beginBehind(writer, helpers);
    const ready = await opened;
    this.#ready = ready;
    const { directory, options } = request;
    const { handed } = ready;
    if (handed !== undefined) await this.#handOver(request, ready, handed);
    const { logId, firstTicket, firstKeptEventId, held, region } = ready;
    const signals = this.#signals.handle;
    const log = { directory, options, signals, logId, held, region };
    const start: HelperStart = { ...log, firstTicket, firstKeptEventId };
    const refusal = await begun;
    if (refusal !== undefined) throw limitError(directory, refusal) ?? refusal;
    const running = helpers.map((helper) => helper.message('running'));
    for (const helper of helpers) helper.start(start);
    await Promise.all(running);
    for (const thread of THREAD_NAMES) {
      const member = this.#members[thread];
      member.logId = logId;
      member.on('refused', (error) => this.#refusals.push(error));
      member.letGo();
    }
    return ready;
  }

  /** The log is open, and another thread goes on with it. */
  async #handOver(
    { directory, options }: OpenRequest,
    { logId, anchor, held, region }: WriterReady,
    handed: HandedWriter,
  ): Promise<void> {
    await this.#members.writer.isHanded();
    const writer = this.#members.writerOn(writerFor(this.#disk));
    this.#members.writer = writer;
    const signals = this.#signals.handle;
    const running = writer.message('running');
    writer.start({ directory, options, signals, logId, anchor, held, region, handed });
    await running;
  }

  /**
   * A thread that maintains the finished segments; it does not hold the process. Asked for again,
   * the same one.
   * @throws WalError where it cannot be started
   */
  async maintain(): Promise<Member> {
    try {
      this.#maintainer ??= this.#startMaintainer();
      const { member, running } = this.#maintainer;
      await running;
      if (member.death !== undefined) throw member.death;
      return member;
    } catch (error) {
      throw limitError(this.#log.directory, error) ?? error;
    }
  }

  #startMaintainer() {
    const { directory, options } = this.#log;
    assert(this.#ready !== undefined, 'a log is maintained once it is open');
    const { logId, held, region, recoveredTimestampNs } = this.#ready;
    const host = helperFor('maintainer', this.#disk, options.threads);
    host.begin();
    let isRunning = false;
    // Nothing of the log is lost with it: it goes on without being maintained.
    const onDeath = (death: WalError): void => {
      // Nobody waits for what it would remove.
      this.#signals.limitSegments(Number.POSITIVE_INFINITY);
      if (isRunning) warnOfEnd(death);
    };
    const member = new Member('maintainer', host, directory, this.#signals, onDeath);
    member.logId = logId;
    member.letGo();
    member.on('damage', warnOfDamage);
    const signals = this.#signals.handle;
    const running = member.message('running').then(() => {
      isRunning = true;
    });
    member.start({ directory, options, signals, logId, held, region, recoveredTimestampNs });
    return { member, running };
  }

  /** The log at which a thread of this one is, where that is another one. */
  elsewhere(thread: ThreadName): Elsewhere | undefined {
    const member = thread === 'maintainer' ? this.#maintainer?.member : this.#members[thread];
    return member?.elsewhere;
  }

  /** The open was refused: whatever has begun ends again. */
  async #abandon(): Promise<void> {
    await Promise.all(THREAD_NAMES.map((thread) => this.#members[thread].leave()));
  }

  /**
   * The writer first, whose end is final; housekeeping last, which tells it. What the maintainer is
   * about needs housekeeping.
   */
  get #inOrder(): readonly Member[] {
    const { writer, preparer, housekeeping } = this.#members;
    const maintainer = this.#maintainer === undefined ? [] : [this.#maintainer.member];
    return [writer, ...maintainer, preparer, housekeeping];
  }

  /** Leaves them in order; rejects with the first refusal. */
  async end(): Promise<void> {
    for (const member of this.#inOrder) await member.leave();
    if (this.#refusals[0] !== undefined) throw this.#refusals[0];
  }

  /** The same, blocking, for a process that ends; false when a thread took longer than allowed. */
  endNow(timeoutMs: number): boolean {
    const deadline = performance.now() + timeoutMs;
    for (const { thread } of this.#inOrder) {
      this.#signals.requestStop(thread);
      const leftMs = Math.max(0, deadline - performance.now());
      if (!this.#signals.waitForEnd(thread, leftMs)) return false;
    }
    return true;
  }
}

function warnOfEnd(death: WalError): void {
  const message = `The finished segments of a log are not maintained any more. ${death.message}`;
  process.emitWarning(message, { code: death.code });
}

/** Damage to finished segments that is found while the log is open: never silent, no failure. */
function warnOfDamage(error: Error): void {
  process.emitWarning(error.message, { code: codeOf(error) });
}
