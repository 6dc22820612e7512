// What happens to a log, for whoever wants to hear of it: on channels of node:diagnostics_channel,
// and with NODE_DEBUG=flashstrike on stderr. What other threads do shows in the telemetry, which is
// looked at with the pulse; while nobody listens, not even that. Nothing here is on the way of an
// append, and no listener runs within one: it might append itself.
import { type Channel, channel } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import type { ConsumerStatus } from '../../consumers/consumers.js';
import { isOperational } from '../../errors.js';
import type { RecoveryReport } from '../../recovery/recover-log.js';
import type { Telemetry } from '../../telemetry/recorder/telemetry.js';
import { hexOf64, NS_PER_MS } from '../../units.js';
import { fromLoop } from './from-loop.js';

/** What each message of a channel `flashstrike:…` begins with: which log it is about. */
export interface DiagnosticMessage {
  /** Its folder, as an absolute path. */
  readonly directory: string;
  /** See `wal.logId`. */
  readonly logId: bigint;
}

/** `flashstrike:recovery`: a log was opened. */
export interface RecoveryMessage extends DiagnosticMessage {
  /** What the open found: `wal.recovery`. */
  readonly recovery: RecoveryReport;
}

/** `flashstrike:rotation`: the log goes on in another segment. */
export interface RotationMessage extends DiagnosticMessage {
  /** How often it has done so since the last message. */
  readonly rotations: number;
}

/** `flashstrike:stall`: an append has waited a millisecond or more for room in the ring. */
export interface StallMessage extends DiagnosticMessage {
  /** So long its thread stood still. */
  readonly waitedMs: number;
  /** What the append threw in the end; undefined: it went on. */
  readonly error: unknown;
}

/** `flashstrike:failure`: the log has failed, and takes no more events. */
export interface FailureMessage extends DiagnosticMessage {
  /** Why: `wal.failure`. */
  readonly error: Error;
}

/** `flashstrike:retention`: the oldest segments were removed. */
export interface RetentionMessage extends DiagnosticMessage {
  /** How many since the last message. */
  readonly removedSegments: number;
}

/** `flashstrike:consumer-dropped`: nothing is kept any more for consumers that lagged too far. */
export interface ConsumerDroppedMessage extends DiagnosticMessage {
  /** Their names. */
  readonly names: readonly string[];
}

/** The messages of `node:diagnostics_channel` by the name of their channel. */
export interface DiagnosticMessages {
  /** A log was opened. */
  readonly 'flashstrike:recovery': RecoveryMessage;
  /** It goes on in another segment. */
  readonly 'flashstrike:rotation': RotationMessage;
  /** An append has waited for room. */
  readonly 'flashstrike:stall': StallMessage;
  /** It has failed. */
  readonly 'flashstrike:failure': FailureMessage;
  /** Its oldest segments were removed. */
  readonly 'flashstrike:retention': RetentionMessage;
  /** Consumers were dropped. */
  readonly 'flashstrike:consumer-dropped': ConsumerDroppedMessage;
}

type ChannelName = keyof DiagnosticMessages;

const CHANNELS: { readonly [Name in ChannelName]: Channel } = {
  'flashstrike:recovery': channel('flashstrike:recovery'),
  'flashstrike:rotation': channel('flashstrike:rotation'),
  'flashstrike:stall': channel('flashstrike:stall'),
  'flashstrike:failure': channel('flashstrike:failure'),
  'flashstrike:retention': channel('flashstrike:retention'),
  'flashstrike:consumer-dropped': channel('flashstrike:consumer-dropped'),
};
const ALL = Object.values(CHANNELS);
const debug = debuglog('flashstrike');
/** Shorter waits are no news: a ring that is full all the time has thousands of them. */
const STALL_MS_MIN = 1;

const isHeard = (): boolean => debug.enabled || ALL.some(({ hasSubscribers }) => hasSubscribers);

/** What is told about. */
interface ObservedLog {
  readonly directory: string;
  readonly logId: bigint;
  readonly telemetry: Pick<Telemetry, 'manager' | 'segmentMaintainer' | 'consumers'>;
  readonly failure: Error | undefined;
  /** @throws WalError */
  consumers(): readonly ConsumerStatus[];
}

