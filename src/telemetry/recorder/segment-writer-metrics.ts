// What the writer thread does with a segment: blocks, syncs, rotation by step. Write time is kept
// apart from sync time, to distinguish a slow disk from a slow checksum. Writer: the writer thread.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { layout, wordOf } from '../../memory/layout.js';
import {
  age,
  counter,
  defineMetrics,
  duration,
  gauge,
  histogram,
  operation,
  recentMax,
} from '../../metrics/catalogue.js';
import { addToValue, Counter64, Gauge64, putValue, readValue } from '../../metrics/counter64.js';
import { Duration64 } from '../../metrics/duration64.js';
import { addToHistogram, LatencyHistogram } from '../../metrics/latency-histogram.js';
import { structOf } from '../../metrics/metrics-struct.js';
import { Operation64 } from '../../metrics/operation64.js';
import { RecentMax64 } from '../../metrics/recent-max.js';
import { addTimedNote } from '../../metrics/timed-note.js';
import { failureOffset, type IntegrityFailure } from '../integrity-failure.js';
import { Updater } from '../updater.js';

const SegmentWriterLayout = layout('SegmentWriter')
  .field(0, 'openNewSegment', Operation64)
  .field(64, 'openExistingSegment', Operation64)
  .field(128, 'closeSegment', Operation64)
  .field(192, 'writeBlock', Duration64)
  .field(256, 'blockBytes', Counter64)
  .field(320, 'blockEvents', Counter64)
  .field(384, 'writeBlockHistogram', LatencyHistogram)
  .field(4672, 'writeBlockRecentMax', RecentMax64)
  .field(4736, 'sync', Duration64)
  .field(4800, 'syncHistogram', LatencyHistogram)
  .field(9088, 'syncRecentMax', RecentMax64)
  .field(9152, 'durableLag', Duration64)
  .field(9216, 'durableLagHistogram', LatencyHistogram)
  .field(13504, 'groupCommitHistogram', LatencyHistogram)
  .field(17792, 'durableLagRecentMax', RecentMax64)
  .field(17856, 'unsyncedEvents', Gauge64)
  .field(17920, 'unsyncedBytes', Gauge64)
  .field(17984, 'unsyncedAge', Gauge64)
  .field(18048, 'durableLagEvents', Gauge64)
  .field(18112, 'durableLagBytes', Gauge64)
  .field(18176, 'durableLagAge', Gauge64)
  .field(18240, 'unwatermarkedAge', Gauge64)
  .field(18304, 'writeWatermark', Duration64)
  .field(18368, 'rotateSeal', Duration64)
  .field(18432, 'rotateSync', Duration64)
  .field(18496, 'rotateHeader', Duration64)
  .field(18560, 'rotateRename', Duration64)
  .field(18624, 'rotateDirectorySync', Duration64)
  .field(18688, 'totalHeaderChecksumFailures', Counter64)
  .field(18752, 'totalBlockChecksumFailures', Counter64)
  .field(18816, 'totalChainedChecksumFailures', Counter64)
  .field(18880, 'totalValidationFailures', Counter64)
  .end(18944, 64);

const at = SegmentWriterLayout.offset;

const WRITE = wordOf(at.writeBlock);
const WRITE_BYTES = wordOf(at.blockBytes) - WRITE;
const WRITE_EVENTS = wordOf(at.blockEvents) - WRITE;
const WRITE_HISTOGRAM = wordOf(at.writeBlockHistogram) - WRITE;

/** A note's words: bytes of the block with its header, and its events. */
function applyWriteBlock(
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
  bytes: number,
  events: number,
): void {
  if (!addTimedNote(words, group, group + WRITE_HISTOGRAM, kind, low, high)) return;
  addToValue(words, group + WRITE_BYTES, bytes);
  addToValue(words, group + WRITE_EVENTS, events);
}

const SYNC = wordOf(at.sync);
const SYNC_HISTOGRAM = wordOf(at.syncHistogram) - SYNC;

function applySync(
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
): void {
  addTimedNote(words, group, group + SYNC_HISTOGRAM, kind, low, high);
}

