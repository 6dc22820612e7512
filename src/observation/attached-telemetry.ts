// The telemetry of a log from outside: of one that runs in any process, or of one whose process was
// killed. Read with pread; the region is never mapped, never written, and its lock is only tried
// whether someone holds it.
import { monotonicClock } from '../clock/clock.js';
import { WalError } from '../errors.js';
import type { Collector } from '../metrics/collector.js';
import { type MetricsStruct, structAccess, takeFrom } from '../metrics/metrics-struct.js';
import { inOneReading } from '../metrics/patience.js';
import { RegionSource } from '../metrics/region-source.js';
import { checkDirectory } from '../reading/event-range.js';
import { reading } from '../reading/read-failure.js';
import type { RegionFile } from '../region/region-file.js';
import { type Aggregate, structsIn } from '../telemetry/aggregate.js';
import { type BuildInfo, collectBuildInfo } from '../telemetry/build-info.js';
import { collectHeartbeats, type ThreadReadings } from '../telemetry/heartbeats.js';
import { Telemetry as RecorderTelemetry } from '../telemetry/recorder/telemetry.js';
import { Telemetry as RecoveryTelemetry } from '../telemetry/recovery/telemetry.js';
import {
  placeOf,
  readTelemetryHeader,
  TelemetryHeaderLayout,
  USED_BYTES,
} from '../telemetry/telemetry-layout.js';
import { NS_PER_SECOND } from '../units.js';
import { type LogReading, type ObservedState, readLog } from './region-readings.js';
import { openTelemetryRegion } from './telemetry-region.js';

/**
 * - `running`: a process has the log open
 * - `dead`: that process is gone without closing the log; what it left is still here
 * - `gone`: the region is no longer the log's, because the log was closed, or opened anew; attach
 *   again to see the next opening
 */
export type TelemetryStatus = 'running' | 'dead' | 'gone';

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

/** What `attachTelemetry` returns. All readings are those of the last `refresh`. */
export class AttachedTelemetry {
  /** The folder of the log, as it was given. */
  readonly directory: string;
  /** The file of the shared region. */
  readonly path: string;
  /** The process that opened the log. */
  readonly pid: number;
  /** When it did, in nanoseconds since the Unix epoch. */
  readonly startedAtNs: bigint;
  /** What it runs. */
  readonly build: BuildInfo;
  /** The recorder's metrics; the same object at every refresh. */
  readonly recorder = new RecorderTelemetry();
  /** What recovery did when the log was opened, and what readers of that process do since. */
  readonly recovery = new RecoveryTelemetry();
  readonly #structs = placed({ recorder: this.recorder, recovery: this.recovery });
  readonly #file: RegionFile;
  #isClosed = false;
  #status: TelemetryStatus = 'running';
  #log: LogReading;
  #takenAtNs = 0;

