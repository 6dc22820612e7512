// What the header and the control words of a region tell of a log besides its metrics, as plain
// numbers. The memory may be damaged or forged: nothing here indexes or allocates by what it says.
import { WalError } from '../errors.js';
import type { RegionFile } from '../memory/region-file.js';
import { heartbeatIndex, readHeartbeat } from '../memory/region-layout.js';
import { readNumber } from '../memory/sequence-latch.js';
import { THREAD_NAMES, type ThreadName } from '../memory/thread-names.js';
import { bytesBetween, LogState, RingControlLayout } from '../ring/ring-control.js';
import { durableEventIdOf } from '../ring/ring-snapshot.js';
import { TWO_POW_32 } from '../units.js';

const NS_PER_MS = 1e6;

export type ObservedState = 'opening' | 'open' | 'no-space' | 'failed' | 'closing' | 'closed';

const STATES = new Map<number, ObservedState>([
  [LogState.opening, 'opening'],
  [LogState.open, 'open'],
  [LogState.noSpace, 'no-space'],
  [LogState.failed, 'failed'],
  [LogState.closing, 'closing'],
  [LogState.closed, 'closed'],
]);

export interface ThreadReading {
  /** Turns of its loop since the log was opened, modulo 2^32; 0 before the first. */
  readonly beats: number;
  /** Time since the last one, to the millisecond; undefined before the first. */
  readonly ageNs: number | undefined;
}

export interface LogReading {
  readonly state: ObservedState;
  /** Id of the last event that the kernel has; 0 before the first. */
  readonly writtenEventId: number;
  /** Id of the last event that is on disk; 0 before the first. */
  readonly durableEventId: number;
  readonly ringBytes: number;
  /** Bytes in the ring that the kernel does not have yet. */
  readonly waitingBytes: number;
  readonly threads: Readonly<Record<ThreadName, ThreadReading>>;
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
    throw damaged(file, `${waitingBytes} bytes wait in a ring of ${ringBytes}`);
  }
  return {
    state: stateOf(file),
    writtenEventId: readNumber(file.readLatch('control', offset.writtenEventId), 0),
    durableEventId: durableEventIdOf(file.readLatch('control', offset.durablePoint)),
    ringBytes,
    // The writer may have gone on between the two looks, and the producer through the freed room.
    waitingBytes: Math.min(waitingBytes, ringBytes),
    threads: readThreads(file, nowNs),
  };
}

function controlWord(file: RegionFile, byteOffset: number): number {
  const bytes = file.readSection('control', byteOffset, Int32Array.BYTES_PER_ELEMENT);
  return new Int32Array(bytes.buffer)[0] as number;
}

function stateOf(file: RegionFile): ObservedState {
  const code = controlWord(file, offset.state);
  const state = STATES.get(code);
  if (state === undefined) throw damaged(file, `there is no state ${code}`);
  return state;
}

function damaged({ path }: RegionFile, reason: string): WalError {
  const message = `${path} is damaged: ${reason}. Open the log anew to have new telemetry.`;
  return new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
}

function readThreads(file: RegionFile, nowNs: number): Record<ThreadName, ThreadReading> {
  const words = new Int32Array(file.readSection('header').buffer);
  const readings = THREAD_NAMES.map((name, thread) => {
    const { beats, nowMs } = readHeartbeat(words, heartbeatIndex(thread));
    return [name, { beats, ageNs: beats === 0 ? undefined : ageSince(nowMs, nowNs) }] as const;
  });
  return Object.fromEntries(readings) as Record<ThreadName, ThreadReading>;
}

/** Both clocks are the machine's, read by two threads: one may be a moment ahead. */
function ageSince(beatMs: number, nowNs: number): number {
  const ageMs = (Math.floor(nowNs / NS_PER_MS) - beatMs) % TWO_POW_32;
  const positive = ageMs < 0 ? ageMs + TWO_POW_32 : ageMs;
  return positive >= TWO_POW_32 / 2 ? 0 : positive * NS_PER_MS;
}
