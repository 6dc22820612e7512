// One history of one log, from one seed: it is opened, lives (its threads take steps in any order, and
// change in the middle of each other's system calls), ends in some way, and is opened again. After
// each opening it must hold what the oracle says; whatever it refuses must have a reason.
import assert from 'node:assert/strict';
import { Random } from '../../src/cli/demo/random.js';
import { WalError } from '../../src/errors.js';
import type { RecoveryMode } from '../../src/recovery/manager.js';
import { replay } from '../../src/recovery/replay.js';
import { type VerifyReport, verify } from '../../src/recovery/verify.js';
import { SteppedLog } from '../support/stepped-log.js';
import { damageTrial } from './damage.js';
import { Life } from './life.js';
import { DIRECTORY, Machine } from './machine.js';
import { Oracle } from './oracle.js';
import { drawProfile, type Ending, familyOf, type Profile, weighted } from './profile.js';

/** Codes that a failure of the system may come out as. */
const REASONED: ReadonlySet<string> = new Set([
  'ERR_FLASHSTRIKE_ACCESS',
  'ERR_FLASHSTRIKE_FAILED',
  'ERR_FLASHSTRIKE_IO',
  'ERR_FLASHSTRIKE_NO_SPACE',
]);
const ATTEMPTS_WITH_TROUBLE = 3;

export interface HistoryResult {
  crashes: number;
  powerCuts: number;
  cleanCloses: number;
  recoveries: number;
  refusals: number;
  eventsIssued: number;
  eventsChecked: number;
  eventsFromRing: number;
  tornTails: number;
  faults: number;
  damages: number;
  damagesTold: number;
  reads: number;
  calls: number;
  /** Of every call and choice: equal for equal seeds. */
  digest: number;
}

export class History {
  readonly #random: Random;
  readonly #profile: Profile;
  readonly #machine: Machine;
  readonly #oracle = new Oracle();
  readonly #trace: (line: string) => void;
  readonly result: HistoryResult = {
    crashes: 0,
    powerCuts: 0,
    cleanCloses: 0,
    recoveries: 0,
    refusals: 0,
    eventsIssued: 0,
    eventsChecked: 0,
    eventsFromRing: 0,
    tornTails: 0,
    faults: 0,
    damages: 0,
    damagesTold: 0,
    reads: 0,
    calls: 0,
    digest: 0,
  };
  #hasBegun = false;
  /** Since the last recovery, a failed sync has left pages clean that the disk may not have. */
  #hasCleanPages = false;
  /** And the kernel has forgotten them. */
  #hasLostPages = false;
  /** What a reader found wrong while the log was in a call, which must not hide it. */
  #error: unknown;

