// What `verify` and a thread that verifies for it tell each other. That thread decides nothing:
// what it does not call sound, and all where there is none, is read by the run itself, which finds
// and tells the same as ever.
import type { ReadingPorts } from '../judgement/reading-ports.js';

/** A segment that `verify` has open. */
export interface OpenedSegment {
  readonly dir: string;
  readonly index: number;
  readonly logId: bigint;
  /** Of its file. */
  readonly device: bigint;
  readonly inode: bigint;
}

/** What is told of a segment in which there is nothing to report. */
export interface SoundSegment {
  readonly events: number;
  /** 0: it has no block. */
  readonly lastEventId: number;
  readonly durableEventId: number;
  /** Of the header that pins its end, and which is compared with the one that `verify` has. */
  readonly pinSalt: bigint;
}

export type AheadRequest = OpenedSegment | 'end';
export type AheadReply =
  | { readonly index: number; readonly isBegun: true }
  | { readonly index: number; readonly isBegun: false; readonly sound: SoundSegment | undefined };

export interface VerifyAhead {
  /** Verifies a segment meanwhile. */
  begin(segment: OpenedSegment): void;
  /** What it has found of that segment; undefined: the run reads it by itself. */
  take(index: number): Promise<SoundSegment | undefined>;
  /** Idempotent. */
  end(): void;
}

interface AheadStart {
  /** A run over fewer bytes does without: to start a thread takes as long. */
  readonly fromBytes: number;
  /** Undefined where there is none to be had. */
  start(): VerifyAhead | undefined;
}

/** What `verify` needs from outside. */
export interface VerifyPorts extends ReadingPorts {
  /** Undefined: it reads all by itself, whatever it is asked for. */
  readonly ahead?: AheadStart | undefined;
  /** Also where nobody asks for it. */
  readonly readsAhead?: boolean | undefined;
}
