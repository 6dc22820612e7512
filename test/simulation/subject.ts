// One log on one machine with its oracle, through openings, appends, crashes and closes: each step
// tells the oracle what it must, and checks what it can.
import assert from 'node:assert/strict';
import type { WalOptions } from '../../src/index.js';
import { firstEventIn } from '../../src/reading/first-event.js';
import { replayThrough } from '../../src/replay/replay.js';
import { BLOCK_HEADER_BYTES } from '../../src/segment/block-header.js';
import { FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../../src/segment/frame.js';
import { verifyThrough } from '../../src/verification/verify.js';
import { SteppedLog } from '../support/stepped-log.js';
import { evidenceIn } from './evidence.js';
import { DIRECTORY, type Machine } from './machine.js';
import { Oracle } from './oracle.js';

/**
 * How a process ends. `power`: the machine stops. `kill-without-region`: the folder of the regions
 * goes as well. `kill-and-drop-caches`: the kernel reads all files from the disk again.
 */
export type Crash = 'kill' | 'power' | 'kill-without-region' | 'kill-and-drop-caches';

export class Subject {
  readonly machine: Machine;
  readonly oracle = new Oracle();
  readonly #options: WalOptions;
  /** The opening that runs. */
  #log: SteppedLog | undefined;
  /** An open has succeeded: from then on there is a log. */
  hasBegun = false;
  /** Since the last recovery, a failed sync has left pages clean that the disk may not have. */
  #hasCleanPages = false;
  /** And the kernel has forgotten them: the files may end before what was written. */
  hasLostPages = false;

  constructor(machine: Machine, options: WalOptions) {
    this.machine = machine;
    this.#options = options;
  }

  get log(): SteppedLog {
    assert.ok(this.#log !== undefined, 'the log is open');
    return this.#log;
  }

  get isOpen(): boolean {
    return this.#log !== undefined;
  }

  /** Opens and recovers; checks every event. Throws where the open is refused. */
  open(options: WalOptions = {}): SteppedLog {
    const { kernel, regions } = this.machine;
    const ports = { ...this.machine.ports(), adoptRegion: regions.adopt.bind(regions) };
    try {
      this.#log = new SteppedLog(ports, DIRECTORY, { ...this.#options, ...options });
    } catch (error) {
      if (!kernel.halted) this.#refused();
      throw error;
    }
    kernel.forgetFaults();
    this.hasBegun = true;
    this.#hasCleanPages = false;
    this.hasLostPages = false;
    const last = this.log.opened.report.nextEventId - 1;
    this.oracle.recovered(last);
    assert.equal(this.log.durableEventId, last, 'all that was recovered is durable');
    assert.equal(this.check(), last, 'replay ends with the last event');
    return this.log;
  }

  #refused(): void {
    const { kernel } = this.machine;
    assert.deepEqual([...kernel.openFiles.values()], [], 'a refused open leaves nothing open');
    this.#hasCleanPages ||= kernel.failedSyncs > 0;
  }

  /**
   * One event, or a batch, into the ring; false where the ring has no room.
   * @param publish false: only the frames are there, nobody was ever told of them
   */
  append(payloadBytes: readonly number[], publish = true): boolean {
    const { producer, growth, timestamps } = this.log;
    const spans = payloadBytes.map((bytes) => frameSpan(FRAME_HEADER_BYTES + bytes));
    if (!growth.reserve(spans.reduce((sum, span) => sum + span, 0))) return false;
    timestamps.stamp();
    const [low = 0, high = 0] = timestamps.halves;
    payloadBytes.forEach((bytes, index) => {
      const isLast = index === payloadBytes.length - 1;
      const kind = isLast ? FrameKind.event : FrameKind.continued;
      const { payload, type } = this.oracle.issue(bytes, kind);
      const id = producer.put(payload, payload.length, kind, type, low, high);
      assert.equal(id, this.oracle.appended, 'ids count up');
    });
    if (publish) producer.publish();
    else this.oracle.withdraw(payloadBytes.length);
    return true;
  }

  /** Tells the oracle what the log has acknowledged by now. */
  observe(): void {
    this.oracle.keepsFrom(this.log.signals.keepFrom);
    this.oracle.observe(this.log.durableEventId, this.log.writtenEventId);
  }

  /** Every event that the readers find; the last one's id, as far as the log tells. */
  check(): number {
    const { readingPorts } = this.machine;
    const last = this.oracle.check(replayThrough(readingPorts, DIRECTORY));
    if (last > 0) return last;
    // All before an empty last segment is removed.
    const first = firstEventIn(readingPorts.storage, DIRECTORY, undefined) ?? 1;
    assert.ok(first <= this.oracle.kept, `it begins with ${first}`);
    return first - 1;
  }

  /** The log is sound from end to end, and nothing is torn; its last id. */
  async verified(): Promise<number> {
    const { problems, verdict, lastEventId } = await verifyThrough(
      this.machine.readingPorts,
      DIRECTORY,
    );
    assert.deepEqual(problems, []);
    assert.equal(verdict, 'clean');
    return lastEventId;
  }

  /** @returns what kept it from being closed cleanly; undefined: nothing. Not after a halt */
  close(): unknown {
    const { kernel, disk, regions } = this.machine;
    let refusal: unknown;
    try {
      this.log.close();
    } catch (error) {
      refusal = error;
    }
    if (kernel.halted) return refusal;
    assert.deepEqual([...kernel.openFiles.values()], [], 'a close leaves nothing open');
    this.observe();
    this.oracle.closed(this.log.region.path !== undefined);
    if (refusal === undefined) assert.deepEqual(regions.paths, [], 'the region goes');
    this.#hasCleanPages ||= kernel.failedSyncs > 0;
    this.#log = undefined;
    disk.kill();
    kernel.begin();
    return refusal;
  }

  crash(how: Crash): void {
    const { machine, oracle } = this;
    if (this.#log !== undefined) {
      this.observe();
      oracle.closed(this.log.region.path !== undefined);
      this.#log = undefined;
    }
    this.#hasCleanPages ||= machine.kernel.failedSyncs > 0;
    machine.kernel.callsToLive = undefined;
    if (how === 'power') {
      oracle.floor = Math.min(oracle.floor, oracle.durable);
      this.#hasCleanPages = false;
      this.hasLostPages = false;
      machine.cutPower();
      return;
    }
    machine.kill();
    if (how === 'kill-without-region') {
      machine.regions.loseAll();
      oracle.floor = Math.min(oracle.floor, oracle.written);
    }
    if (how === 'kill-and-drop-caches') {
      machine.disk.dropCaches();
      this.hasLostPages = this.#hasCleanPages;
      if (this.hasLostPages) oracle.floor = Math.min(oracle.floor, oracle.durable);
    }
  }

  /**
   * Append more, crash, open, close: the last recovery keeps what came behind it, and all is
   * proven.
   */
  async endWell(): Promise<void> {
    const { oracle, machine } = this;
    const log = this.open();
    for (const bytes of [40, 0, 1000]) {
      while (!this.append([bytes])) log.step();
    }
    assert.equal(log.commit(), oracle.appended);
    log.settle();
    const { durableEventIdInSegments, roomBytes, salts } = evidenceIn(machine.disk, DIRECTORY);
    if (roomBytes >= BLOCK_HEADER_BYTES) {
      assert.equal(durableEventIdInSegments, oracle.appended, 'the last watermark proves all');
    }
    assert.equal(new Set(salts).size, salts.length, 'no two segments share a salt');
    this.crash('power');
    this.open();
    assert.equal(this.close(), undefined);
    assert.equal(oracle.appended, oracle.durable);
    assert.equal(await this.verified(), oracle.appended);
    assert.equal(this.check(), oracle.appended);
    assert.deepEqual(machine.regions.paths, [], 'a region is left over');
  }
}
