// Thread module: the loop around SegmentWriter. It opens the log first, because recovery reads,
// rewrites and syncs, none of which may block the application's event loop.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicClock } from '../../clock/clock.js';
import { RunningTime } from '../../clock/running-time.js';
import { assert, limitError, serializeError, WalError } from '../../errors.js';
import { libc } from '../../memory/libc.js';
import { unmapLeftRegions } from '../../region/left-mappings.js';
import { machineRegionsOf } from '../../region/regions.js';
import { adoptLock } from '../../storage/lock-file.js';
import { callsDoneWithout } from '../../storage/node-storage.js';
import { rootedStorage } from '../../storage/rooted-storage.js';
import { type HeldLog, RemoteCustody } from '../threads/custody.js';
import type { WriterData, WriterReady } from '../threads/messages.js';
import { Signals, Trouble } from '../threads/signals.js';
import { runUntilStopped } from '../threads/worker-loop.js';
import { type OpenedLog, openLog } from './opening.js';
import { machinePorts, type OpeningPorts } from './opening-ports.js';

const DRAIN_RETRY_MS = 5;

const port = parentPort;
assert(port !== null, 'the writer thread is a worker');
const { directory, options, signals: buffer, custody: line, calledNs } = workerData as WriterData;
const signals = new Signals(buffer);
const custody = new RemoteCustody(line);
/** Undefined once it was given back: its numbers may be those of other files from then on. */
let held: HeldLog | undefined;
const ports: OpeningPorts = {
  ...machinePorts,
  lockLog: (storage, folder, mode) => {
    const locked = custody.lock(folder, mode);
    held = locked;
    const rooted = rootedStorage(storage, folder, () => held?.root);
    return adoptLock(rooted, folder, locked, () => {
      held = undefined;
      custody.release();
    });
  },
  regions: machineRegionsOf({
    keeper: custody,
    // koffi aborts the process when its thread is terminated while it views memory.
    undisturbed: (body) => signals.undisturbed('writer', body),
  }),
};

function open(): OpenedLog | undefined {
  try {
    signals.undisturbed('writer', libc);
    unmapLeftRegions();
    return openLog(ports, signals, directory, options, calledNs);
  } catch (error) {
    const refusal = limitError(directory, error) ?? error;
    port?.postMessage({ kind: 'refused', error: serializeError(refusal) });
    return undefined;
  }
}

/** Drains until nothing is left, or until a full disk has kept it from that for too long. */
function drain(log: OpenedLog): void {
  const waited = new RunningTime(monotonicClock);
  while (!log.writer.drain()) {
    if (waited.lookMs() >= options.stallTimeoutMs) {
      // A failure, so that the region stays for the next open.
      log.writer.fail(gaveUp());
      break;
    }
    signals.sleep('writer', signals.wakeCount('writer'), DRAIN_RETRY_MS);
  }
  if (log.writer.hasFailed) throw signals.failure.read();
}

function gaveUp(): WalError {
  const cause = signals.preparerError.read();
  const isFull =
    signals.get('preparerTrouble') === Trouble.noSpace ||
    signals.get('writerTrouble') === Trouble.noSpace;
  const message =
    `${directory}: closing gave up after ${options.stallTimeoutMs} ms without a new segment. A ` +
    'shared region keeps the remaining events for the next open; without one they are lost.';
  const code = isFull ? 'ERR_FLASHSTRIKE_NO_SPACE' : 'ERR_FLASHSTRIKE_STALLED';
  return new WalError(code, message, { path: directory, cause });
}

const log = open();
if (log !== undefined) {
  const doneWithout = callsDoneWithout();
  assert(held !== undefined, 'a log that is open is held');
  const ready: WriterReady = { kind: 'opened', ...log.report, held, doneWithout };
  port.postMessage(ready);
  runUntilStopped('writer', signals, monotonicClock, log.body);
  try {
    drain(log);
    port.postMessage({ kind: 'ended' });
  } catch (error) {
    port.postMessage({ kind: 'refused', error: serializeError(error) });
  }
  log.writer.close();
}
signals.announceEnd('writer');
