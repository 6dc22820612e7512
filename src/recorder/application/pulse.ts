// The heartbeat of the application's thread: a timer of its event loop. While the loop is blocked
// it stands still, and whoever looks from outside sees that the application does not answer.

const PULSE_MS = 200;

export class Pulse {
  readonly #timer: NodeJS.Timeout;

  constructor(beat: () => void) {
    beat();
    this.#timer = setInterval(beat, PULSE_MS);
    // It must not keep the process alive.
    this.#timer.unref();
  }

  /** Before the memory goes in which the heart beats. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