const LAG = wordOf(at.durableLag);
const LAG_HISTOGRAM = wordOf(at.durableLagHistogram) - LAG;
const GROUP_COMMIT = wordOf(at.groupCommitHistogram) - LAG;

/** A note's word: events that the commit made durable. */
function applyDurableLag(
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
  events: number,
): void {
  if (!addTimedNote(words, group, group + LAG_HISTOGRAM, kind, low, high)) return;
  addToHistogram(words, group + GROUP_COMMIT, events, 0);
}

const UNSYNCED = wordOf(at.unsyncedEvents);
const UNSYNCED_BYTES = wordOf(at.unsyncedBytes) - UNSYNCED;
const UNSYNCED_SINCE = wordOf(at.unsyncedAge) - UNSYNCED;
const LAG_EVENTS = wordOf(at.durableLagEvents) - UNSYNCED;
const LAG_BYTES = wordOf(at.durableLagBytes) - UNSYNCED;
const LAG_SINCE = wordOf(at.durableLagAge) - UNSYNCED;

function applyUnsynced(
  words: Uint32Array,
  group: number,
  events: number,
  bytes: number,
  sinceNs: number,
  durableUntilNs: number,
): void {
  putValue(words, group, events);
  putValue(words, group + UNSYNCED_BYTES, bytes);
  putValue(words, group + UNSYNCED_SINCE, sinceNs);
  putValue(words, group + LAG_SINCE, durableUntilNs);
}

/** What is appended and not durable, as the positions of a log tell it. */
interface Behind {
  readonly events: number;
  /** In the ring. */
  readonly waitingBytes: number;
}

/** Puts what is not durable into a copy of the struct that begins at word `start`. */
export function fillLag(copy: Uint32Array, start: number, behind: Behind): void {
  const group = start + UNSYNCED;
  const { events, waitingBytes } = behind;
  putValue(copy, group + LAG_EVENTS, events);
  const bytes = events === 0 ? 0 : waitingBytes + readValue(copy, group + UNSYNCED_BYTES);
  putValue(copy, group + LAG_BYTES, bytes);
  if (events === 0) putValue(copy, group + LAG_SINCE, 0);
}

const WRITER = { writer: 'writer' } as const;
const READER = { writer: 'reader' } as const;

