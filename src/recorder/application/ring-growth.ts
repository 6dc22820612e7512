// The ring grows when it is full, up to `ringBytes`: into memory that the writer thread has made
// ready, or else into memory that this thread asks the kernel for. That is a system call, and takes
// a tenth of a millisecond to four (256 KiB to 8 MiB more), where the other choice is to wait until
// the writer has made room: it may be in a sync for as long as the disk pleases. Where there is no
// memory (a full tmpfs), the ring stays as it is, and whoever appends waits, as for a full ring.
import type { Clock } from '../../clock/clock.js';
import { isOperational } from '../../errors.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import type { RingProducer } from '../../ring/ring-producer.js';
import type { ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { NS_PER_MS, PAGE_BYTES } from '../../units.js';
import type { Signals } from '../threads/signals.js';

/** How long a refusal is taken for an answer. */
const RETRY_NS = 100 * NS_PER_MS;
/** A ring takes this many of the event that it grows for. */
const EVENTS = 4;

export class RingGrowth {
  readonly #producer: RingProducer;
  readonly #memory: RingMemory;
  readonly #signals: Signals;
  readonly #clock: Clock;
  readonly #telemetry: ManagerUpdater;
  #presentBytes = 0;
  #retryNs = 0;

  constructor(
    producer: RingProducer,
    memory: RingMemory,
    signals: Signals,
    clock: Clock,
    telemetry: ManagerUpdater,
  ) {
    this.#producer = producer;
    this.#memory = memory;
    this.#signals = signals;
    this.#clock = clock;
    this.#telemetry = telemetry;
  }

  /** See RingProducer. */
  get waitingBytes(): number {
    return this.#producer.waitingBytes;
  }

  /** As RingProducer.reserve, in a ring that grows for it where it can. */
  reserve(span: number): boolean {
    return this.#producer.reserve(span) || this.makeRoom(span);
  }

  /** For a ring that has no room for `span` bytes: true when they are reserved, as it has grown. */
  makeRoom(span: number): boolean {
    const producer = this.#producer;
    const { ringBytes } = this.#memory;
    for (;;) {
      const { capacityBytes } = producer;
      if (capacityBytes >= ringBytes) return false;
      let goalBytes = 2 * capacityBytes;
      while (goalBytes < Math.min(EVENTS * span, ringBytes)) goalBytes *= 2;
      if (!this.#hasMemory(goalBytes)) return false;
      producer.growTo(goalBytes);
      this.#telemetry.onRingGrowth();
      if (producer.reserve(span)) return true;
    }
  }

  #hasMemory(bytes: number): boolean {
    const preparedBytes = this.#signals.get('ringPages') * PAGE_BYTES;
    if (bytes <= Math.max(preparedBytes, this.#presentBytes)) return true;
    if (this.#clock.nowNs() < this.#retryNs) return false;
    try {
      this.#memory.extend(bytes);
      this.#presentBytes = bytes;
      return true;
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#retryNs = this.#clock.nowNs() + RETRY_NS;
      this.#telemetry.onRefusedRingGrowth();
      return false;
    }
  }
}
