// How far the consumers of the log are behind, told once a second: what they have not acknowledged
// is kept, and who watches a log sees the disk fill for one of them.
import type { Clock } from '../../clock/clock.js';
import type { ConsumerHolds } from '../../consumers/consumer-holds.js';
import type { ConsumersUpdater } from '../../telemetry/recorder/consumers-metrics.js';
import { NS_PER_MS, NS_PER_SECOND } from '../../units.js';
import { LookTimes, tryToLook } from './look-times.js';

export class ConsumerWatch {
  readonly #holds: Pick<ConsumerHolds, 'survey'>;
  readonly #telemetry: ConsumersUpdater;
  readonly #times: LookTimes;

  constructor(clock: Clock, holds: Pick<ConsumerHolds, 'survey'>, telemetry: ConsumersUpdater) {
    this.#holds = holds;
    this.#telemetry = telemetry;
    this.#times = new LookTimes(clock, NS_PER_SECOND);
  }

  /** Looks once a second, however often it is called; returns how many ms may pass. */
  look(): number {
    return this.#times.look(() => tryToLook(this.#tell));
  }

  readonly #tell = (): void => {
    const { active, damaged, dropped, lag } = this.#holds.survey();
    this.#telemetry.setConsumers(active, damaged, dropped);
    this.#telemetry.setLag(lag.events, lag.bytes, lag.ms * NS_PER_MS);
  };
}
