// The life of one log among many: random pieces of work through the public API, the fault that is
// its fate, and what must be true of it whatever became of the others.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeFolder } from '../../bench/harness/remove-folder.js';
import type { Random } from '../../src/cli/demo/random.js';
import { follow, Wal, WalError } from '../../src/index.js';
import { payloadOf } from '../crash/payloads.js';
import { type Fate, keyOf, MOST_APPENDED, type RandomLogsPlan, Told } from './random-logs-plan.js';

/** In 1,000 pieces of work of a log that has a fate. */
const FATEFUL = 60;
const WAIT_MS = 2;
/** Of a wait that blocks the whole process: a full disk is emptied by this very thread. */
const BLOCKED_MS = 20;
/** Behind the header's page of a segment. */
const FIRST_BLOCK_OFFSET = 4096;

const isRefusal = (error: unknown, ...codes: string[]): error is WalError =>
  error instanceof WalError && codes.includes(error.code);

export class LogLife {
  readonly #plan: RandomLogsPlan;
  readonly #log: number;
  readonly #fate: Fate;
  readonly #directory: string;
  readonly #random: Random;
  readonly #told: Float64Array;
  readonly #tell: () => void;
  #open: Wal | undefined;

  /**
   * @param told what earlier processes have told of it, changed here
   * @param tell puts `told` where it outlives the process
   */
  constructor(
    plan: RandomLogsPlan,
    log: number,
    fate: Fate,
    directory: string,
    random: Random,
    told: Float64Array,
    tell: () => void,
  ) {
    this.#plan = plan;
    this.#log = log;
    this.#fate = fate;
    this.#directory = directory;
    this.#random = random;
    this.#told = told;
    this.#tell = tell;
  }

  get #wal(): Wal {
    assert.ok(this.#open !== undefined, 'the log is open');
    return this.#open;
  }

