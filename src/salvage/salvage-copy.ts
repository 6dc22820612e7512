// Copies what salvage can read into a new log, which opens, verifies and continues like any other.
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { random64 } from '../random.js';
import {
  checkCallback,
  checkDirectory,
  checkOptions,
  checkSignal,
} from '../reading/event-range.js';
import { SALVAGE_FILE } from '../segment/file-names.js';
import { MIN_SEGMENT_BYTES } from '../segment/segment-header.js';
import { acquireLock } from '../storage/lock-file.js';
import { makeOutputFolder, outputFailure } from '../storage/output-folder.js';
import type { Storage } from '../storage/storage.js';
import { MIB } from '../units.js';
import { LogCopy } from './log-copy.js';
import { LogSalvager, type SalvagedBlock } from './log-salvager.js';
import type { SalvageGap } from './salvage-gap.js';

/** Events that follow each other in both logs. */
export interface SalvagedRange {
  /** First id in the damaged log. */
  readonly firstEventId: number;
  /** Last id in the damaged log. */
  readonly lastEventId: number;
  /** The id of the first of them in the copy. */
  readonly newFirstEventId: number;
}

/** What {@link salvageTo} did; also the content of `salvage.json` in the copy. */
export interface SalvageReport {
  /** Folder of the damaged log, as an absolute path. */
  readonly source: string;
  /** Folder of the copy, as an absolute path. */
  readonly output: string;
  /** False if it was stopped before the end. */
  readonly complete: boolean;
  /** Number of events in the copy. */
  readonly events: number;
  /** First id in the copy. */
  readonly firstEventId: number;
  /** Last id in the copy; firstEventId - 1 if nothing could be read. */
  readonly lastEventId: number;
  /** Number of segments in the copy. */
  readonly segments: number;
  /** Events known to be missing, in all gaps together. */
  readonly lost: number;
  /** The original ids: after a gap, the ids in the copy are lower. */
  readonly ranges: readonly SalvagedRange[];
  /** Every gap, in order. */
  readonly gaps: readonly SalvageGap[];
}

/** Options of {@link salvageTo}. */
export interface SalvageToOptions {
  /** Ends the copy early; what was copied is made durable. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each gap when it is found. */
  readonly onGap?: ((gap: SalvageGap) => void) | undefined;
  /** Called from time to time with the number of events copied so far. */
  readonly onProgress?: ((events: number) => void) | undefined;
}

/** Bytes between two turns of the event loop. */
const TURN_BYTES = 16 * MIB;

/**
 * Copies all events that {@link salvage} returns from the log in `dir` to a new log in `output`, a
 * new or empty folder. Types, timestamps, payloads and batches are kept, and ids up to the first
 * gap between events; after it the ids of the copy continue without a gap, and `ranges` has the
 * original ones. The report is written to the copy last, as `salvage.json`. The source is not
 * changed.
 * @throws WalError as salvage does; ERR_FLASHSTRIKE_INVALID_ARGUMENT if `output` is not empty;
 * _NO_SPACE, _ACCESS, _IO, _LOCKED about the output, whose copy is then incomplete
 * @example
 * import { salvageTo } from 'flashstrike';
 *
 * const { events, lost, gaps } = await salvageTo('./damaged', './rescued');
 * console.log(`${events} events copied, ${lost} known to be lost, ${gaps.length} gaps`);
 */
export async function salvageTo(
  dir: string | URL,
  output: string | URL,
  options: SalvageToOptions = {},
): Promise<SalvageReport> {
  return salvageToThrough(REGION_PORTS, checkDirectory(dir), checkDirectory(output), options);
}

/** {@link salvageTo} with other ports than those of this machine. */
export async function salvageToThrough(
  ports: ReadingPorts,
  dir: string,
  output: string,
  options: SalvageToOptions = {},
): Promise<SalvageReport> {
  checkOptions(options);
  checkSignal(options.signal);
  checkCallback('onGap', options.onGap);
  checkCallback('onProgress', options.onProgress);
  return new SalvageCopy(resolve(dir), resolve(output), options, ports).run();
}

