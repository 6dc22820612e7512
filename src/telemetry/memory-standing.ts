// Where a log stands, from the memory of this process in which it is.
import { readNumber } from '../memory/sequence-latch.js';
import { readValue } from '../metrics/counter64.js';
import type { SharedRegion } from '../region/shared-region.js';
import { bytesBetween } from '../ring/ring-control.js';
import { geometryOf } from '../ring/ring-geometry.js';
import { type RingMemory, ringOfRegion } from '../ring/ring-memory.js';
import { durablePointOf } from '../ring/ring-snapshot.js';
import { type ObservedState, type StandingSource, stateOf } from './log-standing.js';
import { appendedEventsOf, type Manager } from './recorder/manager-metrics.js';

export class MemoryStanding implements StandingSource {
  readonly #memory: RingMemory;
  readonly #appendedEvents: { readonly words: Uint32Array; readonly at: number };

  /** @param manager over the lines of `region` */
  constructor(region: SharedRegion, manager: Manager) {
    this.#memory = ringOfRegion(region);
    this.#appendedEvents = appendedEventsOf(manager);
  }

  get ringBytes(): number {
    return this.#memory.ringBytes;
  }

  ringCapacityBytes(): number {
    return geometryOf(this.#memory)?.capacityBytes ?? this.ringBytes;
  }

  state(): ObservedState {
    return stateOf(this.#word(this.#memory.control.state)) ?? 'open';
  }

  durableEventId(): number {
    return durablePointOf(this.#memory).lastEventId;
  }

  writtenEventId(): number {
    return readNumber(this.#memory.words, this.#memory.control.writtenEventId);
  }

  openedAtEventId(): number {
    return readNumber(this.#memory.words, this.#memory.control.openedAtEventId);
  }

  appendedEvents(): number {
    const { words, at } = this.#appendedEvents;
    return readValue(words, at);
  }

  waitingBytes(): number {
    const { written, appended } = this.#memory.control;
    return bytesBetween(this.#word(written), this.#word(appended));
  }

  #word(index: number): number {
    return Atomics.load(this.#memory.words, index);
  }
}
