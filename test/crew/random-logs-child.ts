// A process that opens all logs of a plan at once and does the work of each beside the others.
// Arguments: a RandomLogsPlan as JSON, the file in which it tells. Ends with 0 once all steps are
// done; killed before that, it goes on where it was.
import { openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../src/cli/demo/random.js';
import { fillDisk, freeDisk } from '../support/small-disk.js';
import { LogLife } from './log-life.js';
import { fateOf, type RandomLogsPlan, TOLD_BYTES, Told } from './random-logs-plan.js';

const plan = JSON.parse(process.argv[2] ?? '') as RandomLogsPlan;
const toldFd = openSync(process.argv[3] ?? '', 'r+');

/** A log with fates of its own, and with what the processes before this one have told of it. */
function lifeOf(log: number): LogLife {
  const told = new Float64Array(TOLD_BYTES / Float64Array.BYTES_PER_ELEMENT);
  readSync(toldFd, told, 0, TOLD_BYTES, log * TOLD_BYTES);
  const tell = (): void => {
    writeSync(toldFd, told, 0, TOLD_BYTES, log * TOLD_BYTES);
  };
  const fate = fateOf(log, plan.smallDisk !== undefined);
  const folder = fate === 'full' ? (plan.smallDisk ?? '') : plan.folder;
  const seed = plan.seed + log * 7919 + (told[Told.steps] ?? 0);
  return new LogLife(plan, log, fate, join(folder, `log-${log}`), new Random(seed), told, tell);
}

/** The small disk is full half of the time, until all that live on it are done. */
async function fillNowAndThen(disk: string, isOver: () => boolean): Promise<void> {
  const random = new Random(plan.seed);
  while (!isOver()) {
    fillDisk(disk, random.below(64) * 1024);
    await delay(20 + random.below(100));
    freeDisk(disk);
    await delay(20 + random.below(100));
  }
}

const lives = Array.from({ length: plan.logs }, (_, log) => lifeOf(log));
const { smallDisk } = plan;
let isOver = false;
if (smallDisk !== undefined) freeDisk(smallDisk);
await Promise.all(lives.map((life) => life.open()));
writeSync(1, 'open\n');
const filling = smallDisk && fillNowAndThen(smallDisk, () => isOver);
await Promise.all(lives.map((life) => life.work()));
isOver = true;
await filling;
await Promise.all(lives.map((life) => life.close()));
writeSync(1, 'done\n');
