// How far the consumers of the log are behind, told once a second: what they have not acknowledged
// is kept, and who watches a log sees the disk fill for one of them.
import type { Clock } from '../../clock/clock.js';
import type { ConsumerHolds } from '../../consumers/consumer-holds.js';
import { isOperational } from '../../errors.js';
import type { ConsumersUpdater } from '../../telemetry/recorder/consumers-metrics.js';
import { NS_PER_MS, NS_PER_SECOND } from '../../units.js';
import { nextLookNs } from './look-times.js';

const INTERVAL_NS = NS_PER_SECOND;

export class ConsumerWatch {
  readonly #clock: Clock;
  readonly #holds: Pick<ConsumerHolds, 'survey'>;
  readonly #telemetry: ConsumersUpdater;
  #nextNs = 0;

  constructor(clock: Clock, holds: Pick<ConsumerHolds, 'survey'>, telemetry: ConsumersUpdater) {
    this.#clock = clock;
    this.#holds = holds;
    this.#telemetry = telemetry;
  }

  /** Looks once a second, however often it is called; returns how many ms may pass. */
  look(): number {
    const nowNs = this.#clock.nowNs();
    if (nowNs < this.#nextNs) return (this.#nextNs - nowNs) / NS_PER_MS;
    this.#nextNs = nextLookNs(nowNs, INTERVAL_NS);
    try {
      const { active, damaged, dropped, lag } = this.#holds.survey();
      this.#telemetry.setConsumers(active, damaged, dropped);
      this.#telemetry.setLag(lag.events, lag.bytes, lag.ms * NS_PER_MS);
    } catch (error) {
      // What was told last stays: a look that fails tells nothing of the consumers.
      if (!isOperational(error)) throw error;
    }
    return (this.#nextNs - nowNs) / NS_PER_MS;
  }
}
