// One history of one log, from one seed: it is opened, lives (its threads take steps in any order,
// and change in the middle of each other's system calls), ends in some way, and is opened again.
// After each opening it must hold what the oracle says; whatever it refuses must have a reason.
import assert from 'node:assert/strict';
import { Random } from '../../src/cli/demo/random.js';
import { WalError } from '../../src/errors.js';
import type { RecoveryMode } from '../../src/recovery/recover-log.js';
import { verifyThrough } from '../../src/verification/verify.js';
import type { VerifyReport } from '../../src/verification/verify-report.js';
import type { SteppedLog } from '../support/stepped-log.js';
import { damageTrial, finishedTrial, sealTrial } from './damage.js';
import { Life } from './life.js';
import { DIRECTORY, Machine } from './machine.js';
import { drawProfile, familyOf, type Profile, weighted } from './profile.js';
import { type Crash, Subject } from './subject.js';
import { Upkeep } from './upkeep.js';

/** Codes that a failure of the system may come out as. */
const REASONED: ReadonlySet<string> = new Set([
  'ERR_FLASHSTRIKE_ACCESS',
  'ERR_FLASHSTRIKE_FAILED',
  'ERR_FLASHSTRIKE_IO',
  'ERR_FLASHSTRIKE_NO_SPACE',
  'ERR_FLASHSTRIKE_RESOURCES',
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
  /** Of finished segments, each refused by every open. */
  finishedDamages: number;
  sealDamages: number;
  reads: number;
  /** Steps of the writer behind which a block or a header waited for space. */
  stepsWithoutSpace: number;
  segmentsCompressed: number;
  segmentsRemoved: number;
  acknowledgements: number;
  consumersDropped: number;
  calls: number;
  /** Of every call and choice: equal for equal seeds. */
  digest: number;
}

export class History {
  readonly #random: Random;
  readonly #profile: Profile;
  readonly #machine: Machine;
  readonly #subject: Subject;
  readonly #upkeep: Upkeep;
  readonly #isMaintained: boolean;
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
    finishedDamages: 0,
    sealDamages: 0,
    reads: 0,
    stepsWithoutSpace: 0,
    segmentsCompressed: 0,
    segmentsRemoved: 0,
    acknowledgements: 0,
    consumersDropped: 0,
    calls: 0,
    digest: 0,
  };
  /** What a reader found wrong while the log was in a call, which must not hide it. */
  #error: unknown;

  constructor(seed: number, trace: (line: string) => void = () => {}) {
    this.#random = new Random(seed);
    const family = familyOf(seed);
    this.#isMaintained = family === 'maintained';
    this.#profile = drawProfile(this.#random, family);
    this.#machine = new Machine(this.#random);
    this.#machine.disk.copiesOnWrite = this.#profile.copiesOnWrite;
    this.#subject = new Subject(this.#machine, this.#profile.options);
    this.#upkeep = new Upkeep(this.#subject, this.#profile.options);
    this.#trace = trace;
    trace(JSON.stringify(this.#profile));
  }

  async run(): Promise<HistoryResult> {
    for (let life = 1; life <= this.#profile.lives; life++) {
      await this.#reopen();
      await this.#live();
      if (this.#random.below(100) < this.#profile.damages) await this.#damage();
    }
    await this.#reopen(0);
    if (this.#isMaintained) this.#upkeep.finish();
    this.#crash('kill');
    await this.#subject.endWell();
    if (this.#isMaintained) this.#upkeep.check();
    const { kernel } = this.#machine;
    const { result } = this;
    const { removed, compressed, consumers } = this.#upkeep;
    result.segmentsRemoved = removed;
    result.segmentsCompressed = compressed;
    result.acknowledgements = consumers.acknowledgements;
    result.consumersDropped = consumers.dropped;
    result.eventsChecked = this.#subject.oracle.checked;
    result.faults = kernel.totalFaults;
    result.calls = kernel.calls;
    result.digest = kernel.digest ^ this.#random.next();
    return result;
  }

  /** Opens until it succeeds; crashes and faults come only in the first attempts. */
  async #reopen(attemptsWithTrouble = ATTEMPTS_WITH_TROUBLE): Promise<void> {
    const random = this.#random;
    const { kernel, disk, regions } = this.#machine;
    let mode: RecoveryMode = 'default';
    for (let attempt = 1; ; attempt++) {
      const hasTrouble = attempt <= attemptsWithTrouble;
      kernel.callsToLive = undefined;
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
        const log = this.#subject.open({ recovery: mode });
        if (this.#error !== undefined) throw this.#error;
        kernel.callsToLive = undefined;
        this.#recovered(log, before);
        return;
      } catch (error) {
        if (this.#error !== undefined) throw this.#error;
        if (kernel.halted) this.#crash(random.below(2) === 0 ? 'kill' : 'power');
        else mode = this.#refused(error);
      }
    }
  }

  /** A reader beside a log that is being opened: all that was durable, and nothing wrong. */
  #readMeanwhile(): void {
    if (!this.#subject.hasBegun || this.#error !== undefined) return;
    const { kernel } = this.#machine;
    const { onSwitch } = kernel;
    kernel.onSwitch = () => {};
    try {
      const last = this.#subject.check();
      assert.ok(last >= this.#subject.oracle.durable, `a reader ends with ${last} meanwhile`);
    } catch (error) {
      if (!kernel.halted) this.#error = error;
    } finally {
      kernel.onSwitch = onSwitch;
    }
  }

  /** What `verify` says before anything is touched; undefined where there is no log yet. */
  async #lookBefore(): Promise<VerifyReport | undefined> {
    if (!this.#subject.hasBegun) return undefined;
    const report = await verifyThrough(this.#machine.readingPorts, DIRECTORY);
    // Pages that the kernel lost behind a failed sync can leave a ring without what it goes on
    // from.
    const isKnown = ({ code }: { code: string }): boolean =>
      this.#subject.hasLostPages && code === 'ERR_FLASHSTRIKE_RING_MISMATCH';
    const unknown = report.problems.filter((problem) => !isKnown(problem));
    assert.deepEqual(unknown, [], 'nothing is damaged');
    return report;
  }

  /** The mode for the next attempt. */
  #refused(error: unknown): RecoveryMode {
    const { kernel, disk } = this.#machine;
    if (!(error instanceof WalError)) throw error;
    this.#trace(`refused: ${error.code}`);
    this.result.refusals++;
    const isMismatch = error.code === 'ERR_FLASHSTRIKE_RING_MISMATCH' && this.#subject.hasLostPages;
    const hasReason = kernel.faults > 0 || disk.capacityBytes !== Number.POSITIVE_INFINITY;
    if (!isMismatch && !(hasReason && REASONED.has(error.code))) throw error;
    kernel.begin();
    return isMismatch ? 'tolerate-tail' : 'default';
  }

  #recovered(log: SteppedLog, before: VerifyReport | undefined): void {
    this.result.recoveries++;
    const { verdict, eventsFromRing, droppedBytes } = log.recovery;
    this.result.eventsFromRing += eventsFromRing;
    if (verdict === 'torn-tail') this.result.tornTails++;
    this.#upkeep.consumers.checkFiles();
    this.#trace(`opened: ${verdict}, ${log.producer.lastEventId} events`);
    if (before === undefined) return;
    const found = before.tornTail === undefined ? 'clean' : 'torn-tail';
    assert.equal(verdict, found, 'as verify said');
    assert.equal(droppedBytes, before.tornTail?.droppedBytes ?? 0);
    assert.equal(log.producer.lastEventId, before.lastEventId + eventsFromRing);
  }

  async #live(): Promise<void> {
    const random = this.#random;
    const { kernel } = this.#machine;
    const life = new Life(this.#subject, this.#upkeep, this.#profile, this.#trace);
    if (random.below(100) < this.#profile.endsInCall) kernel.callsToLive = 1 + random.below(200);
    await life.run();
    this.result.eventsIssued += life.issued;
    this.result.reads += life.reads;
    this.result.stepsWithoutSpace += life.stepsWithoutSpace;
    const isCut = kernel.halted || life.mustCrash;
    const endings = this.#profile.endings.filter(([name]) => !(isCut && name === 'close'));
    const ending = weighted(random, endings);
    if (ending === 'close') await this.#close();
    else this.#crash(ending);
  }

  async #close(): Promise<void> {
    const { kernel, disk } = this.#machine;
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    const faults = kernel.totalFaults - kernel.faults;
    await this.#upkeep.consumers.close();
    this.#upkeep.count();
    const refusal = kernel.halted ? undefined : this.#subject.close();
    this.#trace(`close: ${refusal}`);
    if (!kernel.halted) kernel.callsToLive = undefined;
    if (!kernel.halted && this.#isMaintained) this.#upkeep.check();
    if (kernel.halted) this.#crash('kill');
    else if (refusal === undefined) this.result.cleanCloses++;
    // Of this process, its close included.
    else if (kernel.totalFaults === faults) throw refusal;
  }

  #crash(how: Crash): void {
    this.#trace(`${how}${this.#machine.kernel.halted ? ' in a call' : ''}`);
    if (this.#subject.isOpen) this.#upkeep.count();
    this.#upkeep.consumers.forget();
    this.#subject.crash(how);
    if (this.#isMaintained && this.#subject.hasBegun) this.#upkeep.check();
    if (how === 'power') this.result.powerCuts++;
    else this.result.crashes++;
  }

  async #damage(): Promise<void> {
    const told = await damageTrial(this.#subject, this.#profile, this.#trace);
    this.result.damages++;
    if (told) this.result.damagesTold++;
    if (finishedTrial(this.#subject, this.#profile, this.#trace)) this.result.finishedDamages++;
    // It opens and verifies two copies, which takes as long as the rest: not each time.
    if (this.#random.below(4) > 0) return;
    if (await sealTrial(this.#subject, this.#profile, this.#trace)) this.result.sealDamages++;
  }
}