const SEGMENT_WRITER = defineMetrics(SegmentWriterLayout, 'wal_segment_writer', {
  openNewSegment: operation({
    reference: 'open_new_segment',
    ...WRITER,
    help: 'Time to publish a new segment',
    covers: 'header page, its fdatasync, rename, sync of the folder, without waiting for a file',
  }),
  openExistingSegment: operation({
    reference: 'open_existing_segment',
    failures: 'unseen',
    ...WRITER,
    help: 'Time to open the last segment of an existing log',
    covers:
      'finding, reading and judging the last segment, and rewriting its end, when the log opens',
  }),
  closeSegment: operation({
    reference: 'close_segment',
    ...WRITER,
    help: 'Time to finish a segment',
    covers: 'seal, fdatasync and close of a segment that has a successor',
  }),
  writeBlock: duration({
    reference: 'write_block_ns',
    ...WRITER,
    help: 'Time to write one block of events',
    covers: 'checksum and write call of one block, without any sync',
  }),
  blockBytes: counter({
    ...WRITER,
    group: 'writeBlock',
    unit: 'bytes',
    help: 'Bytes of blocks of events, including headers',
    covers: 'each block, once its write has returned',
  }),
  blockEvents: counter({
    ...WRITER,
    group: 'writeBlock',
    unit: 'events',
    help: 'Events in blocks',
    covers: 'each block, once its write has returned',
  }),
  writeBlockHistogram: histogram({
    ...WRITER,
    group: 'writeBlock',
    help: 'Time to write one block of events',
    covers: 'checksum and write call of one block, without any sync',
  }),
  writeBlockRecentMax: recentMax({
    ...WRITER,
    help: 'Longest write of a block of the last 10 to 20 s',
    covers: 'each write, once it has returned',
  }),
  sync: duration({
    ...WRITER,
    help: 'Time of one group commit',
    covers: 'the fdatasync that makes written events durable; that of a rotation is in rotateSync',
  }),
  syncHistogram: histogram({
    ...WRITER,
    group: 'sync',
    help: 'Time of one group commit',
    covers: 'the fdatasync that makes written events durable; that of a rotation is in rotateSync',
  }),
  syncRecentMax: recentMax({
    ...WRITER,
    help: 'Longest group commit of the last 10 to 20 s',
    covers: 'each sync, once it has returned',
  }),
  durableLag: duration({
    ...WRITER,
    help: 'How long the oldest event of a group commit had been written but not durable',
    covers: 'from the start of the first write that a commit covers until its sync returned',
  }),
  durableLagHistogram: histogram({
    ...WRITER,
    group: 'durableLag',
    help: 'How long the oldest event of a group commit had been written but not durable',
    covers: 'from the start of the first write that a commit covers until its sync returned',
  }),
  groupCommitHistogram: histogram({
    ...WRITER,
    group: 'durableLag',
    unit: 'events',
    help: 'Events that one group commit made durable',
    covers: 'events written and not durable, at each sync that succeeded, rotations included',
  }),
  durableLagRecentMax: recentMax({
    ...WRITER,
    help: 'Longest time of the last 10 to 20 s in which events were written but not durable',
    covers: 'each group commit, once it has returned',
  }),
  unsyncedEvents: gauge({
    ...WRITER,
    unit: 'events',
    help: 'Events that are written but not durable',
    covers: 'as of the last block or sync; events that are still in the ring are not among them',
  }),
  unsyncedBytes: gauge({
    ...WRITER,
    group: 'unsyncedEvents',
    unit: 'bytes',
    help: 'Bytes of blocks of events that are written but not durable, including headers',
    covers: 'as of the last block or sync',
  }),
  unsyncedAge: age({
    ...WRITER,
    group: 'unsyncedEvents',
    help: 'Age of the oldest event that is written but not durable; 0: there is none',
    covers: 'from the start of the write of its block until now',
  }),
  durableLagEvents: gauge({
    ...READER,
    group: 'unsyncedEvents',
    unit: 'events',
    help: 'Events that are appended but not durable, in the ring or written',
    covers: 'the positions of the log at the moment of the look, whatever its threads do',
  }),
  durableLagBytes: gauge({
    ...READER,
    group: 'unsyncedEvents',
    unit: 'bytes',
    help: 'Bytes that are appended but not durable, in the ring or in blocks, with their headers',
    covers: 'the positions of the log at the moment of the look, whatever its threads do',
  }),
  durableLagAge: age({
    ...READER,
    group: 'unsyncedEvents',
    help: 'Age of the oldest event that is appended but not durable; 0: there is none',
    covers:
      'from the last look of the writer thread before which everything that was appended is ' +
      'durable, until now: too long by at most its sleep, write or sync before that look, and ' +
      'what was behind then',
  }),
  unwatermarkedAge: age({
    ...WRITER,
    help: 'Age of the last commit that no block header on disk records yet; 0: there is none',
    covers: 'from the return of its sync until a later header records it, in the file or a new one',
  }),
  writeWatermark: duration({
    ...WRITER,
    help: 'Time to write a watermark: a block without events that records the last commit',
    covers: 'checksum and write call of one watermark block, without any sync',
  }),
  rotateSeal: duration({
    ...WRITER,
    help: 'Rotation, step 1: time to write the seal',
    covers: 'index, checksum and write of the seal block',
  }),
  rotateSync: duration({
    ...WRITER,
    help: 'Rotation, step 2: time to sync the finished segment',
    covers: 'the fdatasync after the seal',
  }),
  rotateHeader: duration({
    ...WRITER,
    help: 'Rotation, step 3: time to write and sync the header page of the next segment',
    covers: 'write and fdatasync of the header page',
  }),
  rotateRename: duration({
    ...WRITER,
    help: 'Rotation, step 4: time to give the next segment its name',
    covers: 'the rename, which never replaces a file',
  }),
  rotateDirectorySync: duration({
    ...WRITER,
    help: 'Rotation, step 5: time to sync the folder',
    covers: 'the fsync of the folder',
  }),
  totalHeaderChecksumFailures: counter({
    reference: 'total_header_checksum_failures',
    ...WRITER,
    help: 'Block headers that did not validate when an existing segment was opened',
    covers: 'the end of the last segment, when the log opens',
  }),
  totalBlockChecksumFailures: counter({
    reference: 'total_block_checksum_failures',
    ...WRITER,
    help: 'Block payloads that did not validate when an existing segment was opened',
    covers: 'the end of the last segment, when the log opens',
  }),
  totalChainedChecksumFailures: counter({
    reference: 'total_chained_checksum_failures',
    ...WRITER,
    help: 'Blocks that did not follow the previous one when an existing segment was opened',
    covers: 'the end of the last segment, when the log opens',
  }),
  totalValidationFailures: counter({
    reference: 'total_validation_failures',
    ...WRITER,
    help: 'Other defects of blocks when an existing segment was opened',
    covers: 'the end of the last segment, when the log opens',
  }),
});

