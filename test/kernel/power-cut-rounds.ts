// Rounds of power cuts under load: the file system of a loop device is shut down, so that what was
// not synced is lost, shared memory is wiped, and the disk mounted again. All that `durable()`
// acknowledged must be back.
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { verify } from '../../src/index.js';
import { PAGE_BYTES, TWO_POW_32 } from '../../src/units.js';
import {
  crashRounds,
  type Machine,
  type RoundsPlan,
  type RoundsResult,
} from '../crash/crash-rounds.js';
import { pick } from '../crash/random.js';
import type { RecorderProcess } from '../crash/recorder-process.js';
import { forget, type LastWords, writeBack } from '../support/kernel-calls.js';
import { segmentFiles } from '../support/log-content.js';
import { type DiskType, LoopDisk } from '../support/loop-disk.js';

/** Sparse: only what the rounds write takes room. */
const DISK_BYTES = TWO_POW_32 / 4;
const PAGES_AT_A_TIME = 8;
/** How a log may end whose disk is gone. */
const REFUSALS = [
  'ERR_FLASHSTRIKE_FAILED',
  'ERR_FLASHSTRIKE_DURABILITY_UNKNOWN',
  'ERR_FLASHSTRIKE_IO',
];

/** None also where there is no folder: not yet, or the cut came before its name was durable. */
function segmentsIn(directory: string): string[] {
  return existsSync(directory) ? segmentFiles(directory) : [];
}

/** Single pages of the youngest segment reach the disk, in no order. */
function writeBackSomePages(directory: string, random: () => number): void {
  const youngest = segmentsIn(directory).sort().at(-1);
  if (youngest === undefined) return;
  const path = join(directory, youngest);
  const fd = openSync(path, 'r');
  try {
    // What was zero-written stands in large folios, which are only written whole. What is written
    // after the kernel has forgotten them gets small ones.
    if (random() < 0.3) forget(fd);
    const pages = Math.ceil(statSync(path).size / PAGE_BYTES);
    for (let count = 0; count < PAGES_AT_A_TIME; count++) {
      writeBack(fd, Math.floor(random() * pages) * PAGE_BYTES, PAGE_BYTES);
    }
  } finally {
    closeSync(fd);
  }
}

class PoweredMachine implements Machine {
  readonly folder: string;
  readonly #disk: LoopDisk;
  readonly #memory: string;

  constructor(disk: LoopDisk, memory: string) {
    this.folder = disk.folder;
    this.#disk = disk;
    this.#memory = memory;
  }

  /** Every other time the kernel is busy writing pages back until the cut. */
  async pass(directory: string, ms: number, random: () => number): Promise<void> {
    const isBusy = random() < 0.5;
    const end = performance.now() + ms;
    for (let left = ms; left > 0; left = end - performance.now()) {
      await delay(isBusy ? Math.min(left, 2) : left);
      if (isBusy) writeBackSomePages(directory, random);
    }
  }

  async crash(child: RecorderProcess, directory: string, random: () => number): Promise<number> {
    // Not what is told while the cut is under way: without power nobody would have heard it, and it
    // may be false (docs/DURABILITY.md, "A sync that meets a shutdown").
    const [, , durable = 0] = child.told;
    this.#disk.cutPower(pick<LastWords>(random, ['nothing', 'nothing', 'journal']));
    // The cut was one: the log has met the error, has told it, and the process has lived on.
    const code = await child.refusal();
    assert.ok(REFUSALS.includes(code), code);
    for (const name of readdirSync(this.#memory)) rmSync(join(this.#memory, name));
    this.#disk.restart();
    if (segmentsIn(directory).length > 0) {
      const { ok, problems } = await verify(directory);
      assert.ok(ok, JSON.stringify(problems));
    }
    return durable;
  }
}

/** @param context after which the disk goes */
export async function powerCutRounds(
  context: { after(hook: () => void): void },
  type: DiskType,
  plan: RoundsPlan,
): Promise<RoundsResult> {
  const memory = mkdtempSync('/dev/shm/flashstrike-power-');
  context.after(() => rmSync(memory, { recursive: true, force: true }));
  const disk = new LoopDisk(context, type, { bytes: DISK_BYTES });
  const options = { ...plan.options, sharedMemoryDirectory: memory };
  const result = await crashRounds(new PoweredMachine(disk, memory), { ...plan, options });
  assert.equal(result.eventsFromRing, 0, 'no ring outlives a power cut');
  return result;
}
