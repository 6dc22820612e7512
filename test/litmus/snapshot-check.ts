// Whether a snapshot is the exact state behind some number of calls: everything is compared.
import { CELL_COUNT } from '../../src/metrics/latency-histogram.js';
import type { SegmentPreparer } from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { type Expected, expectedBehind } from './recorded-values.js';
import type { Recording } from './recording.js';

const cells = new Float64Array(CELL_COUNT);

export class SnapshotCheck {
  readonly #copy: SegmentPreparer;
  readonly #recording: Recording;
  /** Calls that the newest snapshot held. */
  calls = 0;

  constructor(copy: SegmentPreparer, recording: Recording) {
    this.#copy = copy;
    this.#recording = recording;
  }

  /** What does not belong together in the copy, or undefined. */
  violation(): string | undefined {
    const found = this.#state();
    const calls = found.samples + found.dropped;
    const expected = expectedBehind(calls, cells);
    const before = this.calls;
    this.calls = calls;
    if (calls < before) return `${calls} calls after ${before}`;
    for (const [name, value] of Object.entries(found)) {
      const right = rightOf(expected, name);
      if (value !== right) return `${name} is ${value}, not ${right}, behind ${calls} calls`;
    }
    return this.#isUpdater() ? this.#cellViolation(expected) : undefined;
  }

  #isUpdater(): boolean {
    return this.#recording.endsWith('updater');
  }

  #line() {
    if (this.#isUpdater()) return this.#copy.getNextSegment;
    return this.#recording === 'duration' ? this.#copy.prepareCreate : this.#copy.prepareSegment;
  }

  #state() {
    const { samples, dropped, clockSteps, totalNs, minNs, maxNs } = this.#line();
    const line = { samples, dropped, clockSteps, totalNs, minNs, maxNs };
    if (this.#recording === 'operation') {
      return { ...line, successes: this.#copy.prepareSegment.successes };
    }
    if (!this.#isUpdater()) return line;
    const copy = this.#copy;
    return {
      ...line,
      ready: copy.getNextSegmentReady,
      waited: copy.getNextSegmentWaited,
      failed: copy.getNextSegmentFailed,
      queuedLow: copy.preparedSegmentsLow,
    };
  }

  #cellViolation({ samples, totalNs }: Expected): string | undefined {
    const { count, total, outOfRange, counts } = this.#copy.getNextSegmentHistogram;
    if (count !== samples || total !== totalNs || outOfRange !== 0) {
      return `the histogram has ${count}, ${total}, ${outOfRange} behind ${samples} samples`;
    }
    for (let cell = 0; cell < CELL_COUNT; cell++) {
      if (counts[cell] !== cells[cell]) {
        return `cell ${cell} has ${counts[cell]}, not ${cells[cell]}, behind ${samples} samples`;
      }
    }
    return undefined;
  }
}

function rightOf(expected: Expected, name: string): number {
  const [ready = 0, waited = 0, failed = 0] = expected.outcomes;
  switch (name) {
    case 'ready':
      return ready;
    case 'waited':
      return waited;
    case 'failed':
      return failed;
    case 'successes':
      return waited + failed;
    default:
      return expected[name as Exclude<keyof Expected, 'outcomes'>];
  }
}
