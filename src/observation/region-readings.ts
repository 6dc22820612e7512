// What the header and the control words of a region tell of a log besides its metrics, as plain
// numbers. The memory may be damaged or forged: nothing here indexes or allocates by what it says.
import { WalError } from '../errors.js';
import { readNumber } from '../memory/sequence-latch.js';
import { Counter64, readValue } from '../metrics/counter64.js';
import type { RegionFile } from '../region/region-file.js';
import { bytesBetween, RingControlLayout } from '../ring/ring-control.js';
import { geometryAt } from '../ring/ring-geometry.js';
import { durableEventIdOf } from '../ring/ring-snapshot.js';
import { readThreads, type ThreadReadings } from '../telemetry/heartbeats.js';
import {
  type LogStanding,
  type ObservedState,
  readStanding,
  type StandingSource,
  stateOf,
} from '../telemetry/log-standing.js';
import { Manager } from '../telemetry/recorder/manager-metrics.js';
import { placeOf, USED_BYTES } from '../telemetry/telemetry-layout.js';

export interface LogReading extends LogStanding {
  readonly threads: ThreadReadings;
}

const { offset } = RingControlLayout;
const APPENDED_EVENTS = placeOf(Manager.definition) + Manager.layout.offset.appendedEvents;

/**
 * Reads with pread; a few calls.
 * @param nowNs of the monotonic clock
 * @throws WalError ERR_FLASHSTRIKE_SHARED_MEMORY where the control words make no sense
 */
export function readLog(file: RegionFile, nowNs: number): LogReading {
  const threads = threadsIn(file, nowNs);
  return { ...readStanding(new RegionStanding(file)), threads };
}

/** The threads alone: one call. */
export const threadsIn = (file: RegionFile, nowNs: number): ThreadReadings =>
  readThreads(new Int32Array(file.readSection('header').buffer), nowNs);

class RegionStanding implements StandingSource {
  readonly #file: RegionFile;

  constructor(file: RegionFile) {
    this.#file = file;
  }

  get ringBytes(): number {
    return this.#file.header.sections.ring.byteLength;
  }

  ringCapacityBytes(): number {
    const latch = this.#file.readLatch('control', offset.geometry);
    const geometry = geometryAt(latch, 0, this.ringBytes);
    if (geometry === undefined) throw damaged(this.#file, 'the size of its ring makes no sense');
    return geometry.capacityBytes;
  }

  state(): ObservedState {
    const code = this.#word(offset.state);
    const state = stateOf(code);
    if (state === undefined) throw damaged(this.#file, `its state ${code} is unknown`);
    return state;
  }

  durableEventId(): number {
    return durableEventIdOf(this.#file.readLatch('control', offset.durablePoint));
  }

  writtenEventId(): number {
    return this.#number(offset.writtenEventId);
  }

  openedAtEventId(): number {
    return this.#number(offset.openedAtEventId);
  }

  appendedEvents(): number {
    const file = this.#file;
    // A section that is too small is refused when its header is read.
    if (file.header.sections.telemetry.byteLength < USED_BYTES) return 0;
    const { buffer } = file.readSection('telemetry', APPENDED_EVENTS, Counter64.size);
    return readValue(new Uint32Array(buffer), 0);
  }

  waitingBytes(): number {
    const { ringBytes } = this;
    const written = this.#word(offset.written);
    const waitingBytes = bytesBetween(written, this.#word(offset.appended));
    if (waitingBytes > ringBytes && this.#word(offset.written) === written) {
      throw damaged(this.#file, `${waitingBytes} bytes are waiting in a ring of ${ringBytes}`);
    }
    return waitingBytes;
  }

  #word(byteOffset: number): number {
    const bytes = this.#file.readSection('control', byteOffset, Int32Array.BYTES_PER_ELEMENT);
    return new Int32Array(bytes.buffer)[0] as number;
  }

  #number(byteOffset: number): number {
    return readNumber(this.#file.readLatch('control', byteOffset), 0);
  }
}

function damaged({ path }: RegionFile, reason: string): WalError {
  const message = `${path} is damaged: ${reason}. Open the log again to get new telemetry.`;
  return new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
}
