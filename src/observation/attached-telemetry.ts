// The telemetry of a log from outside: of one that is open in any process, or whose process was
// killed. Read with pread; the region is never mapped and never written, and its lock is only
// tried, to see whether someone holds it.
import { monotonicClock } from '../clock/clock.js';
import { WalError } from '../errors.js';
import type { Collector } from '../metrics/collector.js';
import { type MetricsStruct, structAccess, takeFrom } from '../metrics/metrics-struct.js';
import { inOneReading } from '../metrics/patience.js';
import { RegionSource } from '../metrics/region-source.js';
import type { MetricSource } from '../metrics/snapshot.js';
import { checkDirectory } from '../reading/event-range.js';
import { reading } from '../reading/read-failure.js';
import type { RegionFile } from '../region/region-file.js';
import { type Aggregate, structsIn } from '../telemetry/aggregate.js';
import type { BuildInfo } from '../telemetry/build-info.js';
import {
  collectFigures,
  collectSides,
  collectUp,
  type ExportedLog,
  silentNs,
} from '../telemetry/collected-log.js';
import type { ThreadReadings } from '../telemetry/heartbeats.js';
import { collectAs } from '../telemetry/log-labels.js';
import { fillOf, type ObservedState } from '../telemetry/log-standing.js';
import { Telemetry as RecorderTelemetry } from '../telemetry/recorder/telemetry.js';
import { Telemetry as RecoveryTelemetry } from '../telemetry/recovery/telemetry.js';
import type { Stall } from '../telemetry/stalls/stall.js';
import type { StallCounts } from '../telemetry/stalls/stall-counts.js';
import {
  placeOf,
  readTelemetryHeader,
  TelemetryHeaderLayout,
  USED_BYTES,
} from '../telemetry/telemetry-layout.js';
import { NS_PER_MS } from '../units.js';
import { FedElsewhere } from './fed-elsewhere.js';
import { StallsReader } from './read-stalls.js';
import { type LogReading, readLog, threadsIn } from './region-readings.js';
import { RestWatch } from './rest-watch.js';
import { openTelemetryRegion } from './telemetry-region.js';

/**
 * - `running`: a process has the log open
 * - `dead`: that process ended without closing the log; what it left is still there
 * - `gone`: the region no longer belongs to the log, because the log was closed or opened again;
 *   attach again to see the current one
 */
export type TelemetryStatus = 'running' | 'dead' | 'gone';

/** Options of `AttachedTelemetry.refresh`. */
export interface RefreshOptions {
  /**
   * While nothing happens in the log, everything is read again only after so many milliseconds; 0,
   * the default: each time.
   */
  readonly atRestMs?: number;
}

/** A struct, and where it stands in the telemetry section of a region. */
interface PlacedStruct {
  /** `recorder.segmentWriter` */
  readonly name: string;
  readonly struct: MetricsStruct;
  readonly byteOffset: number;
}

const placed = (sides: Readonly<Record<string, Aggregate>>): readonly PlacedStruct[] =>
  Object.entries(sides).flatMap(([side, aggregate]) =>
    structsIn(aggregate).map(([name, struct]) => {
      const byteOffset = placeOf(structAccess(struct).definition);
      return { name: `${side}.${name}`, struct, byteOffset };
    }),
  );

/**
 * Telemetry of a log that any process has open: what {@link attachTelemetry} returns. All values
 * are those of the last `refresh`.
 */
export class AttachedTelemetry implements ExportedLog {
  /** The folder of the log, as it was given. */
  readonly directory: string;
  /** The file of the shared region. */
  readonly path: string;
  /** The process that opened the log. */
  readonly pid: number;
  /** When it did, in nanoseconds since the Unix epoch. */
  readonly startedAtNs: bigint;
  /** The id of the log, 64 bits. */
  readonly logId: bigint;
  /** Which versions it runs. */
  readonly build: BuildInfo;
  /** The recorder's metrics; the same object at every refresh. */
  readonly recorder = new RecorderTelemetry();
  /** The metrics of recovery, and of `wal.replay` and `wal.follow` in that process. */
  readonly recovery = new RecoveryTelemetry();
  readonly #structs = placed({ recorder: this.recorder, recovery: this.recovery });
  readonly #file: RegionFile;
  readonly #fedElsewhere: FedElsewhere;
  #isClosed = false;
  #status: TelemetryStatus = 'running';
  #log: LogReading;
  #takenAtNs = 0;
  /** When everything was read, not only what tells that nothing has happened. */
  #readAtNs = 0;
  #isAtRest = false;
  #isFedElsewhere = false;
  readonly #rest: RestWatch;
  readonly #stalls: StallsReader;
  #stallCounts: StallCounts = [];

