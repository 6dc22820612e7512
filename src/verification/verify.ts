// Reads everything. Damage is an entry of the report, never an exception; after damage the walk
// continues with the next segment, whose header says which events the damaged one should have.

import { checkChoice, checkDirectory, checkOptions, checkSignal } from '../reading/event-range.js';
import type { ReadingOptions } from '../reading/events.js';
import { checkTelemetry } from '../reading/reading-meter.js';
import { Verification } from './verification.js';
import { VERIFY_PORTS } from './verify-ahead.js';
import type { VerifyPorts } from './verify-ahead-port.js';
import type { VerifyReport } from './verify-report.js';

/** Options of {@link verify}. */
export interface VerifyOptions extends ReadingOptions {
  /**
   * Another thread verifies every other segment, of logs with 64 MiB and more; what is reported
   * stays the same. Default: where there is more than one processor. Without effect together with
   * `telemetry`, which tells what one thread reads.
   */
  readonly readAhead?: boolean | undefined;
  /** Ends it: it rejects with the reason, within some 16 MiB, and has nothing open any more. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Verifies every block of the log in `dir`. Takes no lock, even if the log is being written, does
 * not block the event loop for long, and changes nothing. Damage is reported, not thrown.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, _NOT_A_LOG, _ACCESS, _IO; the reason of
 * `signal`
 * @example
 * import { verify } from 'flashstrike';
 *
 * const report = await verify('./orders');
 * if (!report.ok) {
 *   for (const problem of report.problems) console.error(problem.file, problem.message);
 *   console.error(report.advice);
 * }
 */
export async function verify(
  dir: string | URL,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  return verifyThrough(VERIFY_PORTS, checkDirectory(dir), options);
}

/** {@link verify} with other ports than those of this machine. */
export async function verifyThrough(
  ports: VerifyPorts,
  dir: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  checkOptions(options);
  const meter = checkTelemetry(options.telemetry);
  const readAhead = checkChoice('readAhead', options.readAhead) ?? ports.readsAhead ?? false;
  const { signal } = options;
  checkSignal(signal);
  return new Verification(ports, dir, meter, readAhead && meter.isSilent, signal).run();
}
