// A log that is looked at again and again: across a kill, a close, and the next opening.

import { WalError } from '../errors.js';
import { type AttachedTelemetry, attachTelemetry } from '../telemetry.js';

export class WatchedLog {
  readonly #dir: string;
  #telemetry: AttachedTelemetry;
  #reason: string | undefined;

  /** @throws WalError when there is nothing to look at yet */
  constructor(dir: string) {
    this.#dir = dir;
    this.#telemetry = attachTelemetry(dir);
  }

  /** Why there is no new opening to look at, while the last one is gone. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** The telemetry as it was at the last look. */
  get telemetry(): AttachedTelemetry {
    return this.#telemetry;
  }

  /**
   * Looks again; continues with the log's next opening where there is one.
   * @param atRestMs while nothing happens, everything is read again only so often
   */
  look(atRestMs = 0): AttachedTelemetry {
    this.#reason = undefined;
    if (this.#telemetry.refresh({ atRestMs }) === 'gone') this.#goOn();
    return this.#telemetry;
  }

  #goOn(): void {
    try {
      const next = attachTelemetry(this.#dir);
      this.#telemetry.close();
      this.#telemetry = next;
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.#reason = error.message;
    }
  }

  close(): void {
    this.#telemetry.close();
  }
}
