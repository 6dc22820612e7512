// What the readers of a thread and its preloader thread tell each other, besides their links.
import type { LogPlace } from './log-walker.js';
import type { LinkHandle } from './preload-link.js';

/** Words of the memory that both share: a counter of wake-ups, and 1 when the thread is to end. */
export const WAKES = 0;
export const STOP = 1;
export const SHARED_BYTES = 8;

export type PreloaderLetter =
  | {
      readonly kind: 'offer';
      readonly ticket: number;
      /** Absolute. */
      readonly dir: string;
      readonly link: LinkHandle;
    }
  | { readonly kind: 'begin'; readonly ticket: number; readonly place: LogPlace };
