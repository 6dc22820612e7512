// What the header and the control words of a region tell of a log besides its metrics, as plain
// numbers. The memory may be damaged or forged: nothing here indexes or allocates by what it says.
import { WalError } from '../errors.js';
import { readNumber } from '../memory/sequence-latch.js';
import type { RegionFile } from '../region/region-file.js';
import { bytesBetween, LogState, RingControlLayout } from '../ring/ring-control.js';
import { durableEventIdOf } from '../ring/ring-snapshot.js';
import { readThreads, type ThreadReadings } from '../telemetry/heartbeats.js';

/** The state of a log, seen from outside; see `WalState`. `opening`: `Wal.open` is pending. */
export type ObservedState = 'opening' | 'open' | 'no-space' | 'failed' | 'closing' | 'closed';

const STATES = new Map<number, ObservedState>([
  [LogState.opening, 'opening'],
  [LogState.open, 'open'],
  [LogState.noSpace, 'no-space'],
  [LogState.failed, 'failed'],
  [LogState.closing, 'closing'],
  [LogState.closed, 'closed'],
]);

export interface LogReading {
  readonly state: ObservedState;
  /** Id of the last event that the kernel has; 0 before the first. */
  readonly writtenEventId: number;
  /** Id of the last event that is on disk; 0 before the first. */
  readonly durableEventId: number;
  readonly ringBytes: number;
  /** Bytes in the ring that the kernel does not have yet. */
  readonly waitingBytes: number;
  readonly threads: ThreadReadings;
}

const { offset } = RingControlLayout;

/**
 * Reads with pread; a few calls.
 * @param nowNs of the monotonic clock
 * @throws WalError ERR_FLASHSTRIKE_SHARED_MEMORY where the control words make no sense
 */
export function readLog(file: RegionFile, nowNs: number): LogReading {
  const written = controlWord(file, offset.written);
  const appended = controlWord(file, offset.appended);
  const ringBytes = file.header.sections.ring.byteLength;
  const waitingBytes = bytesBetween(written, appended);
  if (waitingBytes > ringBytes && controlWord(file, offset.written) === written) {
    throw damaged(file, `${waitingBytes} bytes are waiting in a ring of ${ringBytes}`);
  }
  return {
    state: stateOf(file),
    writtenEventId: readNumber(file.readLatch('control', offset.writtenEventId), 0),
    durableEventId: durableEventIdOf(file.readLatch('control', offset.durablePoint)),
    ringBytes,
    // The writer may have gone on between the two looks, and the producer through the freed room.
    waitingBytes: Math.min(waitingBytes, ringBytes),
    threads: readThreads(new Int32Array(file.readSection('header').buffer), nowNs),
  };
}

function controlWord(file: RegionFile, byteOffset: number): number {
  const bytes = file.readSection('control', byteOffset, Int32Array.BYTES_PER_ELEMENT);
  return new Int32Array(bytes.buffer)[0] as number;
}

function stateOf(file: RegionFile): ObservedState {
  const code = controlWord(file, offset.state);
  const state = STATES.get(code);
  if (state === undefined) throw damaged(file, `its state ${code} is unknown`);
  return state;
}

function damaged({ path }: RegionFile, reason: string): WalError {
  const message = `${path} is damaged: ${reason}. Open the log again to get new telemetry.`;
  return new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
}
