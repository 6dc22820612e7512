// Rounds of crashes: a child appends, the machine crashes at a random moment, the log is opened
// again, and every event that must survive is there, in order, byte for byte.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Wal, type WalOptions } from '../../src/index.js';
import { type ChildPlan, LONGEST_BATCH } from './child-plan.js';
import { payloadOf } from './payloads.js';
import { randomOf } from './random.js';
import { RecorderProcess } from './recorder-process.js';

/** What crashes, and how. */
export interface Machine {
  /** Logs stand in here. */
  readonly folder: string;
  /** Lets `ms` pass, until the crash. */
  pass(directory: string, ms: number, random: () => number): Promise<void>;
  /**
   * Crashes; resolves once the child is gone and the log can be opened again, with the last event
   * that must survive, of what the child had told.
   */
  crash(child: RecorderProcess, directory: string, random: () => number): Promise<number>;
}

export interface RoundsPlan {
  readonly rounds: number;
  /** On a machine where `rounds` take longer than that, so many are enough. */
  readonly fewest?: { readonly rounds: number; readonly afterMs: number };
  readonly seed: number;
  readonly options: WalOptions;
  /** A new log after so many rounds. */
  readonly roundsPerLog: number;
}

export interface RoundsResult {
  rounds: number;
  /** Crashes after which the ring held events that the files did not have. */
  withRingEvents: number;
  eventsFromRing: number;
  eventsChecked: number;
  /** Appended, not promised to survive, and gone. */
  eventsGone: number;
  tornTails: number;
  /** Crashes before the child had appended anything: while it opened, or recovered. */
  beforeFirstAppend: number;
}

/**
 * When the crash comes: so long after the child has said that it is there, and has written so much.
 */
interface Moment {
  readonly after: 'opening' | 'open';
  readonly written: number;
  readonly delayMs: number;
}

function randomMoment(random: () => number): Moment {
  if (random() < 0.2) return { after: 'opening', written: 0, delayMs: random() ** 2 * 60 };
  // Not by time alone: a slow child would meet its crash with nothing done.
  const written = Math.floor(random() ** 2 * 300);
  return { after: 'open', written, delayMs: random() ** 2 * 200 };
}

/** What the children of one round told. */
interface Told {
  /** The last event that must be back. */
  readonly promised: number;
  /** The last event that `append` returned. */
  readonly appended: number;
  /** So many processes crashed, each perhaps behind an append that it had not told yet. */
  readonly crashes: number;
}

const noRounds = (): RoundsResult => ({
  rounds: 0,
  withRingEvents: 0,
  eventsFromRing: 0,
  eventsChecked: 0,
  eventsGone: 0,
  tornTails: 0,
  beforeFirstAppend: 0,
});

class CrashRounds {
  readonly #machine: Machine;
  readonly #plan: RoundsPlan;
  readonly #random: () => number;
  readonly #toldPath: string;
  readonly #startMs = performance.now();
  readonly result = noRounds();

  constructor(machine: Machine, plan: RoundsPlan, toldPath: string) {
    this.#machine = machine;
    this.#plan = plan;
    this.#random = randomOf(plan.seed);
    this.#toldPath = toldPath;
  }

  get #isOver(): boolean {
    const { rounds, fewest = { rounds, afterMs: 0 } } = this.#plan;
    const done = this.result.rounds;
    if (performance.now() - this.#startMs > fewest.afterMs) return done >= fewest.rounds;
    return done >= rounds;
  }

  async run(): Promise<void> {
    for (let log = 0; !this.#isOver; log++) {
      const directory = join(this.#machine.folder, `log-${log}`);
      let checkedUntil = 0;
      for (let round = 0; round < this.#plan.roundsPerLog && !this.#isOver; round++) {
        const told = await this.#crashes(directory);
        checkedUntil = await this.#check(directory, told, checkedUntil);
      }
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async #crashes(directory: string): Promise<Told> {
    const random = this.#random;
    const plan: ChildPlan = {
      options: this.#plan.options,
      batchEvery: 5 + Math.floor(random() * 50),
      durableEvery: random() < 0.5 ? 0 : 1 + Math.floor(random() * 300),
    };
    const told = await this.#crash(directory, plan);
    if (told.appended === 0) this.result.beforeFirstAppend++;
    // Now and then a second child meets the log as the first one left it, and crashes while it
    // recovers, or soon after.
    if (random() >= 0.25) return told;
    const again = await this.#crash(directory, plan);
    return {
      promised: Math.max(told.promised, again.promised),
      appended: Math.max(told.appended, again.appended),
      crashes: told.crashes + again.crashes,
    };
  }

  async #crash(directory: string, plan: ChildPlan): Promise<Told> {
    const child = new RecorderProcess(directory, this.#toldPath, plan);
    const { after, written, delayMs } = randomMoment(this.#random);
    let promised = 0;
    try {
      await child.hears(after);
      if (written > 0) await child.writes(written);
      await this.#machine.pass(directory, delayMs, this.#random);
      promised = await this.#machine.crash(child, directory, this.#random);
    } finally {
      // A round that fails must leave no child behind that goes on appending.
      await child.end();
    }
    this.result.rounds++;
    const [appended = 0] = child.told;
    return { promised, appended, crashes: 1 };
  }

  /** Opens, checks every event behind `until`, closes; returns the last id. */
  async #check(directory: string, told: Told, until: number): Promise<number> {
    const { result } = this;
    const { promised, appended, crashes } = told;
    const wal = await Wal.open(directory, this.#plan.options);
    try {
      const { eventsFromRing, verdict, region } = wal.recovery;
      result.eventsFromRing += eventsFromRing;
      if (eventsFromRing > 0) result.withRingEvents++;
      if (verdict === 'torn-tail') result.tornTails++;
      const last = wal.lastEventId;
      const bound = Math.max(promised, until);
      assert.ok(
        last >= bound,
        `event ${bound} was acknowledged, the log ends at ${last} (${region})`,
      );
      const issued = Math.max(appended, until) + crashes * LONGEST_BATCH;
      assert.ok(last <= issued, `event ${issued} was the last, the log ends at ${last}`);
      result.eventsGone += Math.max(0, appended - last);
      assert.equal(wal.durableEventId, last, 'all that was recovered is durable');
      let expected = until + 1;
      for (const event of wal.replay({ from: expected })) {
        assert.equal(event.eventId, expected);
        assert.deepEqual(Buffer.from(event.payload), Buffer.from(payloadOf(expected)));
        expected++;
      }
      assert.equal(expected, last + 1, 'the replay ends with the last event');
      result.eventsChecked += last - until;
      return last;
    } finally {
      await wal.close();
    }
  }
}

export async function crashRounds(machine: Machine, plan: RoundsPlan): Promise<RoundsResult> {
  const base = mkdtempSync(join(tmpdir(), 'flashstrike-told-'));
  try {
    const rounds = new CrashRounds(machine, plan, join(base, 'told'));
    await rounds.run();
    return rounds.result;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}
