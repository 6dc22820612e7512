// One region a log, in memory that several threads, and with the mapped adapter the next process,
// see: header page, telemetry, control words, ring. A port with two adapters.
import type { Section, SectionName, Sections } from './region-layout.js';

/**
 * What became of the region's file. `kept`: it was not to go, or the folder did not let it go.
 * `name-lost`: the name is gone or another file's by now, which was left alone.
 */
export type ReleaseOutcome = 'removed' | 'kept' | 'name-lost' | 'no-file';

export interface SharedRegion {
  readonly adapter: 'mapped' | 'portable';
  /** The file, for the mapped adapter. */
  readonly path: string | undefined;
  /** What every thread sees of the region: all of it but the ring. */
  readonly buffer: ArrayBufferLike;
  /** Where the region begins in `buffer`: there the address is a multiple of 4096. */
  readonly byteOffset: number;
  /** Of the whole region, with its ring. */
  readonly byteLength: number;
  /** Views over header, telemetry and control words; indexes count from the region's start. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Plain data that another thread of this process attaches by. */
  readonly handle: RegionHandle;
  /**
   * The ring from its start, at least `bytes` of it; what no extension has made memory must not be
   * touched. The collector counts a view's bytes as memory that its thread has taken, and collects
   * each time some tens of megabytes have come together. So only those threads look that work on
   * the ring, and they see little of one that has not grown.
   */
  ring(bytes: number): Uint8Array;
  /**
   * Makes the first `bytes` of the ring's section memory, if they are not yet, so that no store
   * there can fail. Leaves alone what is there; threads may do it at the same time.
   * @param populated the pages from here to `bytes` are mapped as well, where the kernel can do so
   * @throws the system's error (ENOSPC …); then nothing has changed
   */
  extendRing(bytes: number, populated?: number): void;
  /**
   * Writes words by a system call, which those are told of who watch the region's file: a store is
   * not. False, and nothing happens, where there is no file.
   * @param byteOffset from the region's start
   * @throws the system's error
   */
  writeThrough(byteOffset: number, words: Int32Array): boolean;
  /**
   * A section's place, counted as `byteOffset` is; its address is a page's. The ring's is behind
   * what `buffer` is sure to show.
   */
  section(name: SectionName): Section;
  /**
   * Gives memory, file and lock back. The region's own views are empty then, and there is no ring.
   * Whoever has kept one must not use it any more: on the mapped adapter there is no memory behind
   * it. Idempotent; only an owner's call has an effect, only one thread may be the owner, and no
   * other may use it any more.
   * @throws the system's error where the memory could not be given back; all else is done then
   */
  release(options: { readonly remove: boolean }): ReleaseOutcome;
}

export interface MappedHandle {
  readonly adapter: 'mapped';
  readonly address: number;
  readonly byteLength: number;
  readonly sections: Sections;
  readonly firstRingBytes: number;
  readonly path: string;
  /** The descriptor that holds the region's lock; for use by number, while its thread lives. */
  readonly fd: number;
}

export interface PortableHandle {
  readonly adapter: 'portable';
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly sections: Sections;
  /** How much of the ring's section was memory when it was made; the rest must not be touched. */
  readonly firstRingBytes: number;
}

export type RegionHandle = MappedHandle | PortableHandle;
