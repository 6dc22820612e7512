// All that an open log holds besides memory of its own: threads, region, lock.
import { monotonicClock } from '../../clock/clock.js';
import { isOperational, type WalError } from '../../errors.js';
import type { ReadingPorts } from '../../judgement/reading-ports.js';
import { machineReadingPorts } from '../../judgement/region-ports.js';
import { libc } from '../../memory/libc.js';
import { adoptRegion } from '../../region/region-factories.js';
import type { SharedRegion } from '../../region/shared-region.js';
import { NO_RING, type RingMemory, ringOfRegion } from '../../ring/ring-memory.js';
import type { DiskSyncs } from '../../storage/disk-syncs.js';
import type { LogLock } from '../../storage/lock-file.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { ownThreadId, timesOfThread } from '../../storage/thread-times.js';
import { heartbeatOf, type ThreadName } from '../../telemetry/heartbeats.js';
import { LogTelemetry } from '../../telemetry/log-telemetry.js';
import { StallMemory } from '../../telemetry/stalls/stall-memory.js';
import { StallSampler } from '../../telemetry/stalls/stall-sampler.js';
import { type ThreadMarks, threadMarksOf } from '../../telemetry/thread-marks.js';
import { Custody } from '../threads/custody.js';
import type { WriterReady } from '../threads/messages.js';
import type { Signals } from '../threads/signals.js';
import type { ResolvedOptions } from '../threads/wal-options.js';
import { Crew } from './crew.js';
import { Neighbours } from './neighbours.js';
import { Announcements, OwnBell } from './own-bell.js';
import { SegmentMaintenance } from './segment-maintenance.js';
import { keepSpare, takeSpare } from './spare-memory.js';

/** What the platform provides and the options allow: `wal.capabilities`. */
export interface Capabilities {
  /**
   * `mapped`: what was appended survives this process. `portable`: only what was written to files.
   */
  readonly sharedMemory: 'mapped' | 'portable';
  /** Why memory is not shared although the options allow it. */
  readonly sharedMemoryReason: string | undefined;
  /** True if the region's file was moved, removed or replaced, which ends the log. */
  readonly sharedMemoryNameLost: boolean;
  /** Whether a file lock keeps the log from being opened a second time. */
  readonly lock: 'flock' | 'none';
  /**
   * Whether a rename can refuse to replace a file. If not (FUSE, seccomp), the log checks for one
   * before it renames. This and the next two are what the open found, as far as it needed them.
   */
  readonly renameNoReplace: boolean;
  /** Whether space can be allocated ahead. If not, a full disk is noticed later. */
  readonly allocate: boolean;
  /** Whether folders can be synced. If not, a power cut may undo the names of new files. */
  readonly syncDirectory: boolean;
}

export class OpenLogHandles {
  readonly ready: WriterReady;
  memory: RingMemory;
  readonly telemetry: LogTelemetry;
  /** Beats the heart of the application's thread. */
  readonly beat: () => void;
  /** For readers of this log: they find its folder wherever it is. */
  readonly readingPorts: ReadingPorts;
  /** For what writes in the folder from the application's thread. */
  readonly syncs: DiskSyncs;
  /** The logs that share threads with this one. */
  readonly neighbours: Neighbours;
  /** Where this thread tells of its waits; see WaitRecorder. */
  readonly stallMemory: StallMemory;
  /** What this thread tells of itself, for the recorder of stalls. */
  readonly marks: ThreadMarks;
  readonly #sampler: StallSampler;
  readonly maintenance: SegmentMaintenance;
  readonly #options: ResolvedOptions;
  readonly #signals: Signals;
  readonly #custody: Custody;
  readonly #crew: Crew;
  readonly #region: SharedRegion;
  /** A portable region's memory, once all threads have left it. */
  #unused: SharedArrayBuffer | undefined;