  constructor(directory: string, file: RegionFile) {
    const { path, header } = file;
    this.directory = directory;
    this.path = path;
    this.pid = header.pid;
    this.startedAtNs = header.startTsNs;
    this.logId = header.logId;
    this.#file = file;
    this.#fedElsewhere = new FedElsewhere(directory, header.logId);
    this.#stalls = new StallsReader(file);
    this.#log = this.#read();
    this.build = buildOf(file, this.#log.state, directory);
    // Of a layout that is this version's.
    this.#rest = new RestWatch(file);
    this.#take();
    Object.freeze(this);
  }

  /** Whether the process was alive at the last `refresh`. */
  get status(): TelemetryStatus {
    return this.#status;
  }

  /** The state of the log; the last one if the process is dead. */
  get state(): ObservedState {
    return this.#log.state;
  }

  /** Id of the last event that was appended; 0 before the first. */
  get appendedEventId(): number {
    return this.#log.appendedEventId;
  }

  /** Id of the last event that was handed to the kernel; 0 before the first. */
  get writtenEventId(): number {
    return this.#log.writtenEventId;
  }

  /** Id of the last event that is on disk; 0 before the first. */
  get durableEventId(): number {
    return this.#log.durableEventId;
  }

  /** What the ring may grow to: the option `ringBytes`. */
  get ringBytes(): number {
    return this.#log.ringBytes;
  }

  /** Size of the ring by now. */
  get ringCapacityBytes(): number {
    return this.#log.ringCapacityBytes;
  }

  /** Bytes in the ring that were not handed to the kernel yet. */
  get waitingBytes(): number {
    return this.#log.waitingBytes;
  }

  /** The threads of the log, and when each last gave a sign of life. */
  get threads(): ThreadReadings {
    return this.#log.threads;
  }

  /**
   * The stalls that were recorded, the oldest first, as of this call; see `readStalls`. None where
   * another version, or nobody, records them.
   * @throws WalError ERR_FLASHSTRIKE_CLOSED after `close`; _SHARED_MEMORY when the memory is
   * damaged
   */
  readStalls(): readonly Stall[] {
    this.#checkOpen();
    return reading(this.path, () => this.#stalls.read()) ?? [];
  }

  /** When all this was so, in nanoseconds of `monotonicClock`. */
  get takenAtNs(): number {
    return this.#takenAtNs;
  }

  /**
   * Whether the last `refresh` with `atRestMs` found that nothing was recorded since the one before
   * it, and nothing lasts, such as a wait. Turns of threads that found no work do not count, nor
   * does the room on the disk.
   */
  get isAtRest(): boolean {
    return this.#isAtRest;
  }

  /** How long the log has been open, in nanoseconds; if the process is dead, until it died. */
  get uptimeNs(): number {
    const openedNs = Number(this.#file.header.monotonicAnchorNs);
    const silentNs = this.#status === 'running' ? 0 : this.#silentNs;
    return Number.isFinite(silentNs) ? Math.max(0, this.#takenAtNs - silentNs - openedNs) : 0;
  }

  /**
   * Groups of metrics whose writer was killed while recording, such as
   * `recorder.segmentWriter.sync`: their numbers may lack what it was about to add.
   */
  get incomplete(): readonly string[] {
    return this.#structs.flatMap(({ name, struct }) =>
      struct.incompleteGroups.map((group) => `${name}.${group}`),
    );
  }

  /**
   * Reads everything again: each group of metrics is consistent in itself, and groups are read one
   * after another. If the region no longer belongs to the log, the last values stay and the status
   * is `gone`. With `atRestMs` a refresh of a log at rest costs a hundredth: only `status`,
   * `threads`, `takenAtNs` and `uptimeNs` are new then.
   * @throws WalError ERR_FLASHSTRIKE_CLOSED after `close`; _SHARED_MEMORY when the memory is
   * damaged
   */
  refresh({ atRestMs = 0 }: RefreshOptions = {}): TelemetryStatus {
    this.#checkOpen();
    this.#isAtRest = atRestMs > 0 && this.#seemsAtRest();
    if (this.#isAtRest && this.#goesOn(atRestMs)) return this.#status;
    const before = this.#status;
    this.#log = this.#read();
    this.#take();
    if (this.#status !== before) this.#isAtRest = false;
    return this.#status;
  }

  /** A replicator elsewhere tells of itself in a file, four times a second: that is no rest. */
  #seemsAtRest(): boolean {
    // First: what is read behind it is as it was, if the next look finds nothing that has happened.
    const isStill = reading(this.path, () => this.#rest.look());
    const { replication, segmentWriter } = this.recorder;
    const isBehind = replication.lagEvents + segmentWriter.durableLagEvents > 0;
    return isStill && !isBehind && !this.#isFedElsewhere && this.#fedThere() === undefined;
  }

  /** Of a log at rest: when its threads were seen; false: everything is to be read again. */
  #goesOn(atRestMs: number): boolean {
    const nowNs = monotonicClock.nowNs();
    if (nowNs - this.#readAtNs >= atRestMs * NS_PER_MS) return false;
    // Of what is gone there may be a next opening, which is looked for each time.
    const status = this.#statusNow();
    if (status === 'gone' || status !== this.#status) return false;
    this.#takenAtNs = nowNs;
    this.#log = { ...this.#log, threads: reading(this.path, () => threadsIn(this.#file, nowNs)) };
    return true;
  }

  #checkOpen(): void {
    if (!this.#isClosed) return;
    const message = `The telemetry of ${this.directory} was closed. Attach again.`;
    throw new WalError('ERR_FLASHSTRIKE_CLOSED', message, { path: this.directory });
  }

  #read(): LogReading {
    return reading(this.path, () => {
      this.#takenAtNs = monotonicClock.nowNs();
      this.#readAtNs = this.#takenAtNs;
      this.#status = this.#statusNow();
      return readLog(this.#file, this.#takenAtNs);
    });
  }

  #statusNow(): TelemetryStatus {
    if (this.#file.ownerIsAlive()) return 'running';
    return this.#file.isNamed() ? 'dead' : 'gone';
  }

  #take(): void {
    const isRunning = this.#status === 'running';
    const silentNs = Number.isFinite(this.#silentNs) ? this.#silentNs : 0;
    // Of what has ended nothing grows older, and what was recent then stays so.
    const asOfNs = isRunning ? undefined : this.#takenAtNs - silentNs;
    reading(this.path, () =>
      inOneReading(() => {
        for (const { struct, byteOffset } of this.#structs) {
          const source = new RegionSource(this.#file, byteOffset);
          const fill = fillOf(structAccess(struct).definition, this.#log);
          takeFrom(struct, source, isRunning, fill, asOfNs);
        }
        this.#takeFedElsewhere();
        this.#stallCounts = this.#stalls.counts();
      }),
    );
  }

  /** What a replicator elsewhere tells; of one in the log's own process its metrics do. */
  #fedThere(): MetricSource | undefined {
    const { fedStreams, fencedStreams } = this.recorder.replication;
    if (fedStreams + fencedStreams > 0) return undefined;
    return this.#fedElsewhere.read(monotonicClock.nowNs());
  }

  /** Replication by another process, where the log's own feeds no stream. */
  #takeFedElsewhere(): void {
    const { replication } = this.recorder;
    const source = this.#fedThere();
    this.#isFedElsewhere = source !== undefined;
    if (source === undefined) return;
    const { definition } = structAccess(replication);
    takeFrom(replication, source, false, fillOf(definition, this.#log));
  }

  /**
   * Passes everything to `collector`, under names that begin with `prefix`: the recorder's metrics
   * as `<prefix>_recorder_segment_preparer_get_next_segment_…` and so on, those of recovery as
   * `<prefix>_recovery_…`, and those of the log as `<prefix>_up`, `_state`, `_written_event_id`,
   * `_durable_event_id`, `_heartbeat_age_seconds` … All carry the labels `log` and `log_id`.
   * @param part `metrics`: those of the recorder and of recovery alone; `log`: the others
   */
  collect(prefix: string, collector: Collector, part: 'all' | 'log' | 'metrics' = 'all'): void {
    collectAs(this, collector, () => {
      if (part !== 'metrics') this.#collectLog(prefix, collector);
      if (part !== 'log') collectSides(prefix, this, collector);
    });
  }

  /**
   * For exporters: refreshes, and passes everything to `collector` as `collect` does; of a log that
   * is `gone`, no more than that it is not up: attach again to see what is there now.
   * @throws WalError as `refresh` does
   */
  collectAll(prefix: string, collector: Collector): void {
    this.refresh();
    if (this.#status !== 'gone') this.collect(prefix, collector);
    else collectAs(this, collector, () => collectUp(prefix, false, collector));
  }

  #collectLog(prefix: string, collector: Collector): void {
    const { build, startedAtNs, threads, uptimeNs } = this;
    const figures = {
      isUp: this.#status === 'running',
      standing: this.#log,
      incompleteGroups: this.incomplete.length,
      stallCounts: this.#stallCounts,
    };
    collectFigures(prefix, { ...figures, build, startedAtNs, threads, uptimeNs }, collector);
  }

  /** Since when no thread has given a sign of life; infinite before the first. */
  get #silentNs(): number {
    return silentNs(this.threads);
  }

  /** Everything as plain data; 64-bit times are decimal strings. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { directory, path, pid, build, status, uptimeNs, incomplete, recorder, recovery } = this;
    const startedAtNs = String(this.startedAtNs);
    const opening = { directory, path, pid, startedAtNs, build };
    return { ...opening, status, uptimeNs, ...this.#log, incomplete, recorder, recovery };
  }

  /** Closes the file. The last values stay. May be called more than once. */
  close(): void {
    this.#isClosed = true;
    this.#file.close();
  }

  /** The same as `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** @throws WalError where there is no telemetry that this version can read */
function buildOf(file: RegionFile, state: ObservedState, directory: string): BuildInfo {
  const { path } = file;
  const { byteLength } = file.header.sections.telemetry;
  const hasRoom = byteLength >= USED_BYTES;
  // No more than the header: a forged section may be gigabytes of nothing.
  const headerBytes = Math.min(byteLength, TelemetryHeaderLayout.size);
  const header = reading(path, () => file.readSection('telemetry', 0, headerBytes));
  const found = readTelemetryHeader(header, byteLength);
  if (!('status' in found)) return found;
  if (state === 'opening' && hasRoom) {
    const message =
      `${directory}: process ${file.header.pid} has not finished opening the log, so there is no ` +
      'telemetry yet. Try again once it has.';
    throw new WalError('ERR_FLASHSTRIKE_NO_TELEMETRY', message, { path: directory });
  }
  const code =
    found.status === 'damaged' ? 'ERR_FLASHSTRIKE_SHARED_MEMORY' : 'ERR_FLASHSTRIKE_UNSUPPORTED';
  throw new WalError(code, `${path} cannot be shown: ${found.reason}`, { path });
}

/**
 * What there is to tell of a log that no process has open: `<prefix>_up`, which is 0. For exporters
 * that also serve logs which are closed now; see `AttachedTelemetry.collect` for all others.
 */
export function collectDown(prefix: string, collector: Collector): void {
  collectUp(prefix, false, collector);
}

/**
 * Attaches to the telemetry of the log in `dir`: of the process that has it open, or that was
 * killed with it open. It only reads shared memory: that process need not respond, and is not
 * slowed down.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG; _NO_TELEMETRY if the log is closed or open without
 * shared memory; _SHARED_MEMORY or _UNSUPPORTED for a region that cannot be read
 * @example
 * import { attachTelemetry } from 'flashstrike/telemetry';
 *
 * const telemetry = attachTelemetry('./orders');
 * console.log(telemetry.status, telemetry.durableEventId);
 * telemetry.recorder.segmentWriter.dump();
 * telemetry.close();
 */
export function attachTelemetry(dir: string | URL): AttachedTelemetry {
  const directory = checkDirectory(dir);
  const file = openTelemetryRegion(directory);
  try {
    return new AttachedTelemetry(directory, file);
  } catch (error) {
    file.close();
    throw error;
  }
}
