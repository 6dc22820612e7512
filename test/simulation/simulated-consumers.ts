// The consumers of a simulated log, and what an oracle knows of them: which there must be, what
// each has acknowledged, and that nothing is gone which one of them holds. They outlive processes
// by their files alone.
import assert from 'node:assert/strict';
import { Consumer } from '../../src/consumers/consumer.js';
import type { ConsumerPlace } from '../../src/consumers/consumer-place.js';
import { register, remove } from '../../src/consumers/registration.js';
import { isOperational, WalError } from '../../src/errors.js';
import { readConsumer } from '../../src/reading/consumer-files.js';
import type { ConsumerPolicy } from '../../src/segment/consumer-record.js';
import { KIB } from '../../src/units.js';
import { syncsOf } from '../support/consumer-bench.js';
import { DIRECTORY } from './machine.js';
import type { Subject } from './subject.js';

const NAMES = ['billing', 'search', 'audit'];

interface Known {
  /** Whether it is there: a call that did not come to its end leaves either. */
  isThere: 'yes' | 'maybe' | 'no';
  policy: ConsumerPolicy;
  /** What it was told to be on disk, and the highest that it has ever asked for. */
  acknowledged: number;
  acknowledging: number;
}

export class SimulatedConsumers {
  readonly #subject: Subject;
  readonly #known = new Map<string, Known>();
  /** Of the process that runs. */
  readonly #open = new Map<string, Consumer>();
  acknowledgements = 0;
  dropped = 0;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** One of them does one thing, and it comes to its end, or the process does. */
  async act(): Promise<void> {
    const { random } = this.#subject.machine;
    const name = NAMES[random.below(NAMES.length)] ?? '';
    const consumer = this.#open.get(name);
    if (consumer === undefined) await this.#register(name);
    else if (random.below(12) === 0) await this.#remove(name, consumer);
    else await this.#acknowledge(name, consumer);
  }

  /** The process ends well, or in the middle of that. */
  async close(): Promise<void> {
    for (const [name, consumer] of this.#open) await this.#attempt(name, () => consumer.close());
    this.#open.clear();
  }

  /** It does not. */
  forget(): void {
    this.#open.clear();
  }

  /** Nobody misses what stands before the first event that is there. */
  checkFirst(firstEventId: number): void {
    for (const [name, known] of this.#known) {
      const { isThere, acknowledging } = known;
      if (isThere !== 'yes' || firstEventId <= acknowledging + 1) continue;
      const isDropped = this.#recordOf(name)?.dropped !== undefined;
      assert.ok(
        known.policy === 'drop' && isDropped,
        `${name} needs all from ${acknowledging + 1} on, and the log begins with ${firstEventId}`,
      );
    }
  }

  /** Behind the end of a process: whoever was registered is there, with what it was told. */
  checkFiles(): void {
    for (const [name, { isThere, acknowledged, acknowledging }] of this.#known) {
      const record = this.#recordOf(name);
      if (isThere === 'yes') assert.ok(record !== undefined, `consumer ${name} is gone`);
      if (isThere === 'no') assert.equal(record, undefined, `consumer ${name} came back`);
      if (record === undefined || isThere !== 'yes') continue;
      const { acknowledgedEventId } = record.newest;
      assert.ok(acknowledgedEventId >= acknowledged, `${name} has lost an acknowledgement`);
      assert.ok(acknowledgedEventId <= acknowledging, `${name} never acknowledged that much`);
    }
  }

  /** Whether one of them holds the log from an event before that on. */
  holds(eventId: number): boolean {
    return [...this.#known].some(([name, { isThere }]) => {
      const record = isThere === 'no' ? undefined : this.#recordOf(name);
      if (record === undefined || record.dropped !== undefined) return false;
      return record.acknowledgedEventId + 1 < eventId;
    });
  }

