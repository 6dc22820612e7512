// Several logs with one host for each kind of thread, on disks in memory: whose turn it is follows
// from a seed, and within a turn from the very loop that serves logs. Checked behind each turn: who
// has something to do gets one step, and nobody two before the others had one.
import assert from 'node:assert/strict';
import { Random } from '../../src/cli/demo/random.js';
import { Doorbell } from '../../src/recorder/threads/doorbell.js';
import { HostLoop, type ServedBody } from '../../src/recorder/threads/worker-loop.js';
import { FRAME_HEADER_BYTES, frameSpan } from '../../src/segment/frame.js';
import type { THREAD_NAMES } from '../../src/telemetry/heartbeats.js';
import { NS_PER_MS } from '../../src/units.js';
import { FaultyStorage } from '../support/faulty-storage.js';
import { eventIdsIn, idsTo, SteppedLog, TickingClock } from '../support/stepped-log.js';
import { DIRECTORY } from './machine.js';
import { SimulatedDisk } from './simulated-disk.js';

type ThreadName = (typeof THREAD_NAMES)[number];
const THREADS: readonly ThreadName[] = ['writer', 'preparer', 'housekeeping'];
const STEPS_MAX = 200_000;

/** What becomes of one of the logs: nothing, its disk fails, a step of it finds a bug. */
const FATES = ['none', 'disk', 'bug'] as const;

/** Rings in vain, and lets its host take so many turns at a time. */
class TurnsBell extends Doorbell {
  turnsLeft = 0;

  override get stopRequested(): boolean {
    return this.turnsLeft-- <= 0;
  }

  override sleep(): void {}
}

class SharedLog {
  readonly storage = new FaultyStorage(new SimulatedDisk());
  readonly log: SteppedLog;
  /** A step of it finds something that cannot be. */
  isBroken = false;
  readonly ends: unknown[] = [];

  constructor(clock: TickingClock) {
    this.log = new SteppedLog({ storage: this.storage, clock }, DIRECTORY);
  }

  /** What it does on a thread. */
  bodyOn(thread: ThreadName): ServedBody {
    const { log } = this;
    const { body } = log.opened;
    const step = {
      writer: () => log.stepWriter(),
      preparer: () => log.stepPreparer(),
      housekeeping: () => log.stepHousekeeping(),
    }[thread];
    if (thread !== 'writer') return { step, beat: () => {}, end: () => undefined };
    return {
      step,
      beat: () => body.beat(),
      get rest() {
        return body.rest;
      },
      end: () => undefined,
    };
  }

  /** One event, where the ring has room; a log that has failed takes none. */
  append(payloadBytes: number): void {
    if (this.hasEnded) return;
    if (!this.log.producer.reserve(frameSpan(FRAME_HEADER_BYTES + payloadBytes))) return;
    this.log.append(payloadBytes);
  }

  requestDurable(): void {
    const { signals, producer } = this.log;
    if (producer.lastEventId > signals.durableRequest) {
      signals.requestDurable(producer.lastEventId);
    }
  }

  get hasEnded(): boolean {
    return this.ends.length > 0 || this.log.signals.failure.read() !== undefined;
  }

  get isDurable(): boolean {
    return this.log.durableEventId === this.log.producer.lastEventId;
  }
}

/** A host, with what its turns are checked by. */
class SharedHost {
  readonly thread: ThreadName;
  readonly #bell = new TurnsBell();
  readonly #loop: HostLoop;
  readonly #logs: readonly SharedLog[];
  #tickets = 0;
  /** Steps of the turn that runs. */
  #steps = new Map<SharedLog, number>();
  /** Wake-ups that each had seen when its last step began; none yet: it has taken no step. */
  readonly #seenWakes = new Map<SharedLog, number>();
  readonly #goesOn = new Set<SharedLog>();