  constructor(directory: string, file: RegionFile) {
    const { path, header } = file;
    this.directory = directory;
    this.path = path;
    this.pid = header.pid;
    this.startedAtNs = header.startTsNs;
    this.#file = file;
    this.#log = this.#read();
    this.build = buildOf(file, this.#log.state, directory);
    this.#take();
    Object.freeze(this);
  }

  get status(): TelemetryStatus {
    return this.#status;
  }

  /** The log's own state; of a dead process the last one it was in. */
  get state(): ObservedState {
    return this.#log.state;
  }

  /** Id of the last event that the kernel has; 0 before the first. */
  get writtenEventId(): number {
    return this.#log.writtenEventId;
  }

  /** Id of the last event that is on disk; 0 before the first. */
  get durableEventId(): number {
    return this.#log.durableEventId;
  }

  get ringBytes(): number {
    return this.#log.ringBytes;
  }

  /** Bytes in the ring that the kernel does not have yet. */
  get waitingBytes(): number {
    return this.#log.waitingBytes;
  }

  /** The threads of the log, and when each was last seen to move. */
  get threads(): ThreadReadings {
    return this.#log.threads;
  }

  /** When all this was read: `monotonicClock` nanoseconds. */
  get takenAtNs(): number {
    return this.#takenAtNs;
  }

  /** How long the log has been open; of a dead process, until its last sign of life. */
  get uptimeNs(): number {
    const openedNs = Number(this.#file.header.monotonicAnchorNs);
    const ages = Object.values(this.threads).map(({ ageNs }) => ageNs ?? Number.POSITIVE_INFINITY);
    const silentNs = this.#status === 'running' ? 0 : Math.min(...ages);
    return Number.isFinite(silentNs) ? Math.max(0, this.#takenAtNs - silentNs - openedNs) : 0;
  }

  /**
   * Groups of metrics whose writer was killed in the middle of a record, as
   * `recorder.segmentWriter.sync`: their numbers may be off by what it was about to add.
   */
  get incomplete(): readonly string[] {
    return this.#structs.flatMap(({ name, struct }) =>
      struct.incompleteGroups.map((group) => `${name}.${group}`),
    );
  }

  /**
   * Reads everything again: each group of metrics whole, the groups one after another. A region
   * that is no longer the log's keeps its last values, and the status says `gone`.
   * @throws WalError ERR_FLASHSTRIKE_CLOSED after `close`; _SHARED_MEMORY when the memory is
   * damaged
   */
  refresh(): TelemetryStatus {
    if (this.#isClosed) {
      const message = `The telemetry of ${this.directory} was closed. Attach again.`;
      throw new WalError('ERR_FLASHSTRIKE_CLOSED', message, { path: this.directory });
    }
    this.#log = this.#read();
    this.#take();
    return this.#status;
  }

  #read(): LogReading {
    return reading(this.path, () => {
      this.#takenAtNs = monotonicClock.nowNs();
      const isAlive = this.#file.ownerIsAlive();
      this.#status = isAlive ? 'running' : this.#file.isNamed() ? 'dead' : 'gone';
      return readLog(this.#file, this.#takenAtNs);
    });
  }

  #take(): void {
    reading(this.path, () =>
      inOneReading(() => {
        for (const { struct, byteOffset } of this.#structs) {
          const source = new RegionSource(this.#file, byteOffset);
          takeFrom(struct, source, this.#status === 'running');
        }
      }),
    );
  }

  /**
   * Hands everything to `collector`, under names that begin with `prefix`: the metrics of the
   * recorder as `<prefix>_recorder_segment_preparer_get_next_segment_ns` and so on, those of
   * recovery as `<prefix>_recovery_…`, and of the log `<prefix>_up`, `_state`, `_written_event_id`,
   * `_durable_event_id`, `_heartbeat_age_seconds` …
   */
  collect(prefix: string, collector: Collector): void {
    const gauge = (name: string, help: string, value: number): void =>
      collector.gauge({ name: `${prefix}_${name}`, help }, value);
    gauge('up', 'Whether a process has the log open', this.#status === 'running' ? 1 : 0);
    collectBuildInfo(prefix, this.build, collector);
    const started = Number(this.startedAtNs) / NS_PER_SECOND;
    gauge('start_time_seconds', 'When the log was opened, since the Unix epoch', started);
    withLabel(collector, 'state', this.state, () =>
      gauge('state', 'The state of the log, as a label', 1),
    );
    gauge(
      'written_event_id',
      'Id of the last event that was handed to the kernel',
      this.writtenEventId,
    );
    gauge('durable_event_id', 'Id of the last event that is on disk', this.durableEventId);
    gauge('ring_bytes', 'Size of the ring', this.ringBytes);
    gauge(
      'ring_waiting_bytes',
      'Bytes in the ring, not yet handed to the kernel',
      this.waitingBytes,
    );
    const incomplete = 'Groups of metrics whose writer was killed while recording';
    gauge('incomplete_groups', incomplete, this.incomplete.length);
    collectHeartbeats(prefix, this.threads, collector);
    this.recorder.collect(`${prefix}_recorder`, collector);
    this.recovery.collect(`${prefix}_recovery`, collector);
  }

  /** Plain data; 64-bit times as decimal strings. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { directory, path, pid, build, status, uptimeNs, incomplete, recorder, recovery } = this;
    const startedAtNs = String(this.startedAtNs);
    const opening = { directory, path, pid, startedAtNs, build };
    return { ...opening, status, uptimeNs, ...this.#log, incomplete, recorder, recovery };
  }

  /** Lets the file go. The last readings stay. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function withLabel(collector: Collector, name: string, value: string, collect: () => void): void {
  collector.pushLabel(name, value);
  try {
    collect();
  } finally {
    collector.popLabel();
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
 * Attaches to the telemetry of the log in `dir`: of the process that has it open, or that was
 * killed with it open. Costs that process nothing, and needs no help from it.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG, _NO_TELEMETRY when the log is closed or keeps its
 * telemetry to itself, _SHARED_MEMORY and _UNSUPPORTED for a region that is not believed
 */
export function attachTelemetry(dir: string): AttachedTelemetry {
  const directory = checkDirectory(dir);
  const file = openTelemetryRegion(directory);
  try {
    return new AttachedTelemetry(directory, file);
  } catch (error) {
    file.close();
    throw error;
  }
}
