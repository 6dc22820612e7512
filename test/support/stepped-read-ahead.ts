// Reading ahead without a thread: the preloader has its steps in between those of its reader, so
// that a test decides what storage it meets, and what happens when.
import { monotonicClock } from '../../src/clock/clock.js';
import type { ReadingPorts } from '../../src/judgement/reading-ports.js';
import { PreloadLink } from '../../src/replay/preload-link.js';
import type { Preloader, ReadAhead } from '../../src/replay/read-ahead.js';
import { SegmentPreloader } from '../../src/replay/segment-preloader.js';

interface SteppedOptions {
  /** By default a reader reads ahead from its second block on. */
  readonly afterBytes?: number;
  /** Called before each step; false: the preloader stands still from here on. */
  readonly goesOn?: () => boolean;
  /** Steps that the preloader has when its reader gives a slot back, and does not wait. */
  readonly stepsAhead?: number;
}

export function steppedReadAhead(options: SteppedOptions = {}): ReadAhead {
  const { afterBytes = 1 } = options;
  const offer = (dir: string, link: PreloadLink, _reader: object, ports: ReadingPorts) =>
    new SteppedPreloader(dir, link, ports, options);
  return { afterBytes, offer };
}

class SteppedPreloader implements Preloader {
  readonly #dir: string;
  readonly #link: PreloadLink;
  readonly #otherEnd: PreloadLink;
  readonly #ports: ReadingPorts;
  readonly #options: SteppedOptions;
  #preloader: SegmentPreloader | undefined;

  constructor(dir: string, link: PreloadLink, ports: ReadingPorts, options: SteppedOptions) {
    this.#dir = dir;
    this.#link = link;
    this.#ports = ports;
    this.#options = options;
    this.#otherEnd = new PreloadLink(link.handle);
    this.#otherEnd.takeUp();
  }

  begin(place: Parameters<Preloader['begin']>[0]): void {
    const [dir, link] = [this.#dir, this.#otherEnd];
    this.#preloader = new SegmentPreloader(this.#ports, dir, place, link, monotonicClock);
    this.wake();
  }

  wake(): void {
    for (let step = 0; step < (this.#options.stepsAhead ?? 2); step++) this.#step();
  }

  wait(): boolean {
    return this.#step();
  }

  close(): void {
    if (this.#link.cancel()) return;
    if (this.#preloader === undefined) this.#otherEnd.end();
    else this.#preloader.step();
  }

  #step(): boolean {
    if (this.#options.goesOn?.() === false) return false;
    this.#preloader?.step();
    return true;
  }
}
