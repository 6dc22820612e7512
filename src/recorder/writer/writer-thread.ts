// Thread module: a host of SegmentWriters. It opens a log first, because recovery reads, rewrites
// and syncs, none of which may block the application's event loop.
import { monotonicClock } from '../../clock/clock.js';
import { RunningTime } from '../../clock/running-time.js';
import { assert, limitError, serializeError, WalError } from '../../errors.js';
import { unmapLeftRegions } from '../../region/left-mappings.js';
import { attachRegion } from '../../region/region-factories.js';
import { machineRegionsOf } from '../../region/regions.js';
import { adoptLock } from '../../storage/lock-file.js';
import {
  callsDoneWithout,
  forgetCallsDoneWithout,
  nodeStorage,
} from '../../storage/node-storage.js';
import { rootedStorage } from '../../storage/rooted-storage.js';
import type { ThreadMarks } from '../../telemetry/thread-marks.js';
import { type HeldLog, RemoteCustody } from '../threads/custody.js';
import { runHost, type Service } from '../threads/host.js';
import type { AdoptRequest, OpenRequest } from '../threads/messages.js';
import { type Signals, Trouble } from '../threads/signals.js';
import type { Rest, ServedBody } from '../threads/worker-loop.js';
import { adoptWriter, type ServedLog } from './handed-writer.js';
import { openLog } from './opening.js';
import { machinePorts, type OpeningPorts } from './opening-ports.js';

const DRAIN_RETRY_MS = 5;

/** What holds the log; undefined once it was given back: its numbers may be other files' then. */
interface Hold {
  held: HeldLog | undefined;
}

/** The machine's ports, with descriptors that the application's thread opens and closes. */
function portsOf({ start, undisturbed }: Service<OpenRequest>, hold: Hold): OpeningPorts {
  const custody = new RemoteCustody(start.custody);
  return {
    ...machinePorts,
    lockLog: (storage, folder, mode) => {
      const held = custody.lock(folder, mode);
      hold.held = held;
      const rooted = rootedStorage(storage, folder, () => hold.held?.root);
      return adoptLock(rooted, folder, held, () => {
        hold.held = undefined;
        custody.release();
      });
    },
    // koffi aborts the process when its thread is terminated while it views memory.
    regions: machineRegionsOf({ keeper: custody, undisturbed, spare: start.spare }),
  };
}

function open(service: Service<OpenRequest>): ServedBody | 'refused' | 'handed' {
  const { start, signals, tell } = service;
  const { directory, options, calledNs, handsOver } = start;
  const hold: Hold = { held: undefined };
  try {
    forgetCallsDoneWithout();
    unmapLeftRegions();
    const log = openLog(portsOf(service, hold), signals, directory, options, calledNs);
    const { held } = hold;
    assert(held !== undefined, 'a log that is open is held');
    const handed = handsOver ? log.writer.handed : undefined;
    // What another thread opens is closed here before.
    if (handed !== undefined) log.writer.close();
    tell({ kind: 'opened', ...log.report, held, doneWithout: callsDoneWithout(), handed });
    return handed === undefined ? new ServedWriter(log, service) : 'handed';
  } catch (error) {
    const refusal = limitError(directory, error) ?? error;
    tell({ kind: 'refused', error: serializeError(refusal) });
    return 'refused';
  }
}

/** Another thread has opened the log. */
function adopt(service: Service<AdoptRequest>): ServedBody {
  const { start, signals, tell, undisturbed } = service;
  const { directory, options, logId, anchor, held, region: handle, handed } = start;
  const storage = rootedStorage(nodeStorage, directory, () => held.root);
  const region = attachRegion(handle, undisturbed);
  const ports = { ...machinePorts, storage };
  const log = adoptWriter(ports, signals, directory, options, logId, anchor, region, handed);
  tell({ kind: 'running' });
  return new ServedWriter(log, service);
}

/** The writer of an open log, to its end. */
class ServedWriter implements ServedBody {
  readonly #log: ServedLog;
  readonly #signals: Signals;
  readonly #service: Service<OpenRequest | AdoptRequest>;
  /** Since when it drains for the last time. */
  #draining: RunningTime | undefined;

  constructor(log: ServedLog, service: Service<OpenRequest | AdoptRequest>) {
    this.#log = log;
    this.#signals = service.signals;
    this.#service = service;
  }

  step(isShared: boolean): number {
    return this.#log.body.step(isShared);
  }

  get rest(): Rest | undefined {
    return this.#log.body.rest;
  }

  beat(): void {
    this.#log.body.beat();
  }

  get marks(): ThreadMarks | undefined {
    return this.#log.body.marks;
  }

  /** Drains until nothing is left, or until a full disk has kept it from that for too long. */
  end(): number | undefined {
    const { writer } = this.#log;
    this.#draining ??= new RunningTime(monotonicClock);
    if (!writer.drain()) {
      const { directory, options } = this.#service.start;
      if (this.#draining.lookMs() < options.stallTimeoutMs) return DRAIN_RETRY_MS;
      // A failure, so that the region stays for the next open.
      writer.fail(gaveUp(directory, options.stallTimeoutMs, this.#signals));
    }
    if (writer.hasFailed) {
      const error = serializeError(this.#signals.failure.read());
      this.#service.tell({ kind: 'refused', error });
    }
    writer.close();
    return undefined;
  }
}

function gaveUp(directory: string, timeoutMs: number, signals: Signals): WalError {
  const cause = signals.preparerError.read();
  const isFull =
    signals.get('preparerTrouble') === Trouble.noSpace ||
    signals.get('writerTrouble') === Trouble.noSpace;
  const message =
    `${directory}: closing gave up after ${timeoutMs} ms without a new segment. A ` +
    'shared region keeps the remaining events for the next open; without one they are lost.';
  const code = isFull ? 'ERR_FLASHSTRIKE_NO_SPACE' : 'ERR_FLASHSTRIKE_STALLED';
  return new WalError(code, message, { path: directory, cause });
}

const isOpened = (service: Service<OpenRequest | AdoptRequest>): service is Service<AdoptRequest> =>
  'handed' in service.start;

runHost('writer', (service: Service<OpenRequest | AdoptRequest>) =>
  isOpened(service) ? adopt(service) : open(service as Service<OpenRequest>),
);
