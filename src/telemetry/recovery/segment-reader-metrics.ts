// Reading one segment: opening, reading, verifying, seeking. Disk time is kept apart from the rest:
// verifySegment - readChunk is checksums and frames.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { layout, wordOf } from '../../memory/layout.js';
import { counter, defineMetrics, duration, operation } from '../../metrics/catalogue.js';
import { addToValue, Counter64 } from '../../metrics/counter64.js';
import { Duration64 } from '../../metrics/duration64.js';
import { structOf } from '../../metrics/metrics-struct.js';
import { Operation64 } from '../../metrics/operation64.js';
import { failureOffset, type IntegrityFailure } from '../integrity-failure.js';
import { Updater } from '../updater.js';

const SegmentReaderLayout = layout('SegmentReader')
  .field(0, 'openSegment', Operation64)
  .field(64, 'closeSegment', Operation64)
  .field(128, 'verifySegment', Operation64)
  .field(192, 'buildIndex', Operation64)
  .field(256, 'seekEvent', Duration64)
  .field(320, 'totalHeaderChecksumFailures', Counter64)
  .field(384, 'totalBlockChecksumFailures', Counter64)
  .field(448, 'totalChainedChecksumFailures', Counter64)
  .field(512, 'totalValidationFailures', Counter64)
  .field(576, 'readChunk', Operation64)
  .field(640, 'readBytes', Counter64)
  .field(704, 'verifiedBlocks', Counter64)
  .field(768, 'verifiedBytes', Counter64)
  .field(832, 'verifiedEvents', Counter64)
  .end(896, 64);

const at = SegmentReaderLayout.offset;
const VERIFIED = wordOf(at.verifiedBlocks);
const VERIFIED_BYTES = wordOf(at.verifiedBytes) - VERIFIED;
const VERIFIED_EVENTS = wordOf(at.verifiedEvents) - VERIFIED;

function addVerified(words: Uint32Array, group: number, bytes: number, events: number): void {
  addToValue(words, group, 1);
  addToValue(words, group + VERIFIED_BYTES, bytes);
  addToValue(words, group + VERIFIED_EVENTS, events);
}

const READER = { writer: 'any' } as const;
const FAILED = 'each defect that ends the reading of a segment, including a torn tail';
const BLOCK = 'each block whose checksums and frames are valid, every time it is read';

const SEGMENT_READER = defineMetrics(SegmentReaderLayout, 'wal_recovery_reader', {
  openSegment: operation({
    reference: 'open_segment',
    ...READER,
    help: 'Time to open a segment',
    covers: 'opening the file, reading its header page and checking it; not if there is no file',
  }),
  closeSegment: operation({
    reference: 'close_segment',
    ...READER,
    help: 'Time to close a segment',
    covers: 'the close call',
  }),
  verifySegment: operation({
    reference: 'verify_segment',
    ...READER,
    help: 'Time to read and verify the blocks of a segment',
    covers:
      'all blocks from where reading began to the end of the segment, without the time between ' +
      'them, in which events are used',
  }),
  buildIndex: operation({
    reference: 'build_index',
    ...READER,
    help: 'Time to get the index of a finished segment; failed: it has no valid seal',
    covers: 'reading and checking the seal, when an event inside a segment is searched for',
  }),
  seekEvent: duration({
    reference: 'seek_event',
    ...READER,
    help: 'Time to find the block of an event in its segment',
    covers: 'from the position in the index to the block with the event, which is verified',
  }),
  totalHeaderChecksumFailures: counter({
    reference: 'total_header_checksum_failures',
    ...READER,
    help: 'Headers of segments and blocks whose checksum did not match',
    covers: FAILED,
  }),
  totalBlockChecksumFailures: counter({
    reference: 'total_block_checksum_failures',
    ...READER,
    help: 'Blocks whose payload did not match its checksum',
    covers: FAILED,
  }),
  totalChainedChecksumFailures: counter({
    reference: 'total_chained_checksum_failures',
    ...READER,
    help: 'Blocks that do not follow the previous one; segments that do not end as pinned',
    covers: FAILED,
  }),
  totalValidationFailures: counter({
    reference: 'total_validation_failures',
    ...READER,
    help: 'Other defects of segments and blocks: truncated, no magic, impossible fields',
    covers: FAILED,
  }),
  readChunk: operation({
    ...READER,
    help: 'Time to read a chunk of a segment',
    covers: 'the pread of at most 2 MiB',
  }),
  readBytes: counter({
    ...READER,
    unit: 'bytes',
    help: 'Bytes read from segments',
    covers: 'each chunk, once it is read',
  }),
  verifiedBlocks: counter({
    ...READER,
    help: 'Blocks that were verified, including watermarks and seals',
    covers: BLOCK,
  }),
  verifiedBytes: counter({
    ...READER,
    group: 'verifiedBlocks',
    unit: 'bytes',
    help: 'Bytes of blocks that were verified, including headers',
    covers: BLOCK,
  }),
  verifiedEvents: counter({
    ...READER,
    group: 'verifiedBlocks',
    unit: 'events',
    help: 'Events in blocks that were verified',
    covers: BLOCK,
  }),
});

/** Metrics of the WAL segment reader. */
export class SegmentReader extends structOf(SEGMENT_READER) {
  static readonly layout = SegmentReaderLayout;
}

/** Records for the thread that reads. `startNs` is always `clock.nowNs()` when the work began. */
export class SegmentReaderUpdater extends Updater {
  constructor(metrics: SegmentReader, clock: Clock = monotonicClock) {
    super(SEGMENT_READER, metrics, clock);
    Object.freeze(this);
  }

  onOpenSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.openSegment), startNs, ok);
  }

  onCloseSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.closeSegment), startNs, ok);
  }

  onVerifySegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.verifySegment), startNs, ok);
  }

  onBuildIndex(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.buildIndex), startNs, ok);
  }

  onSeekEvent(startNs: number): void {
    this.time(wordOf(at.seekEvent), startNs);
  }

  onIntegrityFailure(failure: IntegrityFailure): void {
    this.count(wordOf(failureOffset(at, failure)));
  }

  /** @param bytes that were read, below 2^32 */
  onReadChunk(startNs: number, ok: boolean, bytes: number): void {
    this.operation(wordOf(at.readChunk), startNs, ok);
    this.count(wordOf(at.readBytes), bytes);
  }

  /** @param bytes of the block with its header */
  onVerifyBlock(bytes: number, events: number): void {
    this.change(VERIFIED, addVerified, bytes, events);
  }
}
