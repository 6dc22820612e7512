// The metrics of one log: in memory of their own while the log opens, then in its shared region,
// where every thread of the log has structs over the same lines and writes its own ones.
import { monotonicClock } from '../clock/clock.js';
import { assert } from '../errors.js';
import type { StructDefinition } from '../metrics/catalogue.js';
import type { Collector } from '../metrics/collector.js';
import { MetricMemory } from '../metrics/metric-memory.js';
import { lookBeside, structAccess } from '../metrics/metrics-struct.js';
import { inOneReading } from '../metrics/patience.js';
import { type RegionStart, regionStart } from '../region/region-layout.js';
import type { SharedRegion } from '../region/shared-region.js';
import { KIB } from '../units.js';
import { closeAggregate, structsIn, structsOver } from './aggregate.js';
import { buildInfo, collectBuildInfo } from './build-info.js';
import { collectLog, type ExportedLog } from './collected-log.js';
import { collectHeartbeats, NEVER_SEEN, readThreads, type ThreadReadings } from './heartbeats.js';
import { collectAs, type LogName } from './log-labels.js';
import {
  collectStanding,
  fillOf,
  isFilled,
  type LogStanding,
  readStanding,
} from './log-standing.js';
import { MemoryStanding } from './memory-standing.js';
import { Telemetry } from './recorder/telemetry.js';
import { Telemetry as RecoveryTelemetry } from './recovery/telemetry.js';
import { STALL_AREA_BYTES } from './stalls/area-layout.js';
import type { StallArea } from './stalls/stall-area.js';
import { collectStalls, countsIn, type StallCounts } from './stalls/stall-counts.js';
import { StallMemory } from './stalls/stall-memory.js';
import { placeOf, USED_BYTES, writeTelemetryHeader } from './telemetry-layout.js';

/**
 * Bytes of a region's telemetry section: with room, so that a metric more leaves its size alone.
 * With header and control words it is 120 KiB: shared memory that each open log takes.
 */
export const TELEMETRY_BYTES = 112 * KIB;
assert(
  USED_BYTES + STALL_AREA_BYTES <= TELEMETRY_BYTES,
  'the metrics, and the stalls at its end, fit into their section',
);

/** Words over a region, and where its telemetry section begins in bytes. */
function sectionOf(region: SharedRegion) {
  const words = new Uint32Array(region.buffer, region.byteOffset, region.words.length);
  return { words, byteOffset: region.section('telemetry').byteOffset - region.byteOffset };
}

/** The type of `wal.telemetry`: the recorder's metrics, live, and those of recovery and reading. */
export interface WalTelemetry extends Telemetry, ExportedLog {
  /** The metrics of recovery, and of `wal.replay` and `wal.follow`. */
  readonly recovery: RecoveryTelemetry;
  /** The threads of the log, and when each last gave a sign of life. */
  readonly threads: ThreadReadings;
  /**
   * Copies the recorder's metrics into `other`, for instance a `new recorder.Telemetry()`. The
   * copies of a `Snapshotter` also have those of recovery and the heartbeats.
   */
  copyTo(other: Telemetry): void;
}

/** Of metrics without a log. */
const NO_START: RegionStart = Object.freeze({ startTsNs: 0n, monotonicAnchorNs: 0n });

const ownMemory = ({ layout }: StructDefinition): MetricMemory => MetricMemory.own(layout.size);

/** The metrics of recovery and reading, under the labels of the log that they are part of. */
class LogRecovery extends RecoveryTelemetry {
  #name: () => LogName | undefined;

  /** Without arguments: a copy, whose log `copyTo` tells it. */
  constructor(
    structs: ConstructorParameters<typeof RecoveryTelemetry>[0] = {},
    name: () => LogName | undefined = () => undefined,
  ) {
    super(structs);
    this.#name = name;
  }

  override copyTo(other: RecoveryTelemetry): void {
    super.copyTo(other as this);
    if (other instanceof LogRecovery) other.#name = this.#name;
  }

  override collect(prefix: string, collector: Collector): void {
    const name = this.#name();
    if (name === undefined) super.collect(prefix, collector);
    else collectAs(name, collector, () => super.collect(prefix, collector));
  }
}

/** The recorder's metrics of an open log, and with them those of its recovery and its readers. */
export class LogTelemetry extends Telemetry implements WalTelemetry {
  readonly #recovery: RecoveryTelemetry;
  /** Words of the region in which the hearts beat. */
  #hearts: Int32Array | undefined;
  /** Where the log stands, for the thread that hands it out. */
  #standing: (() => LogStanding) | undefined;
  #name: LogName | undefined;
  #start: RegionStart = NO_START;
  /** Of a copy, and of a log that is closed. */
  #lastThreads = NEVER_SEEN;
  #lastStanding: LogStanding | undefined;
  #isClosed = false;
  /** Where stalls are recorded, for the thread that hands out how many there were. */
  #stalls: StallArea | undefined;
  #lastStallCounts: StallCounts = [];

  /** In memory of its own where none is named: a snapshotter makes its buffers like that. */
  private constructor(memoryOf = ownMemory) {
    super(structsOver(Telemetry.structs, memoryOf));
    const recovery = structsOver(RecoveryTelemetry.structs, memoryOf);
    this.#recovery = new LogRecovery(recovery, () => this.#name);
  }

