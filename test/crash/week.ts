// A week of a log that must not grow: rounds of a process that appends, with consumers, and is
// killed in the middle of whatever its maintainer, or a backup, does. Behind each kill all that is
// durable and that somebody needs must be there, and the folder no larger than it may be.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type LoggedEvent, listConsumers, replay, verify, Wal } from '../../src/index.js';
import { payloadOf } from './payloads.js';
import { randomOf } from './random.js';
import { ChildProcess } from './recorder-process.js';
import { backUp, backupOf, HOLDING, Told, WEEK_TOLD, type WeekPlan } from './week-plan.js';

const CHILD = fileURLToPath(new URL('./week-child.js', import.meta.url));

export interface WeekResult {
  kills: number;
  /** Kills that left something half-done: a file being compressed, or two of one segment. */
  killsInCompression: number;
  events: number;
  /** Given to consumers, each checked. */
  delivered: number;
  /** Found behind kills, each checked. */
  eventsChecked: number;
  segmentsRemoved: number;
  /** That were there at once, at most. */
  segmentsCompressed: number;
  consumersDropped: number;
  /** Finished behind kills, each checked. */
  backups: number;
  /** Of the folder, at its largest, and behind the last kill. */
  largestBytes: number;
  lastBytes: number;
  /** Of all segments that there were, if they had stayed as they were. */
  writtenBytes: number;
}

export const noWeek = (): WeekResult => ({
  kills: 0,
  killsInCompression: 0,
  events: 0,
  delivered: 0,
  eventsChecked: 0,
  segmentsRemoved: 0,
  segmentsCompressed: 0,
  consumersDropped: 0,
  backups: 0,
  largestBytes: 0,
  lastBytes: 0,
  writtenBytes: 0,
});

/** So much of a week as the caller likes: one round is one process, and its end. */
export class WeekRounds {
  readonly result = noWeek();
  readonly #plan: WeekPlan;
  readonly #random: () => number;
  readonly #directory: string;
  readonly #toldPath: string;
  readonly #base: string;
  /** Of the holding consumers, by the last that was told. */
  readonly #asked = [0, 0];
  readonly #acknowledged = [0, 0];
  #durable = 0;
  #firstIndex = 1;

