// Ctrl-C and its kin: the first one asks the command to stop and keep everything, the second one
// means it. Registered only by commands that have something to bring to a safe end.

import { SIGNAL_EXITS } from './exit-codes.js';

type HandledSignal = keyof typeof SIGNAL_EXITS;
const HANDLED = Object.keys(SIGNAL_EXITS) as HandledSignal[];

/** A terminal has shown ^C where the cursor was: what follows, or the prompt, begins a line. */
function takeBackEcho(): void {
  if (process.stderr.isTTY && process.env['TERM'] !== 'dumb') process.stderr.write('\r\u001b[K');
}

export class Interruption {
  readonly #controller = new AbortController();
  #signal: HandledSignal | undefined;

  constructor() {
    for (const signal of HANDLED) process.on(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const handled = HANDLED.find((candidate) => candidate === signal);
    if (handled === undefined) return;
    if (handled === 'SIGINT') takeBackEcho();
    if (this.#signal !== undefined) process.exit(SIGNAL_EXITS[handled]);
    this.#signal = handled;
    this.#controller.abort(new Error(`stopped by ${handled}`));
  };

  /** Aborts when the first signal arrives. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get happened(): boolean {
    return this.#signal !== undefined;
  }

  /** The exit code that the signal asks for, or undefined when none came. */
  get exitCode(): number | undefined {
    return this.#signal === undefined ? undefined : SIGNAL_EXITS[this.#signal];
  }

  dispose(): void {
    for (const signal of HANDLED) process.removeListener(signal, this.#onSignal);
  }
}
