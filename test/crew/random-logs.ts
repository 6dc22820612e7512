// Many logs in one process, which is killed again and again: no log is harmed by what happens to
// another, no event that was acknowledged is missing, and none is there twice.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Random } from '../../src/cli/demo/random.js';
import { replay } from '../../src/index.js';
import { payloadOf } from '../crash/payloads.js';
import { assertSound } from '../support/log-content.js';
import {
  fateOf,
  keyOf,
  type RandomLogsPlan,
  TOLD_BYTES,
  TOLD_WORDS,
  Told,
} from './random-logs-plan.js';

const CHILD = fileURLToPath(new URL('./random-logs-child.js', import.meta.url));
/** Who neither goes on nor ends is killed: the test fails by what is missing. */
const LIMIT_MS = 1_200_000;
const POLL_MS = 2;

export interface RandomLogsResult {
  readonly kills: number;
  readonly events: number;
  /** So often a log lost its folder. */
  readonly removals: number;
}

class Process {
  readonly #child;
  readonly #ended: Promise<unknown>;
  readonly #toldPath: string;
  #heard = '';

  constructor(plan: RandomLogsPlan, toldPath: string) {
    this.#toldPath = toldPath;
    this.#child = spawn(process.execPath, [CHILD, JSON.stringify(plan), toldPath], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#heard += text;
      });
    }
    this.#ended = once(this.#child, 'close');
  }

  get #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get steps(): number {
    return toldOf(this.#toldPath).reduce((sum, told) => sum + (told[Told.steps] ?? 0), 0);
  }

  /** Resolves once so many pieces of work are done in all, or it has ended. */
  async does(steps: number): Promise<void> {
    while (!this.#isOver && this.steps < steps) await delay(POLL_MS);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
    assert.match(this.#heard, /^(open\n)?$/, 'it was content until it was killed');
  }

  async end(): Promise<void> {
    await this.#ended;
    const { exitCode, signalCode } = this.#child;
    const ending = exitCode ?? signalCode;
    assert.deepEqual({ heard: this.#heard, ending }, { heard: 'open\ndone\n', ending: 0 });
  }
}

/** What was told of each log. */
function toldOf(path: string): Float64Array[] {
  const doubles = new Float64Array(Uint8Array.from(readFileSync(path)).buffer);
  const logs = doubles.length / TOLD_WORDS;
  return Array.from({ length: logs }, (_, log) =>
    doubles.subarray(log * TOLD_WORDS, (log + 1) * TOLD_WORDS),
  );
}

/** @param kills how often the process is killed before it may come to its end */
export async function randomLogs(plan: RandomLogsPlan, kills: number): Promise<RandomLogsResult> {
  const random = new Random(plan.seed);
  const toldPath = join(plan.folder, 'told');
  writeFileSync(toldPath, new Uint8Array(plan.logs * TOLD_BYTES));
  const allSteps = plan.logs * plan.steps;
  for (let kill = 1; kill <= kills; kill++) {
    const child = new Process(plan, toldPath);
    // Now and then while it still recovers what the last kill has left.
    const share = (kill - random.fraction()) / (kills + 1);
    await child.does(Math.floor(allSteps * share));
    await delay(random.below(20));
    await child.kill();
  }
  const last = new Process(plan, toldPath);
  await last.end();
  let events = 0;
  let removals = 0;
  for (const [log, told] of toldOf(toldPath).entries()) {
    events += await checkLog(plan, log, told);
    removals += told[Told.removals] ?? 0;
  }
  // What a log had not written when its folder went stays in its region for whoever looks for it.
  const regions = readdirSync(plan.options.sharedMemoryDirectory);
  assert.ok(regions.length <= removals, `${regions.length} regions of ${removals} removed folders`);
  return { kills, events, removals };
}

/** It has each event once, and all that were acknowledged; returns how many. */
async function checkLog(plan: RandomLogsPlan, log: number, told: Float64Array): Promise<number> {
  const { smallDisk, folder } = plan;
  const isFull = fateOf(log, smallDisk !== undefined) === 'full';
  const directory = join(isFull ? (smallDisk ?? '') : folder, `log-${log}`);
  await assertSound(directory);
  let expected = 1;
  for (const { eventId, payload } of replay(directory)) {
    assert.equal(eventId, expected);
    assert.deepEqual(Buffer.from(payload), Buffer.from(payloadOf(keyOf(log, expected))));
    expected++;
  }
  assert.equal(told[Told.steps], plan.steps);
  assert.equal(expected - 1, told[Told.appended], `log ${log} ends with the last event`);
  return expected - 1;
}