  constructor(context: { after(hook: () => void): void }, plan: WeekPlan, seed: number) {
    this.#plan = plan;
    this.#random = randomOf(seed);
    this.#base = mkdtempSync(join(tmpdir(), 'flashstrike-week-'));
    context.after(() => rmSync(this.#base, { recursive: true, force: true }));
    this.#directory = join(this.#base, 'log');
    this.#toldPath = join(this.#base, 'told');
  }

  /** @param most the kill comes when it has appended so many events, or fewer, by chance */
  async round(most: number): Promise<void> {
    const { result } = this;
    const args = [this.#directory, this.#toldPath, JSON.stringify(this.#plan)];
    const child = new ChildProcess(CHILD, args, this.#toldPath, WEEK_TOLD * 8);
    try {
      await child.hears(this.#random() < 0.1 ? 'opening' : 'open');
      const left = Math.floor(this.#random() ** 2 * most);
      const goal = this.#durable + left;
      // Not by time: on a busy machine it would have done nothing yet.
      while (left > 0 && !child.hasEnded && (child.told[Told.appended] ?? 0) < goal) {
        await delay(5);
        result.largestBytes = Math.max(result.largestBytes, this.#bytes);
      }
      await child.kill();
    } finally {
      await child.end();
    }
    result.kills++;
    this.#hear(child.told);
    await this.#check();
  }

  #hear(told: Float64Array): void {
    const { result } = this;
    result.delivered += told[Told.delivered] ?? 0;
    result.consumersDropped += told[Told.dropped] ?? 0;
    this.#durable = Math.max(this.#durable, told[Told.appended] ?? 0, told[Told.durable] ?? 0);
    for (const at of [0, 1] as const) {
      const acknowledged = told[Told.acknowledged[at]] ?? 0;
      this.#acknowledged[at] = Math.max(this.#acknowledged[at] ?? 0, acknowledged);
      this.#asked[at] = Math.max(this.#asked[at] ?? 0, told[Told.asked[at]] ?? 0, acknowledged);
    }
  }

  async #check(): Promise<void> {
    const { result } = this;
    const directory = this.#directory;
    const names = readdirSync(directory);
    const isHalf = (name: string): boolean =>
      name.endsWith('.lz4.tmp') || (name.endsWith('.wal') && names.includes(`${name}.lz4`));
    if (names.some(isHalf)) result.killsInCompression++;
    const wal = await Wal.open(directory, this.#plan.options);
    try {
      const last = wal.lastEventId;
      assert.ok(last >= this.#durable, `event ${this.#durable} is gone, the log ends at ${last}`);
      const { ok, problems } = await verify(directory);
      assert.ok(ok, JSON.stringify(problems));
      this.#checkConsumers();
      const first = this.#checkEvents(wal.replay(), last);
      if (first !== undefined) this.#checkFirst(first);
      result.events = last;
      this.#durable = last;
      await this.#checkBackup(wal);
    } finally {
      await wal.close();
    }
    this.#measure();
  }

  /** Each is there, up to the last one; the first, if there is any. */
  #checkEvents(events: Iterable<LoggedEvent>, last: number): number | undefined {
    let first: number | undefined;
    let expected: number | undefined;
    for (const { eventId, payload } of events) {
      first ??= eventId;
      expected ??= eventId;
      assert.equal(eventId, expected);
      assert.equal(Buffer.compare(payload, payloadOf(eventId)), 0, `event ${eventId}`);
      expected++;
      this.result.eventsChecked++;
    }
    assert.equal(expected ?? last + 1, last + 1, 'the last event');
    return first;
  }

  /** What a kill left of one is taken up, and it is the log as it is then. */
  async #checkBackup(wal: Wal): Promise<void> {
    const target = backupOf(this.#directory);
    const { complete, lastEventId } = await backUp(wal, target);
    assert.deepEqual([complete, lastEventId], [true, wal.lastEventId]);
    const { ok, problems } = await verify(target);
    assert.ok(ok, JSON.stringify(problems));
    this.#checkEvents(replay(target), lastEventId);
    this.result.backups++;
  }

  /** Every consumer that holds the log needs what is behind its last acknowledgement. */
  #checkFirst(firstEventId: number): void {
    for (const [at, name] of HOLDING.entries()) {
      const needed = (this.#asked[at] ?? 0) + 1;
      assert.ok(firstEventId <= needed, `${name} needs ${needed}, it begins with ${firstEventId}`);
    }
  }

  #checkConsumers(): void {
    const consumers = listConsumers(this.#directory);
    for (const [at, name] of HOLDING.entries()) {
      const found = consumers.find((consumer) => consumer.name === name);
      const [least = 0, most = 0] = [this.#acknowledged[at], this.#asked[at]];
      if (found === undefined && most === 0) continue;
      assert.equal(found?.state, 'active', name);
      const id = found.acknowledgedEventId ?? -1;
      assert.ok(id >= least, `${name} has acknowledged ${least}, its file tells ${id}`);
      // A kill may have come before it could tell.
      this.#acknowledged[at] = id;
      this.#asked[at] = Math.max(most, id);
    }
  }

  get #bytes(): number {
    let bytes = 0;
    for (const name of readdirSync(this.#directory)) {
      bytes += statSync(join(this.#directory, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }

  #measure(): void {
    const { result } = this;
    const { segmentBytes = 0 } = this.#plan.options;
    result.lastBytes = this.#bytes;
    result.largestBytes = Math.max(result.largestBytes, result.lastBytes);
    const names = readdirSync(this.#directory).filter((name) => /^\d+\.wal/.test(name));
    const indexes = names.map((name) => Number.parseInt(name, 10));
    const [first, last] = [Math.min(...indexes), Math.max(...indexes)];
    result.segmentsRemoved += first - this.#firstIndex;
    this.#firstIndex = first;
    const compressed = names.filter((name) => name.endsWith('.lz4')).length;
    result.segmentsCompressed = Math.max(result.segmentsCompressed, compressed);
    result.writtenBytes = last * segmentBytes;
  }
}