  constructor(seed: number, trace: (line: string) => void = () => {}) {
    this.#random = new Random(seed);
    this.#profile = drawProfile(this.#random, familyOf(seed));
    this.#machine = new Machine(this.#random);
    this.#trace = trace;
    trace(JSON.stringify(this.#profile));
  }

  async run(): Promise<HistoryResult> {
    for (let life = 1; life <= this.#profile.lives; life++) {
      const log = await this.#reopen();
      await this.#live(log);
      if (this.#random.below(100) < this.#profile.damages) await this.#damage();
    }
    await this.#end();
    const { kernel } = this.#machine;
    const { result } = this;
    result.eventsChecked = this.#oracle.checked;
    result.faults = kernel.totalFaults;
    result.calls = kernel.calls;
    result.digest = kernel.digest ^ this.#random.next();
    return result;
  }

  /** Append more, crash, open: the last recovery keeps what came behind it. */
  async #end(): Promise<void> {
    const log = await this.#reopen(0);
    const life = new Life(this.#machine, this.#oracle, this.#profile, log, this.#trace);
    life.appendSome(3);
    assert.equal(log.commit(), this.#oracle.appended);
    this.#observe(log);
    this.result.eventsIssued += life.issued;
    this.#crash('power');
    (await this.#reopen(0)).close();
    this.#machine.kill();
    assert.equal(this.#oracle.appended, this.#oracle.durable);
    assert.equal(await this.#verified(), this.#oracle.appended);
    this.#check();
    assert.deepEqual(this.#machine.regions.paths, [], 'a region is left over');
  }

  #observe(log: SteppedLog): void {
    this.#oracle.observe(log.durableEventId, log.writtenEventId);
  }

  /** Opens until it succeeds; crashes and faults come only in the first attempts. */
  async #reopen(attemptsWithTrouble = ATTEMPTS_WITH_TROUBLE): Promise<SteppedLog> {
    const random = this.#random;
    const { kernel, disk, regions } = this.#machine;
    let mode: RecoveryMode = 'default';
    for (let attempt = 1; ; attempt++) {
      const hasTrouble = attempt <= attemptsWithTrouble;
      const before = await this.#lookBefore();
      if (!hasTrouble) disk.capacityBytes = Number.POSITIVE_INFINITY;
      else if (random.below(20) === 0) disk.capacityBytes = disk.usedBytes + random.below(100_000);
      regions.isFull = random.below(3) === 0;
      if (hasTrouble && random.below(100) < this.#profile.endsInRecovery) {
        kernel.callsToLive = 1 + random.below(100);
      }
      if (hasTrouble && random.below(100) < this.#profile.faultsInRecovery) {
        kernel.disturbance = { faults: 15, switches: 0 };
      } else if (random.below(3) === 0) {
        kernel.disturbance = { faults: 0, switches: 50 };
        kernel.onSwitch = () => this.#readMeanwhile();
      }
      try {
        const log = this.#open(mode);
        if (this.#error !== undefined) throw this.#error;
        this.#trace(`opened: ${log.opened.report.nextEventId - 1} events`);
        this.#recovered(log, before);
        return log;
      } catch (error) {
        if (this.#error !== undefined) throw this.#error;
        if (kernel.halted) this.#crash(random.below(2) === 0 ? 'kill' : 'power');
        else mode = this.#refused(error);
      }
    }
  }

  #open(recovery: RecoveryMode): SteppedLog {
    const { regions } = this.#machine;
    const ports = {
      ...this.#machine.ports(),
      adoptRegion: regions.adopt.bind(regions),
    };
    return new SteppedLog(ports, DIRECTORY, { ...this.#profile.options, recovery });
  }

  /** A reader beside a log that is being opened: all that was durable, and nothing wrong. */
  #readMeanwhile(): void {
    if (!this.#hasBegun || this.#error !== undefined) return;
    const { kernel } = this.#machine;
    const { onSwitch } = kernel;
    kernel.onSwitch = () => {};
    try {
      const last = this.#check();
      assert.ok(last >= this.#oracle.durable, `a reader ends with ${last} meanwhile`);
    } catch (error) {
      if (!kernel.halted) this.#error = error;
    } finally {
      kernel.onSwitch = onSwitch;
    }
  }

  /** What `verify` says before anything is touched; undefined where there is no log yet. */
  async #lookBefore(): Promise<VerifyReport | undefined> {
    if (!this.#hasBegun) return undefined;
    const report = await verify(DIRECTORY, {}, this.#machine.readingPorts);
    assert.ok(report.ok, `nothing is damaged, yet: ${JSON.stringify(report.problems)}`);
    return report;
  }

  /** The mode for the next attempt. */
  #refused(error: unknown): RecoveryMode {
    const { kernel, disk } = this.#machine;
    if (!(error instanceof WalError)) throw error;
    this.#trace(`refused: ${error.code}`);
    this.result.refusals++;
    assert.deepEqual([...kernel.openFiles.values()], [], 'a refused open leaves nothing open');
    const isMismatch = error.code === 'ERR_FLASHSTRIKE_RING_MISMATCH' && this.#hasLostPages;
    const hasReason = kernel.faults > 0 || disk.capacityBytes !== Number.POSITIVE_INFINITY;
    if (!isMismatch && !(hasReason && REASONED.has(error.code))) throw error;
    this.#hasCleanPages ||= kernel.failedSyncs > 0;
    kernel.begin();
    return isMismatch ? 'tolerate-tail' : 'default';
  }

  #recovered(log: SteppedLog, before: VerifyReport | undefined): void {
    const { kernel } = this.#machine;
    kernel.forgetFaults();
    const last = log.opened.report.nextEventId - 1;
    this.#hasBegun = true;
    this.#hasCleanPages = false;
    this.#hasLostPages = false;
    this.result.recoveries++;
    this.#oracle.recovered(last);
    assert.equal(log.durableEventId, last, 'all that was recovered is durable');
    assert.equal(this.#check(), last, 'replay ends with the last event');
    const { verdict, eventsFromRing, droppedBytes } = log.recovery;
    this.result.eventsFromRing += eventsFromRing;
    if (verdict === 'torn-tail') this.result.tornTails++;
    if (before === undefined) return;
    assert.equal(verdict, before.verdict, 'as verify said');
    assert.equal(droppedBytes, before.tornTail?.droppedBytes ?? 0);
    assert.equal(last, before.lastEventId + eventsFromRing);
  }

  /** Every event that the readers find; the last one's id. */
  #check(): number {
    return this.#oracle.check(replay(DIRECTORY, {}, this.#machine.readingPorts));
  }

  async #verified(): Promise<number> {
    const report = await verify(DIRECTORY, {}, this.#machine.readingPorts);
    assert.deepEqual(report.problems, []);
    assert.equal(report.verdict, 'clean');
    return report.lastEventId;
  }

  async #live(log: SteppedLog): Promise<void> {
    const random = this.#random;
    const { kernel, disk } = this.#machine;
    const life = new Life(this.#machine, this.#oracle, this.#profile, log, this.#trace);
    if (random.below(100) < this.#profile.endsInCall) kernel.callsToLive = 1 + random.below(200);
    await life.run();
    this.#observe(log);
    this.result.eventsIssued += life.issued;
    this.result.reads += life.reads;
    const ending = kernel.halted
      ? weighted(
          random,
          this.#profile.endings.filter(([name]) => name !== 'close'),
        )
      : life.mustCrash
        ? 'kill'
        : weighted(random, this.#profile.endings);
    if (ending !== 'close') {
      this.#crash(ending, log);
      return;
    }
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.#close(log);
  }

  #close(log: SteppedLog): void {
    const { kernel, disk, regions } = this.#machine;
    this.#trace('close');
    let refusal: unknown;
    try {
      log.close();
    } catch (error) {
      refusal = error;
    }
    if (kernel.halted) {
      this.#crash('kill', log);
      return;
    }
    if (refusal !== undefined && kernel.faults === 0) throw refusal;
    assert.deepEqual([...kernel.openFiles.values()], [], 'a close leaves nothing open');
    this.#observe(log);
    this.#oracle.closed(log.region.path !== undefined);
    if (refusal === undefined) {
      this.result.cleanCloses++;
      assert.deepEqual(regions.paths, [], 'the region goes');
    }
    this.#hasCleanPages ||= kernel.failedSyncs > 0;
    disk.kill();
    kernel.begin();
  }

  #crash(ending: Exclude<Ending, 'close'>, log?: SteppedLog): void {
    const { kernel, disk, regions } = this.#machine;
    this.#trace(`${ending}${kernel.halted ? ' in a call' : ''}`);
    if (log !== undefined) this.#observe(log);
    const oracle = this.#oracle;
    if (log !== undefined)
      oracle.floor = log.region.path === undefined ? oracle.written : oracle.appended;
    this.#hasCleanPages ||= kernel.failedSyncs > 0;
    if (ending === 'power') {
      this.result.powerCuts++;
      oracle.floor = Math.min(oracle.floor, oracle.durable);
      this.#hasCleanPages = false;
      this.#hasLostPages = false;
      this.#machine.cutPower();
      return;
    }
    this.result.crashes++;
    this.#machine.kill();
    if (ending === 'kill-without-region') {
      regions.loseAll();
      oracle.floor = Math.min(oracle.floor, oracle.written);
    }
    if (ending === 'kill-and-drop-caches') {
      disk.dropCaches();
      if (this.#hasCleanPages) {
        this.#hasLostPages = true;
        oracle.floor = Math.min(oracle.floor, oracle.durable);
      }
    }
  }

  async #damage(): Promise<void> {
    const told = await damageTrial(this.#machine, this.#oracle, this.#profile, this.#trace);
    this.result.damages++;
    if (told) this.result.damagesTold++;
  }
}
