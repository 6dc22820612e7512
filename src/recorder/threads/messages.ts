// What passes between the application thread and the workers: at the start and at the end only.
import type { WallAnchor } from '../../clock/wall-clock.js';
import type { SerializedError } from '../../errors.js';
import type { NativePaths } from '../../memory/native-module.js';
import type { RecoveryReport } from '../../recovery/recover-log.js';
import type { RegionHandle } from '../../region/shared-region.js';
import type { TallyState } from '../../segment/segment-tally.js';
import type { CustodyLine, HeldLog } from './custody.js';
import type { SignalsHandle } from './signals.js';
import type { ResolvedOptions } from './wal-options.js';

export interface OpenRequest {
  readonly directory: string;
  readonly options: ResolvedOptions;
  readonly signals: SignalsHandle;
  /** By which it asks the application's thread for the descriptors that hold the log. */
  readonly custody: CustodyLine;
  /** See createPortableRegion. */
  readonly spare: SharedArrayBuffer | undefined;
  /** When Wal.open was called, in whole nanoseconds of the monotonic clock. */
  readonly calledNs: number;
  /** It is only opened there; another thread writes it. */
  readonly handsOver: boolean;
}

/** All that is needed to go on writing a segment, but for its tally. */
export interface HandedSegmentState {
  readonly segmentIndex: number;
  readonly segmentBytes: number;
  /** The file is so long, and never becomes shorter. */
  readonly fileBytes: number;
  /** By its header no block is longer. */
  readonly maxBlockBytes: number;
  readonly salt: bigint;
  /** Where the next block goes. */
  readonly offset: number;
  readonly nextBlockIndex: number;
  /** Header checksum of the last block of any kind, or of the segment header. */
  readonly lastChecksum: bigint;
  /**
   * The last event or watermark block (or the segment header), which a successor's header pins:
   * the offset just behind it, and its checksum.
   */
  readonly pin: { readonly endOffset: number; readonly checksum: bigint };
  /** Highest id that a header in this file, or its pin, claims durable. */
  readonly durableClaim: number;
}

/** The segment that is written to, as plain data. */
export interface HandedSegment {
  readonly path: string;
  readonly inode: bigint;
  readonly state: HandedSegmentState;
  /** False once nothing more is written to it. */
  readonly takesBlocks: boolean;
  readonly tally: TallyState;
}

/** Where a segment ends, as the header of the next one pins it. */
export interface PredecessorPin {
  readonly segmentIndex: number;
  readonly endOffset: number;
  readonly checksum: bigint;
}

/** A writer that has opened a log and written and synced all there was, as plain data. */
export interface HandedWriter {
  /** Undefined where the next block begins a segment. */
  readonly active: HandedSegment | undefined;
  readonly predecessor: PredecessorPin;
  readonly nextEventId: number;
  readonly lastTimestampNs: bigint;
  readonly segmentCount: number;
}

/** To a thread that is to serve a log which is open. */
interface OpenLogStart {
  readonly directory: string;
  readonly options: ResolvedOptions;
  readonly signals: SignalsHandle;
  readonly logId: bigint;
  readonly held: HeldLog;
  readonly region: RegionHandle;
}

/** To a writer thread: another one has opened the log. */
export interface AdoptRequest extends OpenLogStart {
  readonly anchor: WallAnchor;
  readonly handed: HandedWriter;
}

/** The log is locked, recovered, and its region is there. */
export interface WriterReady {
  readonly kind: 'opened';
  readonly logId: bigint;
  readonly nextEventId: number;
  readonly firstTicket: number;
  /** See WalMeta. */
  readonly firstKeptEventId: number;
  readonly anchor: WallAnchor;
  /** The latest time that the log tells of: no timestamp lies before it. */
  readonly lastTimestampNs: bigint;
  /** The same before the open wrote anything; 0 for a new log. */
  readonly recoveredTimestampNs: bigint;
  /** When the writer thread was done with it, in whole nanoseconds of the monotonic clock. */
  readonly handedNs: number;
  readonly region: RegionHandle;
  readonly sharedMemoryReason: string | undefined;
  /** What holds the log. */
  readonly held: HeldLog;
  readonly recovery: RecoveryReport;
  /** Calls that the thread's storage was refused while it opened the log, and did without. */
  readonly doneWithout: readonly string[];
  /** For the thread that is to write it; undefined where the one that has opened it does. */
  readonly handed: HandedWriter | undefined;
}

/** A helper serves the log: from here on its thread may die at any time without harm to others. */
interface Running {
  readonly kind: 'running';
}

/** The worker could not do its work, at the start or at the end. */
interface Refused {
  readonly kind: 'refused';
  readonly error: SerializedError;
}

/** The first damage that the verification in the background has found; the log goes on. */
interface Damage {
  readonly kind: 'damage';
  readonly error: SerializedError;
}

/** What was asked for is removed, or what keeps it from being removed. */
export interface Deleted {
  readonly kind: 'deleted';
  /** The request that it answers, and all before it; see `deleteRequests`. */
  readonly requests: number;
  /** The first event that is still there. */
  readonly firstEventId: number;
  readonly error: SerializedError | undefined;
}

/** What a host tells about one log that it serves. */
export type LogMessage = WriterReady | Running | Refused | Damage | Deleted | Gone;

/** The host has nothing more to do with the log. */
interface Gone {
  readonly kind: 'gone';
  /** Why it ended before its time. */
  readonly error?: SerializedError | undefined;
}

export interface HelperStart extends OpenLogStart {
  readonly firstTicket: number;
  /** See WalMeta. */
  readonly firstKeptEventId: number;
}

export interface MaintainerStart extends OpenLogStart {
  /** See WriterReady. */
  readonly recoveredTimestampNs: bigint;
}

/** To a host: a log that it is to serve. */
export interface Letter<Start> {
  /** By which the host and the application's thread tell its logs apart. */
  readonly ticket: number;
  readonly start: Start;
  /** What the application's thread has loaded. */
  readonly natives: NativePaths;
}

/** From a host, about the log that has the ticket. */
export interface Reply {
  readonly ticket: number;
  readonly message: LogMessage;
}
