// What the recording process does, as its parent sees it from outside: the figures of `top`, read
// from shared memory, also when there is no process any more that could be asked.

import { printable, WalError } from '../../errors.js';
import { type Look, takeLook } from '../diagnosis/look.js';
import { formatCount } from '../quantities.js';
import { renderPanel } from '../top/screen.js';
import { WatchedLog } from '../watched-log.js';
import type { DemoStage } from './demo-stage.js';

/** Slow enough to be read. */
const INTERVAL_MS = 500;

export class RecorderTelemetry {
  readonly #log: WatchedLog;
  readonly #stage: DemoStage;
  readonly #first: Look;
  #last: Look;
  #dueMs: number;

  private constructor(log: WatchedLog, stage: DemoStage, nowMs: number) {
    this.#log = log;
    this.#stage = stage;
    this.#first = takeLook(log.telemetry);
    this.#last = this.#first;
    this.#dueMs = nowMs + INTERVAL_MS;
  }

  /**
   * Of the log in `dir`, which the recorder has open; undefined, and told why, where it has none.
   */
  static attach(
    dir: string,
    stage: DemoStage,
    nowMs: number = performance.now(),
  ): RecorderTelemetry | undefined {
    let log: WatchedLog;
    try {
      log = new WatchedLog(dir);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      stage.say(`No telemetry is shown: ${printable(error.message)}`);
      return undefined;
    }
    const telemetry = new RecorderTelemetry(log, stage, nowMs);
    stage.say('Its telemetry, read from shared memory, without its help:');
    stage.livePanel((options) => renderPanel(undefined, telemetry.#first, options));
    return telemetry;
  }

  /** Shows what happened since the last time, at a pace that can be read. */
  refresh(nowMs: number = performance.now()): void {
    if (!this.#stage.hasLivePanel || nowMs < this.#dueMs) return;
    const before = this.#last;
    this.look();
    this.#dueMs = nowMs + INTERVAL_MS;
    this.#stage.livePanel((options) => renderPanel(before, this.#last, options));
  }

  /** What is shown next is what there is now. */
  look(): void {
    this.#last = takeLook(this.#log.look());
  }

  /** The panel of the whole recording, which stays. */
  showRecording(): void {
    this.#stage.panel((options) => renderPanel(this.#first, this.#last, options));
    this.#stage.gap();
  }

  /** What the killed process has left. */
  showLeft(): void {
    this.look();
    const { appendedEvents } = this.#last.recorder.manager;
    this.#stage.say('Its telemetry survives it, in the shared memory that it left:');
    this.#stage.say(`it had counted ${formatCount(appendedEvents)} appends.`);
    this.#stage.panel((options) => renderPanel(undefined, this.#last, options));
  }

  close(): void {
    this.#log.close();
  }
}