  constructor(thread: ThreadName, clock: TickingClock, logs: readonly SharedLog[]) {
    this.thread = thread;
    this.#logs = logs;
    const wallClockMs = (): number => clock.nowNs() / NS_PER_MS;
    this.#loop = new HostLoop(thread, this.#bell, clock, wallClockMs);
    for (const one of logs) {
      one.log.signals.connect(thread, this.#bell);
      const body = this.#counted(one);
      this.#loop.serve(one.log.signals, body, ++this.#tickets, (error) => one.ends.push(error));
    }
  }

  #counted(one: SharedLog): ServedBody {
    const body = one.bodyOn(this.thread);
    const step = (isShared: boolean): number => {
      this.#steps.set(one, 1 + (this.#steps.get(one) ?? 0));
      this.#seenWakes.set(one, one.log.signals.wakeCount(this.thread));
      this.#goesOn.delete(one);
      if (one.isBroken) throw new RangeError('a bug');
      const waitMs = body.step(isShared);
      if (waitMs === 0) this.#goesOn.add(one);
      return waitMs;
    };
    return Object.defineProperty(Object.create(body), 'step', { value: step });
  }

  turn(): void {
    const due = this.#logs.filter(
      (one) =>
        one.ends.length === 0 &&
        (this.#goesOn.has(one) ||
          this.#seenWakes.get(one) !== one.log.signals.wakeCount(this.thread)),
    );
    this.#steps = new Map();
    this.#bell.turnsLeft = 1;
    this.#loop.run(() => {});
    for (const one of due) assert.equal(this.#steps.get(one), 1, 'who has work has one step');
    for (const count of this.#steps.values()) assert.equal(count, 1, 'and nobody has two');
  }
}

export interface SharedHostsResult {
  readonly turns: number;
  readonly events: number;
  readonly failed: number;
}

/** One history; throws where a rule is broken. */
export function shareHosts(seed: number): SharedHostsResult {
  const random = new Random(seed);
  const clock = new TickingClock();
  const logs = Array.from({ length: 2 + random.below(2) }, () => new SharedLog(clock));
  const hosts = THREADS.map((thread) => new SharedHost(thread, clock, logs));
  const fate = FATES[random.below(FATES.length)] ?? 'none';
  const victim = fate === 'none' ? undefined : logs[random.below(logs.length)];
  const fatalStep = random.below(200);
  let turns = 0;
  const turnOf = (host: SharedHost | undefined): void => {
    host?.turn();
    turns++;
  };
  for (let step = 0; step < 300; step++) {
    if (step === fatalStep && victim !== undefined) {
      if (fate === 'bug') victim.isBroken = true;
      else victim.storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'sync' });
    }
    const one = logs[random.below(logs.length)];
    const act = random.below(10);
    if (act < 5) one?.append(random.below(4) === 0 ? random.below(9000) : random.below(100));
    else if (act < 6) one?.requestDurable();
    else if (act < 7) clock.advanceMs(random.below(30));
    else turnOf(hosts[random.below(hosts.length)]);
  }
  const healthy = logs.filter((one) => one !== victim);
  for (let count = 0; !healthy.every((one) => one.isDurable); count++) {
    assert.ok(count < STEPS_MAX, 'those that are sound come to rest');
    for (const one of healthy) one.requestDurable();
    for (const host of hosts) turnOf(host);
    clock.advanceMs(1);
  }
  let events = 0;
  for (const one of logs) {
    const last = one.log.producer.lastEventId;
    const ids = eventIdsIn(one.storage, DIRECTORY);
    events += ids.length;
    assert.deepEqual(ids, idsTo(ids.length));
    assert.ok(ids.length >= one.log.durableEventId && ids.length <= last);
    if (one === victim) continue;
    assert.equal(ids.length, last, 'each has all of its events');
    assert.deepEqual(one.ends, [], 'and is still served');
    assert.equal(one.log.signals.failure.read(), undefined);
  }
  return { turns, events, failed: logs.filter((one) => one.hasEnded).length };
}
