// The demo's first two steps: a second process records orders, its parent watches it from outside,
// and kills it in the middle of it.

import { setTimeout as sleep } from 'node:timers/promises';
import { printable } from '../../errors.js';
import { NS_PER_SECOND } from '../../units.js';
import { OrderLayout } from '../formats/order-record.js';
import type { Interruption } from '../interruption.js';
import { formatCount, formatDuration, formatRate } from '../quantities.js';
import { type DemoStage, describeOrder } from './demo-stage.js';
import { ProofFailed } from './proof.js';
import { Recorder } from './recorder.js';
import type { RecorderMessage } from './recorder-message.js';
import { RecorderTelemetry } from './recorder-telemetry.js';

/** The recorder is killed when it is this far … */
const KILL_SHARE = 0.6;
/** … at a pace that can be watched, or faster where the stream is long. */
const EVENTS_PER_SECOND = 600_000;
const RECORDING_SECONDS = 5;
/** A slow machine is not waited for any longer. */
const RECORDING_SECONDS_MAX = 10;
const WATCH_MS = 5;

interface RecordingPlan {
  readonly dir: string;
  readonly seed: number;
  /** Orders in the whole stream. */
  readonly events: number;
}

export class Recording {
  readonly #plan: RecordingPlan;
  readonly #stage: DemoStage;
  readonly #interruption: Interruption;
  readonly #killAt: number;
  #telemetry: RecorderTelemetry | undefined;

  constructor(plan: RecordingPlan, stage: DemoStage, interruption: Interruption) {
    this.#plan = plan;
    this.#stage = stage;
    this.#interruption = interruption;
    this.#killAt = Math.floor(plan.events * KILL_SHARE);
  }

  /** @returns what the recorder told last before it was killed */
  async run(): Promise<RecorderMessage> {
    try {
      const told = await this.#recordAndKill();
      this.#tellKill(told);
      return told;
    } finally {
      this.#telemetry?.close();
    }
  }

  async #recordAndKill(): Promise<RecorderMessage> {
    const { dir, seed } = this.#plan;
    const stage = this.#stage;
    const eventsPerSecond = Math.max(EVENTS_PER_SECOND, this.#killAt / RECORDING_SECONDS);
    // Unpaced at the end: the kill then finds it between two appends, not asleep.
    const recorder = new Recorder({ ...this.#plan, eventsPerSecond, pacedEvents: this.#killAt });
    let summary: string;
    try {
      stage.step('Record', [
        `A second process (pid ${recorder.pid ?? 'unknown'}) is an order gateway: it append()s`,
        `every order, ${OrderLayout.size} bytes each, to a log in ${printable(dir)}`,
        'and never waits for the disk. Orders look like this:',
        ...describeOrder(seed).map((row) => `  ${row}`),
      ]);
      summary = await this.#watch(recorder);
    } finally {
      await recorder.kill();
    }
    // Shown only now: the kill waits for no terminal.
    this.#telemetry?.showRecording();
    stage.say(summary);
    if (recorder.last === undefined) {
      throw new ProofFailed('the recorder was killed before it recorded anything');
    }
    return recorder.last;
  }

  /** Returns what there is to say of the recording, when it is time to kill. */
  async #watch(recorder: Recorder): Promise<string> {
    let startedMs = 0;
    for (;;) {
      await sleep(WATCH_MS);
      this.#interruption.signal.throwIfAborted();
      recorder.check();
      const { last } = recorder;
      if (last === undefined) continue;
      const nowMs = performance.now();
      if (startedMs === 0) {
        startedMs = nowMs;
        this.#attach(last);
      }
      const seconds = (nowMs - startedMs) / 1000;
      this.#showProgress(last, seconds);
      const isTime = last.appendedEventId >= this.#killAt || seconds > RECORDING_SECONDS_MAX;
      if (!isTime || last.appendedEventId === 0) continue;
      this.#telemetry?.look();
      return (
        `${formatCount(last.appendedEventId)} orders in ${formatDuration(seconds)}; ` +
        `${appendTime(last)} on average, ` +
        `${formatDuration(last.appendNsMax / NS_PER_SECOND)} at worst.`
      );
    }
  }

  /** The log is open now: without telemetry, all else continues. */
  #attach({ isMapped }: RecorderMessage): void {
    if (!isMapped) {
      this.#stage.say('No telemetry is shown: there is no shared memory here to read it from.');
      return;
    }
    this.#telemetry = RecorderTelemetry.attach(this.#plan.dir, this.#stage);
  }

  #showProgress(last: RecorderMessage, seconds: number): void {
    const { appendedEventId, durableEventId } = last;
    this.#telemetry?.refresh();
    if (this.#telemetry !== undefined && this.#stage.hasLivePanel) return;
    this.#stage.progress(
      () =>
        `${formatCount(appendedEventId)} orders  ${formatRate(appendedEventId / seconds)}  ` +
        `${appendTime(last)}  on disk ${formatCount(durableEventId)}`,
    );
  }

  #tellKill(told: RecorderMessage): void {
    this.#stage.step('Kill', [
      'kill -9 while it records: no handler runs, nothing is flushed or closed.',
      'The last id that append() returned, reported through a pipe: ' +
        `${formatCount(told.appendedEventId)}.`,
      ...(told.isMapped
        ? []
        : [
            'There is no shared memory here that outlives a process, so what counts is the last',
            `id that was written to a file: ${formatCount(told.writtenEventId)}.`,
          ]),
    ]);
    this.#telemetry?.showLeft();
  }
}

const appendTime = ({ appendNsMean }: RecorderMessage): string =>
  `append() ${formatDuration(appendNsMean / NS_PER_SECOND)}`;
