// Thread module: makes one backup, and ends.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicClock } from '../clock/clock.js';
import { assert, serializeError, WalError } from '../errors.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { NS_PER_MS } from '../units.js';
import type { BackupMessage, BackupStart } from './backup-messages.js';
import { BackupPace } from './backup-pace.js';
import { type BackupProgress, type BackupReport, backupSteps } from './backup-steps.js';

/** Between two messages about progress. */
const PROGRESS_NS = 100 * NS_PER_MS;

const { request, stop } = workerData as BackupStart;
const word = new Int32Array(stop);

function tell(message: BackupMessage): void {
  assert(parentPort !== null, 'this is a thread');
  parentPort.postMessage(message);
}

/** How far the log is durable, as its process tells it to all; undefined: nothing tells. */
function durable(): number | undefined {
  try {
    return REGION_PORTS.regionDurable(request.source, request.logId);
  } catch (error) {
    // A folder that is moved, or closed to this user, meanwhile: the next step tells.
    if (error instanceof WalError) return undefined;
    throw error;
  }
}

/** Rests behind each step while the log is open. */
function run(): BackupReport {
  const pace = new BackupPace(monotonicClock, durable);
  const steps = backupSteps(REGION_PORTS, request);
  let progress: BackupProgress = { copiedSegments: 0, copiedBytes: 0, isOpen: true };
  let toldNs = monotonicClock.nowNs();
  while (Atomics.load(word, 0) === 0) {
    const startNs = monotonicClock.nowNs();
    const step = steps.next();
    if (step.done === true) return step.value;
    progress = step.value;
    const endNs = monotonicClock.nowNs();
    if (endNs - toldNs >= PROGRESS_NS) {
      toldNs = endNs;
      tell({ kind: 'progress', progress });
    }
    if (!progress.isOpen) continue;
    Atomics.wait(word, 0, 0, pace.restMs(startNs));
  }
  // Lets go of what it has open.
  steps.return(stopped(progress));
  return stopped(progress);
}

const stopped = ({ copiedSegments, copiedBytes }: BackupProgress): BackupReport => ({
  source: request.source,
  target: request.target,
  complete: false,
  firstEventId: 1,
  lastEventId: 0,
  segments: 0,
  copiedSegments,
  reusedSegments: 0,
  removedSegments: 0,
  copiedBytes,
  snapshots: 0,
});

try {
  tell({ kind: 'done', report: run() });
} catch (error) {
  tell({ kind: 'refused', error: serializeError(error) });
}
