// The process of a week: appends, and has three consumers that read what they hold. It ends by a
// kill, or by an event that a consumer needed and did not get.
// Arguments: log folder, told file, JSON of the plan.
import assert from 'node:assert/strict';
import { openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Consumer, Wal, WalError } from '../../src/index.js';
import { payloadOf, typeOf } from './payloads.js';
import { backUp, backupOf, HOLDING, MORTAL, Told, WEEK_TOLD, type WeekPlan } from './week-plan.js';

class Week {
  readonly #wal: Wal;
  readonly #target: string;
  readonly #plan: WeekPlan;
  readonly #told = new Float64Array(WEEK_TOLD);
  readonly #toldFd: number;

  constructor(wal: Wal, target: string, toldPath: string, plan: WeekPlan) {
    this.#wal = wal;
    this.#target = target;
    this.#plan = plan;
    this.#toldFd = openSync(toldPath, 'r+');
  }

  async run(): Promise<void> {
    const [prompt, slow] = [
      await this.#wal.registerConsumer(HOLDING[0]),
      await this.#wal.registerConsumer(HOLDING[1]),
    ];
    for (const [at, { acknowledgedEventId }] of [prompt, slow].entries()) {
      this.#set(Told.asked[at], acknowledgedEventId);
      this.#set(Told.acknowledged[at], acknowledgedEventId);
    }
    writeSync(1, 'open\n');
    // The first that fails ends the process, and says why.
    await Promise.all([
      this.#append(),
      this.#consume(prompt, 0, this.#plan.promptEvents),
      this.#consume(slow, 1, this.#plan.slowEvents),
      this.#liveAndDie(),
      this.#backUp(),
    ]);
  }

  /** Told before a kill can come. */
  #set(at: number | undefined, value: number): void {
    this.#told[at ?? WEEK_TOLD] = value;
    writeSync(this.#toldFd, this.#told, 0, WEEK_TOLD * 8, 0);
  }

  /** One behind the other, from which what the log has removed goes as well. */
  async #backUp(): Promise<void> {
    for (;;) {
      await this.#wal.durable();
      const { complete } = await backUp(this.#wal, this.#target);
      assert.ok(complete);
      await delay(100);
    }
  }

  async #append(): Promise<void> {
    const wal = this.#wal;
    for (;;) {
      for (let left = this.#plan.batch; left > 0; left--) {
        const id = wal.lastEventId + 1;
        wal.append(payloadOf(id), typeOf(id));
      }
      this.#set(Told.appended, wal.lastEventId);
      this.#set(Told.durable, await wal.durable());
      // One that holds the log back is waited for, as an application would rather than fill a disk.
      while (this.#lag > 4 * this.#plan.slowEvents) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  get #lag(): number {
    return (
      this.#wal.durableEventId - Math.min(...Told.acknowledged.map((at) => this.#told[at] ?? 0))
    );
  }

  /** Each event once, in order, from behind the last one acknowledged. */
  async *#given(consumer: Consumer): AsyncGenerator<number> {
    let expected = consumer.acknowledgedEventId + 1;
    for await (const { eventId, type, payload } of consumer.follow()) {
      assert.equal(eventId, expected, `${consumer.name} needs ${expected}`);
      assert.equal(type, typeOf(eventId));
      assert.equal(Buffer.compare(payload, payloadOf(eventId)), 0, `event ${eventId}`);
      expected++;
      // In memory: told with whatever is told next.
      this.#told[Told.delivered] = (this.#told[Told.delivered] ?? 0) + 1;
      yield eventId;
    }
  }

  async #consume(consumer: Consumer, at: 0 | 1, every: number): Promise<void> {
    for await (const eventId of this.#given(consumer)) {
      if (eventId % every > 0) continue;
      this.#set(Told.asked[at], eventId);
      await consumer.acknowledge(eventId);
      this.#set(Told.acknowledged[at], eventId);
    }
  }

  /** Reads until it dies, and is not closed: it is dropped some time later, or was before. */
  async #liveAndDie(): Promise<void> {
    for (;;) {
      const consumer = await this.#register();
      try {
        await this.#consumeSome(consumer, this.#plan.mortalEvents);
        return;
      } catch (error) {
        if (!isDropped(error)) throw error;
        await consumer.close();
      }
    }
  }

  async #consumeSome(consumer: Consumer, events: number): Promise<void> {
    let left = events;
    for await (const eventId of this.#given(consumer)) {
      if (eventId % this.#plan.promptEvents === 0) await consumer.acknowledge(eventId);
      if (--left <= 0) return;
    }
  }

  /** As it was left; one that was dropped begins anew with what is there. */
  async #register(): Promise<Consumer> {
    const wal = this.#wal;
    const leash = { maxLagBytes: this.#plan.mortalLagBytes, policy: 'drop' } as const;
    try {
      return await wal.registerConsumer(MORTAL, leash);
    } catch (error) {
      if (!isDropped(error)) throw error;
      this.#set(Told.dropped, (this.#told[Told.dropped] ?? 0) + 1);
      await wal.removeConsumer(MORTAL);
      return await wal.registerConsumer(MORTAL, leash);
    }
  }
}

const isDropped = (error: unknown): boolean =>
  error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_EXPIRED';

const [directory = '', toldPath = '', json = ''] = process.argv.slice(2);
const plan = JSON.parse(json) as WeekPlan;
writeSync(1, 'opening\n');
const wal = await Wal.open(directory, plan.options);
await new Week(wal, backupOf(directory), toldPath, plan).run();
