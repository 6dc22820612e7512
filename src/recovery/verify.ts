// Walks everything. Damage is an entry of the report, never an exception; after damage the walk goes
// on with the next segment, whose header tells which events the damaged one should have held.
import type { ErrorCode } from '../errors.js';
import { checkDirectory, checkOptions } from './event-range.js';
import type { ReadingOptions } from './events.js';
import type { MissingTail } from './live-copy.js';
import { checkTelemetry } from './reading-meter.js';
import type { ReadingPorts } from './reading-ports.js';
import { REGION_PORTS } from './region-ports.js';
import type { Verdict } from './verdict.js';
import { Verification } from './verification.js';

export type VerifyOptions = ReadingOptions;

export interface VerifyProblem {
  /** Name of the file in the folder, or the full path elsewhere; undefined for the folder itself. */
  readonly file: string | undefined;
  /** Byte offset in the file. */
  readonly offset: number | undefined;
  readonly code: ErrorCode;
  readonly message: string;
  /** Events that are lost by it; undefined where that cannot be told. */
  readonly lost: number | undefined;
  /** Their ids, both ends included; undefined where none is lost or none is known. */
  readonly firstEventId: number | undefined;
  readonly lastEventId: number | undefined;
}

/** The end of a log whose last write was torn by a crash; nothing durable is missing. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  /** The last event before it. */
  readonly lastEventId: number;
  /** Of the ids right behind, as far as they are known. */
  readonly droppedEvents: number;
  readonly droppedBytes: number;
}

export interface VerifyReport {
  /** True for the verdicts `clean`, `torn-tail` and `live-copy`. */
  readonly ok: boolean;
  readonly verdict: Verdict;
  /** Events that validate, those behind damage included. */
  readonly events: number;
  /** Of the log as its files tell; lastEventId = firstEventId - 1 while there is none. */
  readonly firstEventId: number;
  readonly lastEventId: number;
  /** The highest id that anyone calls durable; 0 for none. */
  readonly durableEventId: number;
  /** Segment files. */
  readonly segments: number;
  readonly problems: readonly VerifyProblem[];
  readonly tornTail: TornTail | undefined;
  /** The ids that a live copy lacks, as far as it tells; undefined for any other verdict. */
  readonly missingTail: MissingTail | undefined;
  /** Events in the shared region of a process that is gone, which the next opening will add. */
  readonly waitingEvents: number;
  /** What to do next. */
  readonly advice: string;
  /** Anything odd that does no harm, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Verifies every block of the log in `dir`; takes no lock, also on a log that is being written, and
 * gives the event loop its turns. Changes nothing.
 * @throws WalError only where nothing can be said: ERR_FLASHSTRIKE_INVALID_ARGUMENT, _NOT_A_LOG,
 * _ACCESS, _IO
 */
export async function verify(dir: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  return verifyThrough(REGION_PORTS, dir, options);
}

/** {@link verify} with other ports than those of this machine. */
export async function verifyThrough(
  ports: ReadingPorts,
  dir: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  checkDirectory(dir);
  checkOptions(options);
  return new Verification(ports, dir, checkTelemetry(options.telemetry)).run();
}