/** Metrics of the WAL segment writer. */
export class SegmentWriter extends structOf(SEGMENT_WRITER) {
  static readonly layout = SegmentWriterLayout;
}

/** Records for the writer thread. `startNs` is always `clock.nowNs()` when the work began. */
export class SegmentWriterUpdater extends Updater {
  constructor(metrics: SegmentWriter, clock: Clock = monotonicClock) {
    super(SEGMENT_WRITER, metrics, clock);
    Object.freeze(this);
  }

  onOpenNewSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.openNewSegment), startNs, ok);
  }

  onOpenExistingSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.openExistingSegment), startNs, ok);
  }

  onCloseSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.closeSegment), startNs, ok);
  }

  /** @param bytes of the block with its header */
  onWriteBlock(startNs: number, bytes = 0, events = 0): void {
    this.record(WRITE, applyWriteBlock, startNs, bytes, events);
    this.recent(wordOf(at.writeBlockRecentMax));
  }

  /** A sync that is no step of a rotation. */
  onSync(startNs: number): void {
    this.record(SYNC, applySync, startNs, 0, 0);
    this.recent(wordOf(at.syncRecentMax));
  }

  /**
   * A commit, by a sync of its own or by a rotation's.
   * @param writtenNs when the first block that it covers was written
   * @param events that it made durable
   */
  onDurable(writtenNs: number, events = 0): void {
    this.record(LAG, applyDurableLag, writtenNs, events, 0);
    this.recent(wordOf(at.durableLagRecentMax));
  }

  /**
   * What is written and not durable.
   * @param bytes of their blocks
   * @param sinceNs when the first of them was written; 0: there are none
   * @param durableUntilNs all that was appended before is durable
   */
  setUnsynced(events: number, bytes: number, sinceNs: number, durableUntilNs: number): void {
    this.change(UNSYNCED, applyUnsynced, events, bytes, sinceNs, durableUntilNs);
  }

  /** @param sinceNs when the last commit that no header records was synced; 0: there is none */
  setUnwatermarkedSince(sinceNs: number): void {
    this.set(wordOf(at.unwatermarkedAge), sinceNs);
  }

  onWriteWatermark(startNs: number): void {
    this.time(wordOf(at.writeWatermark), startNs);
  }

  onRotateSeal(startNs: number): void {
    this.time(wordOf(at.rotateSeal), startNs);
  }

  onRotateSync(startNs: number): void {
    this.time(wordOf(at.rotateSync), startNs);
  }

  onRotateHeader(startNs: number): void {
    this.time(wordOf(at.rotateHeader), startNs);
  }

  onRotateRename(startNs: number): void {
    this.time(wordOf(at.rotateRename), startNs);
  }

  onRotateDirectorySync(startNs: number): void {
    this.time(wordOf(at.rotateDirectorySync), startNs);
  }

  onIntegrityFailure(status: IntegrityFailure): void {
    this.count(wordOf(failureOffset(at, status)));
  }
}
