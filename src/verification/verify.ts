// Walks everything. Damage is an entry of the report, never an exception; after damage the walk
// goes on with the next segment, whose header tells which events the damaged one should have held.

import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { checkDirectory, checkOptions } from '../reading/event-range.js';
import type { ReadingOptions } from '../reading/events.js';
import { checkTelemetry } from '../reading/reading-meter.js';
import { Verification } from './verification.js';
import type { VerifyReport } from './verify-report.js';

export type VerifyOptions = ReadingOptions;

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
