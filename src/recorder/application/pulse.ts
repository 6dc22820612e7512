// The heartbeat of the application's thread: a timer of its event loop, one for all of its logs.
// While the loop is blocked it stands still, and whoever looks from outside sees that the
// application does not answer.

const PULSE_MS = 200;

const beats = new Set<() => void>();
let timer: NodeJS.Timeout | undefined;

function beatAll(): void {
  for (const beat of beats) beat();
}

export class Pulse {
  readonly #beat: () => void;

  constructor(beat: () => void) {
    this.#beat = beat;
    beat();
    beats.add(beat);
    timer ??= setInterval(beatAll, PULSE_MS);
    // It must not keep the process alive.
    timer.unref();
  }

  /** Before the memory goes in which the heart beats. */
  stop(): void {
    beats.delete(this.#beat);
    if (beats.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }
}