/** What was seen at the last look. */
interface Seen {
  readonly rotations: number;
  readonly removedSegments: number;
  readonly droppedConsumers: number;
}

export class Diagnostics {
  readonly #log: ObservedLog;
  /** Undefined: nobody listened. */
  #seen: Seen | undefined;
  #droppedNames: ReadonlySet<string> = new Set();
  #hasFailed = false;

  constructor(log: ObservedLog) {
    this.#log = log;
    if (isHeard()) this.#begin();
  }

  opened(recovery: RecoveryReport): void {
    if (!isHeard()) return;
    const { verdict, eventsFromRing } = recovery;
    this.#tell(
      'flashstrike:recovery',
      { recovery },
      () => `opened: ${verdict}, ${eventsFromRing} events from the ring`,
    );
  }

  /** @param error what ended the wait without room */
  stalled(waitedNs: number, error?: unknown): void {
    const waitedMs = waitedNs / NS_PER_MS;
    if ((waitedMs < STALL_MS_MIN && error === undefined) || !isHeard()) return;
    void fromLoop(() =>
      this.#tell(
        'flashstrike:stall',
        { waitedMs, error },
        () => `an append waited ${waitedMs.toFixed(1)} ms for room`,
      ),
    );
  }

  /** With the pulse, and before the telemetry goes. */
  look(): void {
    if (!isHeard()) {
      this.#seen = undefined;
      return;
    }
    if (this.#seen === undefined) this.#begin();
    else this.#compare(this.#seen);
    this.#lookForFailure();
  }

  closed(): void {
    this.look();
    if (debug.enabled) this.#debug('closed');
  }

  #begin(): void {
    this.#seen = this.#read();
    this.#droppedNames = this.#dropped() ?? new Set();
  }

  #read(): Seen {
    const { manager, segmentMaintainer, consumers } = this.#log.telemetry;
    return {
      rotations: manager.segmentRotation.samples,
      removedSegments: segmentMaintainer.maintenanceRetention.successes,
      droppedConsumers: consumers.droppedConsumers,
    };
  }

  #compare(before: Seen): void {
    const now = this.#read();
    this.#seen = now;
    const rotations = now.rotations - before.rotations;
    if (rotations > 0) {
      this.#tell('flashstrike:rotation', { rotations }, () => `${rotations} rotations`);
    }
    const removedSegments = now.removedSegments - before.removedSegments;
    if (removedSegments > 0) {
      this.#tell(
        'flashstrike:retention',
        { removedSegments },
        () => `${removedSegments} segments were removed`,
      );
    }
    if (now.droppedConsumers !== before.droppedConsumers) this.#lookForDropped(before);
  }

  #lookForDropped(before: Seen): void {
    const dropped = this.#dropped();
    if (dropped === undefined) {
      // Asked again at the next look.
      this.#seen = { ...this.#read(), droppedConsumers: before.droppedConsumers };
      return;
    }
    const names = [...dropped].filter((name) => !this.#droppedNames.has(name));
    this.#droppedNames = dropped;
    if (names.length === 0) return;
    this.#tell('flashstrike:consumer-dropped', { names }, () => `dropped: ${names.join(', ')}`);
  }

  /** Undefined where the files cannot be read now. */
  #dropped(): ReadonlySet<string> | undefined {
    try {
      const all = this.#log.consumers();
      return new Set(all.filter(({ state }) => state === 'dropped').map(({ name }) => name));
    } catch (error) {
      if (!isOperational(error)) throw error;
      return undefined;
    }
  }

  #lookForFailure(): void {
    const error = this.#hasFailed ? undefined : this.#log.failure;
    if (error === undefined) return;
    this.#hasFailed = true;
    this.#tell('flashstrike:failure', { error }, () => `failed: ${error.message}`);
  }

  #tell<Name extends ChannelName>(
    name: Name,
    what: Omit<DiagnosticMessages[Name], keyof DiagnosticMessage>,
    text: () => string,
  ): void {
    const { directory, logId } = this.#log;
    const told = CHANNELS[name];
    if (told.hasSubscribers) told.publish({ directory, logId, ...what });
    if (debug.enabled) this.#debug(text());
  }

  #debug(text: string): void {
    const { directory, logId } = this.#log;
    debug('%s (log %s): %s', directory, hexOf64(logId), text);
  }
}
