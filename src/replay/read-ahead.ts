// Who reads ahead of a reader, as the reader sees it: on a thread of its own, or, in tests, step by
// step in between.
import type { ReadingPorts } from '../judgement/reading-ports.js';
import type { LogPlace } from './log-walker.js';
import type { PreloadLink } from './preload-link.js';

export interface Preloader {
  /** From where it reads; called once its link is taken up. */
  begin(place: LogPlace): void;
  /** A slot was given back. */
  wake(): void;
  /**
   * Waits until there is more in the link than at `news`; false where it does not get on, and the
   * reader had better read by itself.
   */
  wait(news: number): boolean;
  /** The reader needs it no more: its files are closed, unless that takes long. Idempotent. */
  close(): void;
}

export interface ReadAhead {
  /** A reader that has not read so much does without: to start a thread takes as long. */
  readonly afterBytes: number;
  /**
   * Undefined where there is none to be had.
   * @param reader with which the preloader ends, if nobody closes it
   * @param ports of the reader: on another thread there are only that thread's own
   */
  offer(dir: string, link: PreloadLink, reader: object, ports: ReadingPorts): Preloader | undefined;
}

/** What readers of events need from outside. */
export interface ReplayPorts extends ReadingPorts {
  /** Undefined: readers read by themselves, whatever they are asked for. */
  readonly readAhead?: ReadAhead | undefined;
  /** Also where nobody asks for it. */
  readonly readsAhead?: boolean | undefined;
}
