// Whether an event of a log that another process writes, or nobody, is durable. The walk over the
// files is kept from call to call: a consumer acknowledges upwards, so it reads each block once.
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { readMeta } from '../reading/log-directory.js';
import { DurableHorizon } from '../replay/durable-horizon.js';
import { LogWalker } from '../replay/log-walker.js';
import { firstEventIdKept } from './first-event.js';

interface Walk {
  readonly walker: LogWalker;
  readonly horizon: DurableHorizon;
}

export class DurableReach {
  readonly #ports: ReadingPorts;
  readonly #dir: string;
  readonly #logId: bigint;
  #durableEventId = 0;
  #walk: Walk | undefined;

  constructor(ports: ReadingPorts, dir: string, logId: bigint) {
    this.#ports = ports;
    this.#dir = dir;
    this.#logId = logId;
  }

  /** @throws WalError where the log cannot be read */
  covers(eventId: number): boolean {
    if (eventId <= this.#durableEventId) return true;
    this.#raise(this.#ports.regionDurable(this.#dir, this.#logId));
    if (eventId <= this.#durableEventId) return true;
    const meta = readMeta(this.#ports.storage, this.#dir);
    const isOurs = meta.status === 'present' && meta.meta.logId === this.#logId;
    this.#raise(isOurs ? meta.meta.durableEventId : undefined);
    if (eventId <= this.#durableEventId) return true;
    return this.#isInFiles(eventId);
  }

  /**
   * Whether the log does not end before that event, durable or not. Not by wal.meta: that of a copy
   * tells of events that were not copied.
   * @throws WalError where the log cannot be read
   */
  has(eventId: number): boolean {
    const { storage } = this.#ports;
    if ((this.#ports.regionDurable(this.#dir, this.#logId) ?? 0) >= eventId) return true;
    if (firstEventIdKept(storage, this.#dir, this.#logId) > eventId) return true;
    const walker = this.#walkFrom(eventId);
    try {
      while (walker.nextEventId <= eventId) if (!walker.next()) break;
      return walker.nextEventId > eventId;
    } finally {
      walker.close();
    }
  }

  close(): void {
    this.#walk?.walker.close();
    this.#walk = undefined;
  }

  #raise(eventId: number | undefined): void {
    if (eventId !== undefined) this.#durableEventId = Math.max(this.#durableEventId, eventId);
  }

  /** What the blocks themselves call durable, where neither a region nor wal.meta knows as much. */
  #isInFiles(eventId: number): boolean {
    try {
      this.#walk ??= this.#begin(eventId);
      const { walker, horizon } = this.#walk;
      while (walker.nextEventId <= eventId) if (!walker.next()) break;
      const isDurable = horizon.covers(eventId);
      this.#raise(horizon.durableEventId);
      return isDurable;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #begin(eventId: number): Walk {
    const walker = this.#walkFrom(eventId);
    return { walker, horizon: new DurableHorizon(this.#ports, walker) };
  }

  #walkFrom(eventId: number): LogWalker {
    const walker = new LogWalker(this.#ports, this.#dir);
    walker.seek(eventId);
    walker.skipTowards(eventId);
    return walker;
  }
}