  #recordOf(name: string) {
    const { disk } = this.#subject.machine;
    const file = readConsumer(disk, DIRECTORY, name, undefined);
    if (file === undefined) return undefined;
    assert.ok(file.record !== undefined, file.damaged);
    return file.record;
  }

  async #register(name: string): Promise<void> {
    const { random } = this.#subject.machine;
    const policy = random.below(3) === 0 ? 'drop' : 'hold';
    const known = this.#known.get(name) ?? {
      isThere: 'no',
      policy,
      acknowledged: 0,
      acknowledging: 0,
    };
    this.#known.set(name, known);
    const mustBeThere = known.isThere === 'yes';
    if (known.isThere === 'no') Object.assign(known, { isThere: 'maybe', policy });
    const maxLagBytes = known.policy === 'drop' ? (1 + random.below(4)) * 64 * KIB : 0;
    const leash = mustBeThere ? {} : { policy: known.policy, maxLagBytes };
    await this.#attempt(name, async () => {
      const store = await register(this.#place, name, leash, !mustBeThere);
      const consumer = new Consumer(store, this.#place);
      this.#open.set(name, consumer);
      const { acknowledgedEventId: id } = consumer;
      if (mustBeThere) {
        assert.ok(
          id >= known.acknowledged && id <= known.acknowledging,
          `${name} goes on at ${id}`,
        );
      } else known.acknowledging = id;
      known.isThere = 'yes';
      known.acknowledged = id;
    });
  }

  async #acknowledge(name: string, consumer: Consumer): Promise<void> {
    const { machine, log } = this.#subject;
    const known = this.#known.get(name);
    assert.ok(known !== undefined);
    const ahead = log.durableEventId - consumer.acknowledgedEventId;
    const id = consumer.acknowledgedEventId + machine.random.below(ahead + 1);
    known.acknowledging = Math.max(known.acknowledging, id);
    await this.#attempt(name, async () => {
      await consumer.acknowledge(id);
      known.acknowledged = Math.max(known.acknowledged, id);
      this.acknowledgements++;
    });
  }

  async #remove(name: string, consumer: Consumer): Promise<void> {
    const known = this.#known.get(name);
    assert.ok(known !== undefined);
    await this.#attempt(name, async () => {
      await consumer.close();
      this.#open.delete(name);
      known.isThere = 'maybe';
      await remove(this.#place, name);
      known.isThere = 'no';
    });
  }

  /** What is refused has a reason: a call that failed, or that it was dropped. */
  async #attempt(name: string, action: () => Promise<void>): Promise<void> {
    const { kernel, disk } = this.#subject.machine;
    const { spaceRefusals } = disk;
    try {
      await action();
    } catch (error) {
      if (kernel.halted) return;
      if (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_EXPIRED') {
        assert.equal(this.#known.get(name)?.policy, 'drop', `${name} was dropped: ${error}`);
        await this.#leave(name);
        return;
      }
      const hasReason = kernel.faults > 0 || disk.spaceRefusals > spaceRefusals;
      if (!hasReason || !isOperational(error)) throw error;
    }
  }

  /** It was dropped, has heard it, and is removed. */
  async #leave(name: string): Promise<void> {
    const known = this.#known.get(name);
    assert.ok(known !== undefined);
    assert.notEqual(this.#recordOf(name)?.dropped, undefined, 'the mark says so');
    this.dropped++;
    await this.#open.get(name)?.close();
    this.#open.delete(name);
    known.isThere = 'maybe';
    await this.#attempt(name, async () => {
      await remove(this.#place, name);
      known.isThere = 'no';
    });
  }

  get #place(): ConsumerPlace {
    const { machine, log } = this.#subject;
    const { storage, readingPorts, clock } = machine;
    const isDurable = (eventId: number): boolean => eventId <= log.durableEventId;
    return {
      ports: { ...readingPorts, storage },
      syncs: syncsOf(storage),
      dir: DIRECTORY,
      logId: log.opened.report.logId,
      lock: 'none',
      wallClockMs: () => clock.nowNs() / 1e6,
      isDurable,
      isThere: isDurable,
    };
  }
}
