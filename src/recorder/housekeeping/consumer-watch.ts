// How far the consumers of the log are behind, told once a second: what they have not acknowledged
// is kept, and who watches a log sees the disk fill for one of them. Most logs have none, and to
// list a folder is most of what an idle log costs: where none was found, the folder is asked first
// whether its names have changed since.
import type { Clock } from '../../clock/clock.js';
import type { ConsumerHolds } from '../../consumers/consumer-holds.js';
import type { ConsumersUpdater } from '../../telemetry/recorder/consumers-metrics.js';
import { NS_PER_MS, NS_PER_SECOND } from '../../units.js';
import { LookTimes, tryToLook } from './look-times.js';

/**
 * So many lists in a row, each a second behind the one before, have to find none in a folder whose
 * time of change stays the same: the clocks of some file systems are two seconds coarse.
 */
const SURE_LISTS = 4;
/** The folder is listed once in so many looks in any case: some file systems may not tell. */
const LOOKS_UNLISTED = 60;

export class ConsumerWatch {
  readonly #holds: Pick<ConsumerHolds, 'survey'>;
  readonly #folderChange: () => bigint | undefined;
  readonly #telemetry: ConsumersUpdater;
  readonly #times: LookTimes;
  #seenChange: bigint | undefined;
  /** Lists that found none since the folder changed. */
  #emptyLists = 0;
  #looksUnlisted = 0;

  /** @param folderChange see Storage: of the log's folder */
  constructor(
    clock: Clock,
    holds: Pick<ConsumerHolds, 'survey'>,
    folderChange: () => bigint | undefined,
    telemetry: ConsumersUpdater,
  ) {
    this.#holds = holds;
    this.#folderChange = folderChange;
    this.#telemetry = telemetry;
    this.#times = new LookTimes(clock, NS_PER_SECOND);
  }

  /** Looks once a second, however often it is called; returns how many ms may pass. */
  look(): number {
    return this.#times.look(() => tryToLook(this.#tell));
  }

  readonly #tell = (): void => {
    if (this.#thereAreNone()) return;
    const { active, damaged, dropped, lag } = this.#holds.survey();
    this.#emptyLists = active + dropped === 0 ? this.#emptyLists + 1 : 0;
    this.#looksUnlisted = 0;
    this.#telemetry.setConsumers(active, damaged, dropped);
    this.#telemetry.setLag(lag.events, lag.bytes, lag.ms * NS_PER_MS);
  };

  /** None was found, and no name has come since. */
  #thereAreNone(): boolean {
    // Before the folder is listed: what comes in between changes it once more.
    const change = this.#folderChange();
    if (change === undefined || change !== this.#seenChange) this.#emptyLists = 0;
    this.#seenChange = change;
    return this.#emptyLists >= SURE_LISTS && ++this.#looksUnlisted < LOOKS_UNLISTED;
  }
}
