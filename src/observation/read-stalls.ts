// The stalls of a log, from outside: of one that is open in any process, or whose process was
// killed with it open.
import { monotonicClock } from '../clock/clock.js';
import { WalError } from '../errors.js';
import { checkDirectory } from '../reading/event-range.js';
import { reading } from '../reading/read-failure.js';
import type { RegionFile } from '../region/region-file.js';
import { STALL_AREA_BYTES, STALL_HEADER_BYTES } from '../telemetry/stalls/area-layout.js';
import { stallsIn } from '../telemetry/stalls/left-stalls.js';
import { type Stall, stallsOf } from '../telemetry/stalls/stall.js';
import { StallArea } from '../telemetry/stalls/stall-area.js';
import { countsIn, type StallCounts } from '../telemetry/stalls/stall-counts.js';
import { openTelemetryRegion } from './telemetry-region.js';

/** Options of {@link readStalls}. */
export interface ReadStallsOptions {
  /** Only those that ended at this time or later, in milliseconds since the Unix epoch. */
  readonly sinceMs?: number | undefined;
}

/** The stalls in a region's file, read again and again. */
export class StallsReader {
  readonly #file: RegionFile;
  /** What was read last, and what stood in the area's header then, if that tells all changes. */
  #last: { readonly header: Uint8Array; readonly stalls: readonly Stall[] | undefined } | undefined;

  constructor(file: RegionFile) {
    this.#file = file;
  }

  /** How many a log has had since it was opened; none where they are not recorded. */
  counts(): StallCounts {
    const header = this.#header();
    return header === undefined ? [] : countsIn(StallArea.copyOf(header));
  }

  /**
   * All that are known; undefined where the region has none, by its version. Of a log that runs
   * they are as of its last sample: while no stall is noticed, only the header is read for it.
   */
  read(): readonly Stall[] | undefined {
    const header = this.#header();
    if (header === undefined) return undefined;
    const isAlive = this.#file.ownerIsAlive();
    const lasts = StallArea.copyOf(header).time('windowStartMs') !== 0;
    const last = this.#last;
    if (isAlive && !lasts && last !== undefined && isSame(header, last.header)) return last.stalls;
    const left = stallsIn(this.#file, isAlive, monotonicClock.nowNs());
    const stalls = left === undefined ? undefined : stallsOf(left);
    this.#last = isAlive && !lasts ? { header, stalls } : undefined;
    return stalls;
  }

  #header(): Uint8Array | undefined {
    const { byteLength } = this.#file.header.sections.telemetry;
    if (byteLength < STALL_AREA_BYTES) return undefined;
    const offset = byteLength - STALL_AREA_BYTES;
    return this.#file.readSection('telemetry', offset, STALL_HEADER_BYTES);
  }
}

/** Whether the same stalls are recorded; samples and looks may have come. */
const isSame = (header: Uint8Array, other: Uint8Array): boolean =>
  StallArea.copyOf(header).word('stalls') === StallArea.copyOf(other).word('stalls');

/**
 * Reads what was recorded of the stalls of the log in `dir`: waits of `append`, of `durable()`, or
 * for the next segment that took the option `stallThresholdMs` or longer. The oldest first; the
 * last 40 are known, also those of openings before that were killed.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG; _NO_TELEMETRY if the log is closed, or open without
 * shared memory; _UNSUPPORTED if another version records its stalls; _SHARED_MEMORY
 * @example
 * import { readStalls } from 'flashstrike/telemetry';
 *
 * for (const { startMs, durationMs, cause, sharesUs } of readStalls('./orders')) {
 *   console.log(new Date(startMs).toISOString(), durationMs, cause, sharesUs);
 * }
 */
export function readStalls(
  dir: string | URL,
  { sinceMs = 0 }: ReadStallsOptions = {},
): readonly Stall[] {
  const file = openRegion(checkDirectory(dir));
  try {
    const stalls = reading(file.path, () => new StallsReader(file).read());
    if (stalls === undefined) throw unknown(file);
    return stalls.filter(({ startMs, durationMs }) => startMs + durationMs >= sinceMs);
  } finally {
    file.close();
  }
}

/** What was recorded goes with the region, and who asks for it wants to know that. */
function openRegion(dir: string): RegionFile {
  try {
    return openTelemetryRegion(dir);
  } catch (error) {
    if (!(error instanceof WalError) || error.code !== 'ERR_FLASHSTRIKE_NO_TELEMETRY') throw error;
    const message =
      `${error.message} Stalls are recorded in shared memory, not in the folder: of a log that ` +
      'was closed cleanly nothing of them is left.';
    throw new WalError(error.code, message, { path: error.path ?? dir, cause: error });
  }
}

function unknown({ path }: RegionFile): WalError {
  const message =
    `${path} was made by a version that records no stalls, or records them otherwise: read it ` +
    'with that version.';
  return new WalError('ERR_FLASHSTRIKE_UNSUPPORTED', message, { path });
}
