// The control words of a log, in the shared region: what producer, writer thread and readers in
// other processes share. Every word has one writer and a 128-byte neighbourhood of its own (two
// cache lines: the adjacent-line prefetcher would otherwise couple neighbours).
//
//   | free      | frame | frame | frame | frame | free                      |
//               ^ written                       ^ appended
//                 the writer thread moves it      append moves it
//
//   after a wrap; a padding frame fills the end, in which the next frame did not fit:
//   | frame | frame | free                      | frame | frame | padding   |
//                   ^ appended                  ^ written
//
// Positions count units of 8 bytes modulo 2^32, and the difference of two positions is the bytes
// between them. Where a position stands in the ring, which grows, says its geometry
// (ring-geometry.ts):
//   appended 0x0000_0002, written 0xffff_fffe  →  (2 − −2) · 8 = 32 bytes wait.
import { block, layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import { DoubleLine, LatchLine, WordLine } from '../memory/lines.js';
import { ORDERS_STORES } from '../metrics/sequence.js';

export const UNIT_BYTES = 8;
/** A constant of this module: V8 leaves the other branch out of the code that it compiles. */
const IS_PLAIN = ORDERS_STORES;

/**
 * One of WRITER_DOES (telemetry/stalls/interval.ts) and since when, and when the last commit was:
 * times as doubles, in nanoseconds of the monotonic clock.
 */
const WriterDoes = layout('WriterDoes')
  .field(0, 'what', u32)
  .field(4, 'spare0', pad(4))
  .field(8, 'sinceNs', u64)
  .field(16, 'committedNs', u64)
  .field(24, 'spare1', pad(104))
  .end(128, 64);

export const RingControlLayout = layout('RingControl')
  /** Position after the last published frame. Writer: the application thread. */
  .field(0, 'appended', WordLine)
  /** Position after the last frame that the kernel has. Writer: the writer thread. */
  .field(128, 'written', WordLine)
  /** Id of the last event that the kernel has. Writer: the writer thread. */
  .field(256, 'writtenEventId', LatchLine)
  /** The durable point: segment index, offset, last event id. Writer: the writer thread. */
  .field(384, 'durablePoint', LatchLine)
  /**
   * Nanoseconds since the opening's anchor as one double, kept fresh for `timestamps: 'coarse'`.
   * One aligned 8-byte store and load: V8 emits one instruction each. Writer: the writer thread.
   */
  .field(512, 'coarseOffsetNs', DoubleLine)
  /**
   * One of LogState. Writer: the writer thread, and the application thread when that has died, when
   * the log is closing, or fenced: the writer thread does not write over that.
   */
  .field(640, 'state', WordLine)
  /**
   * Id of the last event before this opening: with what was appended since it is the last of all.
   * Writer: the writer thread.
   */
  .field(768, 'openedAtEventId', LatchLine)
  /** See ring-geometry.ts. Writer: the application thread, and who creates the region before. */
  .field(896, 'geometry', LatchLine)
  /**
   * For how many more commits the writer thread rings; see follower-bell.ts. Writers: followers in
   * any process, by write(2), and the writer thread, which counts down.
   */
  .field(1024, 'durableRings', WordLine)
  /** The same for blocks that are written, durable or not. */
  .field(1152, 'writtenRings', WordLine)
  /** Counter of rings; 0: this log's writer rings for nobody. Writer: the writer thread. */
  .field(1280, 'rung', WordLine)
  /** What the writer thread is in, for the recorder of stalls. Writer: the writer thread. */
  .field(1408, 'writerDoes', WriterDoes)
  .field(1536, 'spare', block(2560, 64))
  .end(4096, 64);

/**
 * Stores a position so that whoever sees it sees all that was stored before. Where stores become
 * visible in program order a plain one does, and is ten times as cheap: an atomic one waits until
 * all stores before it have left the processor.
 */
export function publishPosition(words: Int32Array, at: number, position: number): void {
  if (IS_PLAIN) words[at] = position;
  else Atomics.store(words, at, position);
}

export const LogState = Object.freeze({
  opening: 0,
  open: 1,
  noSpace: 2,
  failed: 3,
  closing: 4,
  closed: 5,
  /** Another log has taken over a stream that this one feeds: nothing more is to be appended. */
  fenced: 6,
});
export type LogStateCode = (typeof LogState)[keyof typeof LogState];

/**
 * So often a follower has the writer ring for it: each wish costs a write, and wakes all who watch
 * the region. A follower that was killed costs no more rings than these.
 */
export const RINGS_MAX = 16;

/** The durable point, as the reference's 16-byte meta state: a segment, an offset, an event id. */
export interface DurablePoint {
  readonly segmentIndex: number;
  /** Offset just after the last durable block. */
  readonly offset: number;
  readonly lastEventId: number;
}

/** Word indexes of one region's control section. */
export interface ControlWords {
  readonly appended: number;
  readonly written: number;
  readonly writtenEventId: number;
  readonly durablePoint: number;
  /** Index in a Float64Array, not in words. */
  readonly coarseOffsetNs: number;
  readonly state: number;
  readonly openedAtEventId: number;
  readonly geometry: number;
  readonly durableRings: number;
  readonly writtenRings: number;
  readonly rung: number;
  readonly writerDoes: number;
  /** Indexes in a Float64Array. */
  readonly writerDoesSinceNs: number;
  readonly committedNs: number;
}

/** Where the control words stand in an Int32Array whose control section begins at `byteOffset`. */
export function controlWords(byteOffset: number): ControlWords {
  const at = (offset: number): number => wordOf(byteOffset + offset);
  const {
    appended,
    written,
    writtenEventId,
    durablePoint,
    coarseOffsetNs,
    state,
    openedAtEventId,
    geometry,
    durableRings,
    writtenRings,
    rung,
    writerDoes,
  } = RingControlLayout.offset;
  const doubleAt = (offset: number): number =>
    (byteOffset + offset) / Float64Array.BYTES_PER_ELEMENT;
  return Object.freeze({
    appended: at(appended),
    written: at(written),
    writtenEventId: at(writtenEventId),
    durablePoint: at(durablePoint),
    coarseOffsetNs: doubleAt(coarseOffsetNs),
    state: at(state),
    openedAtEventId: at(openedAtEventId),
    geometry: at(geometry),
    durableRings: at(durableRings),
    writtenRings: at(writtenRings),
    rung: at(rung),
    writerDoes: at(writerDoes + WriterDoes.offset.what),
    writerDoesSinceNs: doubleAt(writerDoes + WriterDoes.offset.sinceNs),
    committedNs: doubleAt(writerDoes + WriterDoes.offset.committedNs),
  });
}

/** Bytes between two positions, `behind` ≤ `ahead` modulo 2^32 units. */
export const bytesBetween = (behind: number, ahead: number): number =>
  ((ahead - behind) >>> 0) * UNIT_BYTES;
