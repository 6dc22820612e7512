// Makes more of the ring memory before the application needs it: where half of the ring is in use,
// as much again, a bounded piece with each step. The producer takes it when the ring is full; where
// this thread is in a sync by then, it asks the kernel for it itself (application/ring-growth.ts).
import type { Clock } from '../../clock/clock.js';
import { isOperational } from '../../errors.js';
import type { RingConsumer } from '../../ring/ring-consumer.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import type { ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { MIB, NS_PER_MS, PAGE_BYTES } from '../../units.js';
import type { Signals } from '../threads/signals.js';

/** Allocated and mapped in about a millisecond. */
const PIECE_BYTES = MIB;
/** What is in use of the ring when more is made ready: one part in this many. */
const IN_USE = 2;
/** How long a refusal is taken for an answer. */
const RETRY_NS = 1000 * NS_PER_MS;

export class RingPreparation {
  readonly #clock: Clock;
  readonly #signals: Signals;
  readonly #telemetry: ManagerUpdater;
  #memory: RingMemory;
  #ring: RingConsumer;
  #presentBytes = 0;
  #retryNs = 0;

  constructor(
    clock: Clock,
    signals: Signals,
    telemetry: ManagerUpdater,
    memory: RingMemory,
    ring: RingConsumer,
  ) {
    this.#clock = clock;
    this.#signals = signals;
    this.#telemetry = telemetry;
    this.#memory = memory;
    this.#ring = ring;
  }

  attach(memory: RingMemory, ring: RingConsumer): void {
    this.#memory = memory;
    this.#ring = ring;
    this.#presentBytes = 0;
  }

  /** Once each step: a piece more, where it may be needed soon. */
  look(): void {
    const ring = this.#ring;
    const { capacityBytes } = ring;
    const { ringBytes } = this.#memory;
    if (capacityBytes === ringBytes || ring.waitingBytes * IN_USE < capacityBytes) return;
    const presentBytes = Math.max(this.#presentBytes, capacityBytes);
    const goalBytes = 2 * capacityBytes;
    if (presentBytes >= goalBytes || this.#clock.nowNs() < this.#retryNs) return;
    const nextBytes = Math.min(goalBytes, presentBytes + PIECE_BYTES);
    if (!this.#extend(nextBytes, presentBytes)) return;
    this.#presentBytes = nextBytes;
    this.#signals.set('ringPages', nextBytes / PAGE_BYTES);
  }

  #extend(bytes: number, presentBytes: number): boolean {
    try {
      this.#memory.extend(bytes, presentBytes);
      return true;
    } catch (error) {
      if (!isOperational(error)) throw error;
      // The ring stays as it is, and nothing is lost: an append that needs more asks again.
      this.#telemetry.onRefusedRingPreparation();
      this.#retryNs = this.#clock.nowNs() + RETRY_NS;
      return false;
    }
  }
}
