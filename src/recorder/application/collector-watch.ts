// How long the garbage collector has held this thread, for all of its logs: while it does, nothing
// is appended and nobody hears that his event is durable. The collector's own observer tells it,
// once the event loop turns: a call for each collection, and none while there is none.
import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import type { ThreadMarks } from '../../telemetry/thread-marks.js';
import { NS_PER_MS } from '../../units.js';

type Marks = Pick<ThreadMarks, 'wasCollected'>;

const watched = new Set<Marks>();
let observer: PerformanceObserver | undefined;

function tell(entries: readonly PerformanceEntry[]): void {
  const ns = entries.reduce((sum, { duration }) => sum + duration, 0) * NS_PER_MS;
  for (const marks of watched) marks.wasCollected(ns);
}

export class CollectorWatch {
  readonly #marks: Marks;

  constructor(marks: Marks) {
    this.#marks = marks;
    watched.add(marks);
    if (observer !== undefined) return;
    observer = new PerformanceObserver((list) => tell(list.getEntries()));
    observer.observe({ entryTypes: ['gc'] });
  }

  /** Before the memory goes in which it is told. */
  stop(): void {
    watched.delete(this.#marks);
    if (watched.size > 0) return;
    observer?.disconnect();
    observer = undefined;
  }
}