  get #savedPath(): string {
    return `${this.#directory}.saved`;
  }

  /** The first opening of this process: whatever the one before has left. */
  async open(): Promise<void> {
    this.#heal();
    if (this.#told[Told.removed] === 1) this.#beginAnew();
    const appended = this.#told[Told.appended] ?? 0;
    const last = await this.#reopen();
    // Of the piece of work in which it was killed nothing was told.
    this.#demand(last >= appended && last <= appended + MOST_APPENDED, `${last} of ${appended}`);
    this.#checkEvents(1, this.#wal.replay());
    this.#told[Told.appended] = last;
    this.#tell();
  }

  async #reopen(): Promise<number> {
    for (;;) {
      try {
        this.#open = await Wal.open(this.#directory, this.#plan.options);
        return this.#open.lastEventId;
      } catch (error) {
        if (this.#fate !== 'full' || !isRefusal(error, 'ERR_FLASHSTRIKE_NO_SPACE')) throw error;
        await delay(WAIT_MS);
      }
    }
  }

  /** All steps that are left. */
  async work(): Promise<void> {
    for (let done = this.#told[Told.steps] ?? 0; done < this.#plan.steps; done++) {
      await this.#step();
      this.#told[Told.steps] = done + 1;
      this.#tell();
      this.#demand(this.#wal.failure === undefined, `failed: ${this.#wal.failure?.stack}`);
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    if (random.below(1000) < FATEFUL) {
      if (this.#fate === 'removed') return await this.#remove();
      if (this.#fate === 'damaged') return await this.#damage();
    }
    const act = [
      () => this.#append(),
      () => this.#append(),
      () => this.#appendBatch(),
      () => this.#awaitDurable(),
      () => this.#blockUntilDurable(),
      () => this.#closeAndReopen(),
      () => this.#follow(),
      () => this.#replay(),
    ][random.below(8)];
    await act?.();
  }

  /** The next events' payloads. */
  #payloads(count: number): Uint8Array[] {
    const first = this.#wal.lastEventId + 1;
    return Array.from({ length: count }, (_, at) => payloadOf(keyOf(this.#log, first + at)));
  }

  /** Does it unless the disk is full, or the ring, because the disk was. */
  #unlessFull(act: () => void): void {
    try {
      act();
    } catch (error) {
      const isFull = isRefusal(error, 'ERR_FLASHSTRIKE_NO_SPACE', 'ERR_FLASHSTRIKE_STALLED');
      if (this.#fate !== 'full' || !isFull) throw error;
    }
    this.#told[Told.appended] = this.#wal.lastEventId;
  }

  async #append(): Promise<void> {
    this.#unlessFull(() => {
      for (const payload of this.#payloads(1 + this.#random.below(MOST_APPENDED))) {
        if (this.#fate !== 'full') this.#wal.append(payload, this.#log);
        // Where `append` waits for room, nobody empties the disk.
        else if (this.#wal.tryAppend(payload, this.#log) === undefined) return;
      }
    });
    if (this.#random.below(2) === 0) await delay(this.#random.below(5));
  }

  #appendBatch(): void {
    const payloads = this.#payloads(1 + this.#random.below(3));
    this.#unlessFull(() => {
      if (this.#fate === 'full') this.#wal.tryAppend(payloads[0] ?? new Uint8Array(), this.#log);
      else this.#wal.appendBatch(payloads, this.#log);
    });
  }

  async #awaitDurable(): Promise<void> {
    const wal = this.#wal;
    const last = wal.lastEventId;
    const durable = await wal.durable();
    this.#demand(durable >= last, `durable() resolved with ${durable} of ${last}`);
    this.#told[Told.durable] = durable;
  }

  #blockUntilDurable(): void {
    const wal = this.#wal;
    this.#unlessFull(() => {
      this.#told[Told.durable] =
        this.#fate === 'full'
          ? wal.durableSync(wal.lastEventId, BLOCKED_MS)
          : wal.durableSync(wal.lastEventId);
    });
  }

  async #close(): Promise<void> {
    try {
      await this.#wal.close();
    } catch (error) {
      // What a full disk does not take stays in the region.
      const isFull = isRefusal(error, 'ERR_FLASHSTRIKE_FAILED', 'ERR_FLASHSTRIKE_NO_SPACE');
      if (this.#fate !== 'full' || !isFull) throw error;
    }
  }

  async #closeAndReopen(): Promise<void> {
    const last = this.#wal.lastEventId;
    await this.#close();
    const found = await this.#reopen();
    this.#demand(found === last, `${found} of ${last} events after a close`);
  }

  /** From somewhere on up to what is durable now, in the process of the log and as any reader. */
  async #follow(): Promise<void> {
    const wal = this.#wal;
    const to = wal.durableEventId;
    if (to === 0) return;
    const from = 1 + this.#random.below(to);
    const isOwn = this.#random.below(2) === 0;
    let expected = from;
    for await (const event of isOwn ? wal.follow({ from }) : follow(this.#directory, { from })) {
      this.#checkEvent(expected, event);
      if (expected++ === to) break;
    }
  }

  #replay(): void {
    if (this.#fate === 'full') return;
    const from = 1 + this.#random.below(this.#wal.lastEventId + 1);
    this.#checkEvents(from, this.#wal.replay({ from }));
  }

  #checkEvents(
    from: number,
    events: Iterable<{ eventId: number; type: number; payload: Uint8Array }>,
  ): void {
    let expected = from;
    for (const event of events) this.#checkEvent(expected++, event);
    const last = this.#wal.lastEventId;
    this.#demand(expected === last + 1, `it ends before ${expected}, not with ${last}`);
  }

  #checkEvent(
    expected: number,
    event: { eventId: number; type: number; payload: Uint8Array },
  ): void {
    const payload = payloadOf(keyOf(this.#log, expected));
    const isRight =
      event.eventId === expected &&
      event.type === this.#log &&
      Buffer.compare(event.payload, payload) === 0;
    this.#demand(isRight, `event ${event.eventId} in place of ${expected}`);
  }

  /** Its folder goes while it is open; it must notice, and begins anew. */
  async #remove(): Promise<void> {
    this.#told[Told.removed] = 1;
    this.#told[Told.removals] = 1 + (this.#told[Told.removals] ?? 0);
    this.#tell();
    const wal = this.#wal;
    removeFolder(this.#directory);
    while (wal.state === 'open') {
      try {
        wal.append(new Uint8Array(8));
      } catch (error) {
        if (!isRefusal(error, 'ERR_FLASHSTRIKE_FAILED')) throw error;
      }
      await delay(WAIT_MS);
    }
    const { failure } = wal;
    this.#demand(isRefusal(failure, 'ERR_FLASHSTRIKE_FILE_LOST'), `${failure}`);
    await assert.rejects(wal.close(), /was moved, removed or replaced/);
    this.#beginAnew();
    this.#demand((await this.#reopen()) === 0, 'a new log is empty');
  }

  #beginAnew(): void {
    removeFolder(this.#directory);
    this.#told[Told.appended] = 0;
    this.#told[Told.durable] = 0;
    this.#told[Told.removed] = 0;
    this.#tell();
  }

  /** While it is closed, its last segment is damaged: it is refused until that is mended. */
  async #damage(): Promise<void> {
    const last = this.#wal.lastEventId;
    await this.#close();
    const names = readdirSync(this.#directory).filter((name) => name.endsWith('.wal'));
    const path = join(this.#directory, names.sort().at(-1) ?? '');
    const bytes = readFileSync(path);
    if (bytes.length > FIRST_BLOCK_OFFSET) {
      writeFileSync(`${this.#savedPath}.part`, `${path}\n${bytes.toString('base64')}`);
      renameSync(`${this.#savedPath}.part`, this.#savedPath);
      const codes = this.#damageFile(path, bytes);
      await assert.rejects(Wal.open(this.#directory, this.#plan.options), (error) => {
        this.#demand(isRefusal(error, ...codes), `${error}`);
        return true;
      });
      this.#heal();
    }
    const found = await this.#reopen();
    this.#demand(found === last, `${found} of ${last} events after a repair`);
  }

  /** @returns what the open may say to it */
  #damageFile(path: string, bytes: Buffer): string[] {
    switch (this.#random.below(3)) {
      case 0:
        truncateSync(path, FIRST_BLOCK_OFFSET + 16);
        return ['ERR_FLASHSTRIKE_CORRUPT'];
      case 1:
        rmSync(path);
        mkdirSync(path);
        return ['ERR_FLASHSTRIKE_UNSAFE_FILE'];
      default: {
        const damaged = Buffer.from(bytes);
        damaged.fill(0xa5, FIRST_BLOCK_OFFSET + 8, FIRST_BLOCK_OFFSET + 24);
        writeFileSync(path, damaged, { flag: 'r+' });
        return ['ERR_FLASHSTRIKE_CORRUPT'];
      }
    }
  }

  #heal(): void {
    if (!existsSync(this.#savedPath)) return;
    const [path = '', bytes = ''] = readFileSync(this.#savedPath, 'utf8').split('\n');
    const isFolder = readdirSync(this.#directory, { withFileTypes: true }).some(
      (entry) => entry.isDirectory() && path.endsWith(entry.name),
    );
    if (isFolder) rmdirSync(path);
    writeFileSync(path, Buffer.from(bytes, 'base64'));
    rmSync(this.#savedPath);
  }

  async close(): Promise<void> {
    // Nobody fills a disk any more.
    await this.#wal.close();
  }

  #demand(isSo: boolean, what: string): void {
    assert.ok(isSo, `log ${this.#log} (${this.#fate}): ${what}`);
  }
}
