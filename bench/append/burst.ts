// Bursts into a ring that has room: what is timed is append alone, while another thread drains.
import { setTimeout as delay } from 'node:timers/promises';
import type { Wal } from '../../src/index.js';
import { median } from '../harness/statistics.js';
import type { Sample } from '../harness/turns.js';

export interface Bursts {
  readonly bursts: number;
  readonly events: number;
}

/** Nanoseconds an event of each burst; `settle` waits, off the clock, until there is room again. */
export async function timeBursts(
  { bursts, events }: Bursts,
  append: (event: number) => void,
  settle: () => Promise<void> | void,
): Promise<Sample> {
  const eachNs: number[] = [];
  for (let burst = 0; burst < bursts; burst++) {
    const startMs = performance.now();
    for (let event = 0; event < events; event++) append(event);
    eachNs.push(((performance.now() - startMs) * 1e6) / events);
    await settle();
  }
  return { values: { fastest: Math.min(...eachNs), median: median(eachNs) } };
}

export async function drained(wal: Wal): Promise<void> {
  while (wal.writtenEventId < wal.lastEventId) await delay(1);
}
