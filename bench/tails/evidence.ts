// What the system and the runtime say about the thread that appends: asked for at a slow append,
// and compared with the last time, it tells what the thread was doing instead.
import { closeSync, openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import type { Wal } from '../../src/index.js';

export interface Evidence {
  /** Since the thread began: waiting for a core while it could have run. */
  readonly waitedForCoreNs: number;
  readonly pageFaults: number;
  readonly voluntarySwitches: number;
  readonly ringStalls: number;
  readonly stolenTicks: number;
}

export interface Slow {
  readonly startMs: number;
  readonly ns: number;
  readonly before: Evidence;
  readonly after: Evidence;
}

/** A quarter of the time is more than a coincidence. */
const SHARE = 0.25;

/** Linux only. Files are opened once and read again: that costs a system call each. */
export class Witness {
  readonly #wal: Wal;
  readonly #schedule = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  readonly #cores = openSync('/proc/stat', 'r');
  readonly #buffer = Buffer.alloc(256);
  readonly #collections: (readonly [startMs: number, endMs: number])[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      this.#collections.push([startTime, startTime + duration]);
    }
  });

  constructor(wal: Wal) {
    this.#wal = wal;
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  look(): Evidence {
    const { minorPageFault, majorPageFault, voluntaryContextSwitches } = process.resourceUsage();
    return {
      waitedForCoreNs: Number(this.#read(this.#schedule).split(' ')[1]),
      pageFaults: minorPageFault + majorPageFault,
      voluntarySwitches: voluntaryContextSwitches,
      ringStalls: this.#wal.telemetry.manager.ringStall.samples,
      // cpu user nice system idle iowait irq softirq steal
      stolenTicks: Number(this.#read(this.#cores).split(/\s+/)[8]),
    };
  }

  /** What explains it, the most certain first. */
  causeOf({ startMs, ns, before, after }: Slow): string {
    const waitedNs = after.waitedForCoreNs - before.waitedForCoreNs;
    const endMs = startMs + ns / 1e6;
    const causes: string[] = [];
    if (after.ringStalls > before.ringStalls) causes.push('the ring was full');
    if (this.#collections.some(([from, to]) => from < endMs && to > startMs)) {
      causes.push('garbage was collected');
    }
    if (waitedNs > SHARE * ns) {
      causes.push(
        `no core was free (waited ${(waitedNs / 1e3).toFixed(0)} µs since the last look)`,
      );
    }
    const faults = after.pageFaults - before.pageFaults;
    if (faults > 0) causes.push(`${faults} page faults in its 10 ms`);
    if (after.stolenTicks > before.stolenTicks) causes.push('the host took the processor (steal)');
    return causes.length === 0
      ? 'an interrupt or the host: the system saw nothing'
      : causes.join('; ');
  }

  close(): void {
    this.#observer.disconnect();
    closeSync(this.#schedule);
    closeSync(this.#cores);
  }

  #read(fd: number): string {
    const bytes = readSync(fd, this.#buffer, 0, this.#buffer.length, 0);
    return this.#buffer.toString('latin1', 0, bytes);
  }
}
