// Where a log stands: its state, how far it has come, what is behind. Computed from its positions
// by whoever looks, in this process or another: what a thread stored when it last looked would say
// that all is well for as long as that thread is stuck.
import type { StructDefinition } from '../metrics/catalogue.js';
import type { Collector } from '../metrics/collector.js';
import { underLabels } from '../metrics/labels.js';
import type { FillCopy } from '../metrics/metrics-struct.js';
import { LogState } from '../ring/ring-control.js';
import { fillOccupancy, Manager } from './recorder/manager-metrics.js';
import { fillReplicationLag, Replication } from './recorder/replication-metrics.js';
import { fillLag, SegmentWriter } from './recorder/segment-writer-metrics.js';

/** The state of a log, seen from outside; see `WalState`. `opening`: `Wal.open` is pending. */
export type ObservedState =
  | 'opening'
  | 'open'
  | 'no-space'
  | 'fenced'
  | 'failed'
  | 'closing'
  | 'closed';

const STATES = new Map<number, ObservedState>([
  [LogState.opening, 'opening'],
  [LogState.open, 'open'],
  [LogState.noSpace, 'no-space'],
  [LogState.fenced, 'fenced'],
  [LogState.failed, 'failed'],
  [LogState.closing, 'closing'],
  [LogState.closed, 'closed'],
]);

/** Undefined for a word that is none of LogState. */
export const stateOf = (word: number): ObservedState | undefined => STATES.get(word);

export interface LogStanding {
  readonly state: ObservedState;
  /** Id of the last event that was appended; 0 before the first. */
  readonly appendedEventId: number;
  /** Id of the last event that the kernel has; 0 before the first. */
  readonly writtenEventId: number;
  /** Id of the last event that is on disk; 0 before the first. */
  readonly durableEventId: number;
  /** What the ring may grow to: the option `ringBytes`. */
  readonly ringBytes: number;
  /** What it has by now. */
  readonly ringCapacityBytes: number;
  /** Bytes in the ring that the kernel does not have yet. */
  readonly waitingBytes: number;
}

/** The control words of a region, and the count of appended events beside them. */
export interface StandingSource {
  readonly ringBytes: number;
  /** What the ring has of them by now. */
  ringCapacityBytes(): number;
  state(): ObservedState;
  durableEventId(): number;
  writtenEventId(): number;
  openedAtEventId(): number;
  /** Events that were appended since the log was opened. */
  appendedEvents(): number;
  /** Bytes between the two ends of the ring, of which the writer's is read first. */
  waitingBytes(): number;
}

/**
 * In an order in which nothing looks further than it is: what may have moved on meanwhile is read
 * last, so that a lag may come out too long by what happened between two loads, never too short.
 */
export function readStanding(source: StandingSource): LogStanding {
  const { ringBytes } = source;
  const state = source.state();
  const durableEventId = source.durableEventId();
  const writtenEventId = source.writtenEventId();
  // The writer may have gone on between the two looks, and the producer through the freed room.
  const waitingBytes = Math.min(source.waitingBytes(), ringBytes);
  const ringCapacityBytes = source.ringCapacityBytes();
  const appended = source.openedAtEventId() + source.appendedEvents();
  const appendedEventId = Math.max(appended, writtenEventId);
  return {
    state,
    appendedEventId,
    writtenEventId,
    durableEventId,
    ringBytes,
    ringCapacityBytes,
    waitingBytes,
  };
}

type FillFrom = (copy: Uint32Array, at: number, standing: LogStanding) => void;

const FILLS = new Map<StructDefinition, FillFrom>([
  [
    Replication.definition,
    (copy, at, { durableEventId }) => {
      fillReplicationLag(copy, at, durableEventId);
    },
  ],
  [
    Manager.definition,
    (copy, at, { waitingBytes }) => {
      fillOccupancy(copy, at, waitingBytes);
    },
  ],
  [
    SegmentWriter.definition,
    (copy, at, { appendedEventId, durableEventId, waitingBytes }) => {
      // What is published is counted right behind that: a kill may fall in between.
      const least = waitingBytes > 0 ? 1 : 0;
      const events = Math.max(least, appendedEventId - durableEventId);
      fillLag(copy, at, { events, waitingBytes });
    },
  ],
]);

/** Whether a look at the log adds to the struct `definition`. */
export const isFilled = (definition: StructDefinition): boolean => FILLS.has(definition);

/** What it adds to a copy of the struct. */
export function fillOf(definition: StructDefinition, standing: LogStanding): FillCopy {
  const fill = FILLS.get(definition);
  return (copy, at) => fill?.(copy, at, standing);
}

/** `<prefix>_state{state="open"}` and so on: 1 for the one that it is in, 0 for all others. */
export function collectStanding(prefix: string, standing: LogStanding, collector: Collector): void {
  const gauge = (name: string, help: string, value: number): void =>
    collector.gauge({ name: `${prefix}_${name}`, help }, value);
  for (const state of STATES.values()) {
    underLabels(collector, [['state', state]], () => {
      const help = 'The state of the log: 1 for the one that it is in, at the moment of the scrape';
      gauge('state', help, state === standing.state ? 1 : 0);
    });
  }
  const { appendedEventId, writtenEventId, durableEventId } = standing;
  const { ringBytes, ringCapacityBytes } = standing;
  const now = 'at the moment of the scrape';
  gauge('appended_event_id', `Id of the last event that was appended, ${now}`, appendedEventId);
  gauge('written_event_id', `Id of the last event that the kernel has, ${now}`, writtenEventId);
  gauge('durable_event_id', `Id of the last event that is on disk, ${now}`, durableEventId);
  gauge('ring_bytes', 'Largest size of the ring (the option ringBytes)', ringBytes);
  gauge('ring_capacity_bytes', `Size of the ring, which grows, ${now}`, ringCapacityBytes);
}