  private constructor(
    directory: string,
    options: ResolvedOptions,
    signals: Signals,
    custody: Custody,
    crew: Crew,
    ready: WriterReady,
  ) {
    this.#options = options;
    this.#signals = signals;
    this.#custody = custody;
    const ports = machineReadingPorts(custody.storageOf(directory));
    const memory = (): RingMemory | undefined =>
      this.memory === NO_RING ? undefined : this.memory;
    const announcements = {
      durable: new Announcements(signals, 'durable'),
      written: new Announcements(signals, 'written'),
    };
    this.readingPorts = Object.freeze({
      ...ports,
      bell: (...asked: Parameters<ReadingPorts['bell']>) => {
        const [, , kind, onRing] = asked;
        const isClosed = memory() === undefined;
        if (isClosed) return ports.bell(...asked);
        return new OwnBell(announcements[kind], memory, onRing);
      },
    });
    this.syncs = custody.syncsOf(directory);
    this.#crew = crew;
    this.maintenance = new SegmentMaintenance(signals, () => crew.maintain());
    this.ready = ready;
    this.#region = adoptRegion(ready.region, custody);
    this.memory = ringOfRegion(this.#region);
    const { logId } = ready;
    const elsewhere = (thread: ThreadName) => crew.elsewhere(thread);
    this.neighbours = new Neighbours(this.#region, monotonicClock, elsewhere);
    this.stallMemory = StallMemory.of(this.#region);
    this.#sampler = new StallSampler(this.stallMemory, monotonicClock, timesOfThread);
    this.marks = threadMarksOf(this.#region, 'application', ownThreadId());
    const beat = heartbeatOf(this.#region, 'application', monotonicClock);
    this.beat = () => {
      beat();
      this.lookAround();
    };
    this.telemetry = LogTelemetry.ofLog(this.#region, { directory, logId });
  }

  /** Where the folder is reached by its descriptor; undefined: by its path. */
  get root(): string | undefined {
    return this.#custody.root;
  }

  static async open(
    directory: string,
    options: ResolvedOptions,
    signals: Signals,
    calledNs: number,
    onDeath: (error: WalError) => void,
  ): Promise<OpenLogHandles> {
    const custody = new Custody(nodeStorage);
    const spare = takeSpare(options.ringBytes);
    const starting = Crew.start(
      directory,
      options,
      signals,
      custody,
      spare,
      calledNs,
      onDeath,
      // Nothing was appended yet.
      ({ region }) => giveBack(custody.logLock, adoptRegion(region, custody), true),
    ).catch((error) => {
      keepSpare(options.ringBytes, spare);
      throw error;
    });
    // While the threads start: the writer's first request needs it, and would wait for it.
    libc();
    const { crew, ready } = await starting;
    if (ready.region.adapter === 'mapped') keepSpare(options.ringBytes, spare);
    return new OpenLogHandles(directory, options, signals, custody, crew, ready);
  }

  /** The neighbours, for who waits: what else is to be told meanwhile is told with them. */
  get around(): Pick<Neighbours, 'at' | 'longAt' | 'tell'> {
    const { neighbours } = this;
    return {
      at: (thread) => neighbours.at(thread),
      longAt: (thread) => neighbours.longAt(thread),
      tell: () => this.lookAround(),
    };
  }

  /**
   * While this thread waits, or now and then: it tells what the others, which may be stuck, cannot.
   */
  lookAround(): void {
    this.neighbours.tell();
    this.#sampler.lookIfLate();
  }

  get capabilities(): Capabilities {
    const native = libc() !== undefined;
    const isHad = (call: string): boolean => !this.ready.doneWithout.includes(call);
    return {
      sharedMemory: this.#region.adapter,
      sharedMemoryReason: this.ready.sharedMemoryReason,
      sharedMemoryNameLost: this.#signals.get('regionNameLost') === 1,
      lock: this.#options.lock,
      renameNoReplace: native && isHad('renameNoReplace'),
      allocate: native && isHad('allocate'),
      syncDirectory: isHad('syncDirectory'),
    };
  }

  /** Ends the threads; rejects with what kept them from finishing. */
  async end(): Promise<void> {
    const { region } = this.ready;
    try {
      await this.#crew.end();
    } finally {
      this.#unused = region.adapter === 'portable' ? region.buffer : undefined;
    }
  }

  endNow(timeoutMs: number): boolean {
    return this.#crew.endNow(timeoutMs);
  }

  /**
   * Whoever has taken a view from `memory` has dropped it before.
   * @param isWhole all that the ring held is on disk: the region may go
   */
  release(isWhole: boolean): void {
    this.memory = NO_RING;
    // Followers of this thread look for another bell; those of durable events were told before.
    this.#signals.announceWritten();
    keepSpare(this.#options.ringBytes, this.#unused);
    this.#unused = undefined;
    try {
      giveBack(this.#custody.logLock, this.#region, isWhole);
    } finally {
      this.#custody.release();
    }
  }
}

/** Region and lock, which the writer thread has used and this one holds. */
export function giveBack(lock: LogLock | undefined, region: SharedRegion, isWhole: boolean): void {
  try {
    const outcome = region.release({ remove: isWhole });
    // A region that could not be removed stays named: the next open tries again.
    if (isWhole && outcome !== 'kept') clear(lock);
  } finally {
    // Whatever the disk refuses, the lock goes: the next open is the way on.
    lock?.release();
  }
}

/**
 * LOCK names no region any more. Where the disk refuses, it names one that is gone: the next open
 * finds nothing there. The disk's trouble itself is reported by wal.meta, which was to be flushed.
 */
function clear(lock: LogLock | undefined): void {
  try {
    lock?.forgetRegions();
  } catch (error) {
    if (!isOperational(error)) throw error;
  }
}
