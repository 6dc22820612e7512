// Thread module: the loop around SegmentWriter. It opens the log first, because recovery reads,
// rewrites and syncs, none of which may block the application's event loop.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicClock } from '../../clock/clock.js';
import { assert, serializeError, WalError } from '../../errors.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { type OpenedLog, openLog } from '../opening.js';
import { Signals } from '../signals.js';
import type { WriterData, WriterReady } from './messages.js';
import { runUntilStopped } from './worker-loop.js';

const SPIN_US = 100;
const DRAIN_RETRY_MS = 5;

const port = parentPort;
assert(port !== null, 'the writer thread is a worker');
const { directory, options, signals: buffer } = workerData as WriterData;
const signals = new Signals(buffer);

function open(): OpenedLog | undefined {
  try {
    return openLog(nodeStorage, monotonicClock, signals, directory, options);
  } catch (error) {
    port?.postMessage({ kind: 'refused', error: serializeError(error) });
    return undefined;
  }
}

/** Drains until nothing is left, or until a full disk has kept it from that for too long. */
function drain(log: OpenedLog): void {
  const deadlineNs = monotonicClock.nowNs() + options.stallTimeoutMs * 1e6;
  while (!log.writer.drain()) {
    if (monotonicClock.nowNs() >= deadlineNs) {
      const cause = signals.preparerError.read();
      const message =
        `${directory}: closing gave up after ${options.stallTimeoutMs} ms without a new segment; ` +
        'the events that wait are kept in the shared region for the next open.';
      throw new WalError('ERR_FLASHSTRIKE_NO_SPACE', message, { path: directory, cause });
    }
    signals.sleep('writer', signals.wakeCount('writer'), DRAIN_RETRY_MS);
  }
  if (log.writer.hasFailed) throw signals.failure.read();
}

const log = open();
if (log !== undefined) {
  const ready: WriterReady = { kind: 'ready', ...log.report };
  port.postMessage(ready);
  runUntilStopped('writer', signals, monotonicClock, log.body, SPIN_US);
  try {
    drain(log);
    port.postMessage({ kind: 'ended' });
  } catch (error) {
    port.postMessage({ kind: 'refused', error: serializeError(error) });
  }
  log.writer.close();
}
signals.announceEnd('writer');