class SalvageCopy {
  readonly #dir: string;
  readonly #output: string;
  readonly #options: SalvageToOptions;
  readonly #ports: ReadingPorts;
  readonly #storage: Storage;
  readonly #gaps: SalvageGap[] = [];
  readonly #ranges: SalvagedRange[] = [];
  #range: { -readonly [Key in keyof SalvagedRange]: SalvagedRange[Key] } | undefined;
  #events = 0;
  #lost = 0;
  #bytesThisTurn = 0;

  constructor(dir: string, output: string, options: SalvageToOptions, ports: ReadingPorts) {
    this.#dir = dir;
    this.#output = output;
    this.#options = options;
    this.#ports = ports;
    this.#storage = ports.storage;
  }

  async run(): Promise<SalvageReport> {
    // Before the output is made: a mistyped source must not leave an empty folder behind.
    const salvager = new LogSalvager(this.#ports, this.#dir);
    const sizes = salvager.survey.segments.map(({ header }) => header.segmentBytes);
    const segmentBytes = sizes.reduce((most, bytes) => Math.max(most, bytes), MIN_SEGMENT_BYTES);
    this.#writing(() => makeOutputFolder(this.#storage, this.#output, this.#dir, 'salvaged'));
    const lock = this.#writing(() => acquireLock(this.#storage, this.#output, 'flock'));
    try {
      const copy = this.#writing(
        () => new LogCopy(this.#storage, this.#output, { logId: random64() | 1n, segmentBytes }),
      );
      try {
        const complete = await this.#copyAll(salvager, copy);
        this.#writing(() => copy.finish());
        return this.#writing(() => this.#leaveReport(copy, complete));
      } finally {
        copy.close();
      }
    } finally {
      lock.release();
    }
  }

  /** @returns false when it was stopped */
  async #copyAll(salvager: LogSalvager, copy: LogCopy): Promise<boolean> {
    const { signal, onGap, onProgress } = this.#options;
    for (const part of salvager.parts()) {
      if (part.kind === 'gap') {
        this.#gaps.push(part);
        this.#lost += part.lost ?? 0;
        onGap?.(part);
        continue;
      }
      if (signal?.aborted === true) return false;
      this.#writing(() => this.#copyBlock(part, copy));
      if (this.#bytesThisTurn < TURN_BYTES) continue;
      this.#bytesThisTurn = 0;
      onProgress?.(this.#events);
      await nextTurn();
    }
    return true;
  }

  #copyBlock(block: SalvagedBlock, copy: LogCopy): void {
    const { firstEventId, eventCount } = block.header;
    const newFirstEventId = copy.append(block);
    const lastEventId = firstEventId + eventCount - 1;
    this.#events += eventCount;
    this.#bytesThisTurn += block.end - block.start;
    if (this.#range !== undefined && this.#range.lastEventId + 1 === firstEventId) {
      this.#range.lastEventId = lastEventId;
      return;
    }
    this.#range = { firstEventId, lastEventId, newFirstEventId };
    this.#ranges.push(this.#range);
  }

  #leaveReport(copy: LogCopy, complete: boolean): SalvageReport {
    const report: SalvageReport = {
      source: this.#dir,
      output: this.#output,
      complete,
      events: this.#events,
      firstEventId: copy.firstEventId,
      lastEventId: copy.lastEventId,
      segments: copy.segments,
      lost: this.#lost,
      ranges: this.#ranges,
      gaps: this.#gaps,
    };
    const fd = this.#storage.open(join(this.#output, SALVAGE_FILE), 'create');
    try {
      this.#storage.write(fd, [Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`)], 0);
      this.#storage.sync(fd);
    } finally {
      this.#storage.close(fd);
    }
    this.#storage.syncDirectory(this.#output);
    return report;
  }

  /** Runs work on the output; a failure says that the copy is not whole. */
  #writing<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw outputFailure(
        error,
        this.#output,
        `The copy is not complete: remove ${this.#output}, then salvage again.`,
      );
    }
  }
}