  /** In memory of its own, until there is a region. */
  static own(): LogTelemetry {
    return new LogTelemetry();
  }

  /**
   * For readers of the log `name`: what their looks show is computed where it would be old
   * otherwise.
   */
  static ofLog(region: SharedRegion, name: LogName): LogTelemetry {
    const telemetry = LogTelemetry.inRegion(region);
    const source = new MemoryStanding(region, telemetry.manager);
    const standing = (): LogStanding => readStanding(source);
    telemetry.#name = name;
    telemetry.#start = regionStart(region);
    telemetry.#standing = standing;
    telemetry.#stalls = StallMemory.of(region).area;
    for (const [, struct] of structsIn(telemetry)) {
      const { definition } = structAccess(struct);
      if (isFilled(definition)) lookBeside(struct, () => fillOf(definition, standing()));
    }
    return telemetry;
  }

  /** Over the lines of a region that another thread of this process has prepared. */
  static inRegion(region: SharedRegion): LogTelemetry {
    const { words, byteOffset } = sectionOf(region);
    const telemetry = new LogTelemetry((definition) =>
      MetricMemory.inRegion(words, byteOffset + placeOf(definition)),
    );
    telemetry.#hearts = region.words;
    return telemetry;
  }

  /** What recovery did when the log was opened, and what its own readers do since. */
  get recovery(): RecoveryTelemetry {
    return this.#recovery;
  }

  get startedAtNs(): bigint {
    return this.#start.startTsNs;
  }

  get threads(): ThreadReadings {
    if (this.#hearts === undefined) return this.#lastThreads;
    return readThreads(this.#hearts, monotonicClock.nowNs());
  }

  /** Of a copy, and of a log that is closed, where it stood then; undefined without a log. */
  get #standingNow(): LogStanding | undefined {
    return this.#standing?.() ?? this.#lastStanding;
  }

  get #stallCounts(): StallCounts {
    return this.#stalls === undefined ? this.#lastStallCounts : countsIn(this.#stalls);
  }

  /** Goes on in the telemetry section of `region`, which is still all zero. */
  moveTo(region: SharedRegion): void {
    const { words, byteOffset } = sectionOf(region);
    for (const [, struct] of [...structsIn(this), ...structsIn(this.#recovery)]) {
      const { definition, memory } = structAccess(struct);
      memory.moveTo(words, byteOffset + placeOf(definition), definition.layout.size);
    }
    const section = region.section('telemetry');
    const bytes = new Uint8Array(region.buffer, section.byteOffset, section.byteLength);
    writeTelemetryHeader(bytes, buildInfo);
  }

  override copyTo(other: Telemetry): void {
    inOneReading(() => {
      super.copyTo(other as this);
      if (!(other instanceof LogTelemetry)) return;
      this.#recovery.copyTo(other.#recovery);
      other.#lastThreads = this.threads;
      other.#lastStanding = this.#standingNow;
      other.#isClosed = this.#isClosed;
      other.#lastStallCounts = this.#stallCounts;
      other.#name = this.#name;
      other.#start = this.#start;
    });
  }

  override collect(prefix: string, collector: Collector): void {
    this.#asLog(collector, () => this.#collect(prefix, collector));
  }

  collectAll(prefix: string, collector: Collector): void {
    const { startedAtNs, threads, recovery } = this;
    const standing = this.#standingNow;
    const isUp = standing !== undefined && !this.#isClosed;
    const uptimeNs = monotonicClock.nowNs() - Number(this.#start.monotonicAnchorNs);
    // Its own `collect` would show the figures of the log once more.
    const recorder = { collect: super.collect.bind(this) };
    const stallCounts = this.#stallCounts;
    const figures = { isUp, build: buildInfo, startedAtNs, standing, incompleteGroups: 0 };
    const log = { ...figures, threads, stallCounts };
    this.#asLog(collector, () => {
      collectLog(prefix, { ...log, uptimeNs, recorder, recovery }, collector);
    });
  }

  #asLog(collector: Collector, collect: () => void): void {
    if (this.#name === undefined) collect();
    else collectAs(this.#name, collector, collect);
  }

  #collect(prefix: string, collector: Collector): void {
    const standing = this.#standingNow;
    if (standing !== undefined) collectStanding(prefix, standing, collector);
    super.collect(prefix, collector);
    collectHeartbeats(prefix, this.threads, collector);
    collectStalls(prefix, this.#stallCounts, collector);
    collectBuildInfo(prefix, buildInfo, collector);
  }

  /** The log is closing: the last values stay to be read. */
  close(): void {
    this.#isClosed = true;
    this.#lastThreads = this.threads;
    this.#hearts = undefined;
    this.#lastStallCounts = this.#stallCounts;
    this.#stalls = undefined;
    const standing = this.#standing?.();
    if (standing !== undefined) this.#lastStanding = asClosed(standing);
    this.#standing = undefined;
    closeAggregate(this);
    closeAggregate(this.#recovery);
  }
}

/** How a log that is closing now stands for good. */
const asClosed = (standing: LogStanding): LogStanding =>
  standing.state === 'failed' ? standing : { ...standing, state: 'closed' };
