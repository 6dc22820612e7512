// Rounds of `kill -9`: a child appends, is killed at a random moment, the log is opened again, and
// every event that its `append` had returned must be there, in order, byte for byte.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Wal, type WalOptions } from '../../src/index.js';
import { type ChildPlan, TOLD_BYTES } from './child-plan.js';
import { payloadOf } from './payloads.js';

export interface RoundsPlan {
  readonly rounds: number;
  readonly seed: number;
  readonly options: WalOptions;
  /** A new log after so many rounds. */
  readonly roundsPerLog: number;
}

export interface RoundsResult {
  rounds: number;
  /** Kills after which the ring held events that the files did not have. */
  withRingEvents: number;
  eventsFromRing: number;
  eventsChecked: number;
  tornTails: number;
  /** Kills before the child had appended anything: while it opened, or recovered. */
  beforeFirstAppend: number;
}

/** A small seeded generator: rounds are repeatable as far as the kernel's timing allows. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const CHILD = fileURLToPath(new URL('./recorder-child.js', import.meta.url));
/** What survives: all that `append` returned for, or, on the portable ring, what was written. */
const boundOf = (told: Float64Array, options: WalOptions): number =>
  (options.sharedMemory === 'off' ? told[1] : told[0]) ?? 0;

/** When the child is killed: so long after it has said that it is there. */
interface Moment {
  readonly after: 'opening' | 'open';
  readonly delayMs: number;
}

function randomMoment(random: () => number): Moment {
  if (random() < 0.2) return { after: 'opening', delayMs: random() * 60 };
  return { after: 'open', delayMs: random() ** 2 * 200 };
}

/** Resolves once the child has said `word`, or has ended. */
function hears(child: ChildProcessByStdio<null, Readable, Readable>, word: string): Promise<void> {
  return new Promise((resolve) => {
    let heard = '';
    child.stdout.on('data', (text: Buffer) => {
      heard += text.toString();
      if (heard.split('\n').includes(word)) resolve();
    });
    child.once('close', resolve);
  });
}

async function killOnce(
  directory: string,
  toldPath: string,
  plan: ChildPlan,
  moment: Moment,
): Promise<Float64Array> {
  writeFileSync(toldPath, new Uint8Array(TOLD_BYTES));
  const child = spawn(process.execPath, [CHILD, directory, toldPath, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => {
    complaint += text.toString();
  });
  const closed = once(child, 'close');
  await hears(child, moment.after);
  await delay(moment.delayMs);
  child.kill('SIGKILL');
  await closed;
  assert.equal(complaint, '', 'the child complained');
  assert.equal(child.signalCode, 'SIGKILL', 'the child ended before it was killed');
  return new Float64Array(Uint8Array.from(readFileSync(toldPath)).buffer);
}

/** Opens, checks every event from `from` on, closes or leaves; returns the last id. */
async function check(
  directory: string,
  options: WalOptions,
  told: Float64Array,
  from: number,
  result: RoundsResult,
): Promise<number> {
  const wal = await Wal.open(directory, options);
  try {
    const { eventsFromRing, verdict, region } = wal.recovery;
    result.eventsFromRing += eventsFromRing;
    if (eventsFromRing > 0) result.withRingEvents++;
    if (verdict === 'torn-tail') result.tornTails++;
    const last = wal.lastEventId;
    const bound = boundOf(told, options);
    assert.ok(
      last >= bound,
      `event ${bound} was acknowledged, the log ends at ${last} (${region})`,
    );
    assert.ok(last >= (told[2] ?? 0), `event ${told[2]} was durable, the log ends at ${last}`);
    assert.equal(wal.durableEventId, last, 'all that was recovered is durable');
    let expected = from;
    for (const event of wal.replay({ from })) {
      assert.equal(event.eventId, expected);
      assert.deepEqual(Buffer.from(event.payload), Buffer.from(payloadOf(expected)));
      expected++;
    }
    assert.equal(expected, last + 1, 'the replay ends with the last event');
    result.eventsChecked += expected - from;
    return last;
  } finally {
    await wal.close();
  }
}

export async function killRounds(plan: RoundsPlan): Promise<RoundsResult> {
  const random = randomOf(plan.seed);
  const result: RoundsResult = {
    rounds: 0,
    withRingEvents: 0,
    eventsFromRing: 0,
    eventsChecked: 0,
    tornTails: 0,
    beforeFirstAppend: 0,
  };
  const base = mkdtempSync(join(tmpdir(), 'flashstrike-kill-'));
  try {
    const toldPath = join(base, 'told');
    for (let log = 0; result.rounds < plan.rounds; log++) {
      const directory = join(base, `log-${log}`);
      let checkedUntil = 0;
      for (let round = 0; round < plan.roundsPerLog && result.rounds < plan.rounds; round++) {
        const childPlan: ChildPlan = {
          options: plan.options,
          batchEvery: 5 + Math.floor(random() * 50),
          durableEvery: random() < 0.5 ? 0 : 1 + Math.floor(random() * 300),
        };
        const told = await killOnce(directory, toldPath, childPlan, randomMoment(random));
        result.rounds++;
        if (told[0] === 0) result.beforeFirstAppend++;
        // Now and then a second child meets the log as the first one left it, and is killed while
        // it recovers, or soon after.
        if (random() < 0.25) {
          const again = await killOnce(directory, toldPath, childPlan, randomMoment(random));
          result.rounds++;
          told.forEach((value, index) => {
            told[index] = Math.max(value, again[index] ?? 0);
          });
        }
        const seenBefore = checkedUntil + 1;
        checkedUntil = await check(directory, plan.options, told, seenBefore, result);
      }
      rmSync(directory, { recursive: true, force: true });
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  return result;
}
