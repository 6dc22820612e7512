// Where the segments of a log are in their life. The folder is read when the log's metrics say that
// something has changed there, and now and then in any case.

import { WalError } from '../../errors.js';
import type { recorder } from '../../telemetry.js';
import { listSegmentFiles, type SegmentFiles } from '../../verification/inspect.js';
import { preparedAhead } from '../diagnosis/prepared-ahead.js';
import { Paced } from './paced.js';
import type { SegmentMap, SegmentNow } from './wire.js';

/** As many as a page has room for; of older ones it has the number. */
const SHOWN_MAX = 240;
const RELIST_MS = 5_000;
const LEAST_MS = 400;

/** What moves when a segment goes on to another state. */
const markOf = ({ manager, segmentPreparer, segmentMaintainer }: recorder.Telemetry): string =>
  [
    manager.segmentRotation.samples,
    manager.persistenceHotSegments,
    manager.persistenceColdSegments,
    segmentPreparer.prepareCreate.samples,
    segmentPreparer.preparedSegments,
    segmentPreparer.getNextSegment.samples,
    segmentMaintainer.maintenanceCompression.successes,
    segmentMaintainer.maintenanceRetention.successes,
    segmentMaintainer.freedBytes,
  ].join();

export class SegmentWatch {
  readonly #dir: string;
  readonly #files = new Paced<SegmentFiles | undefined>(LEAST_MS);
  #last: SegmentFiles | undefined;
  #mark: string | undefined;
  #relistAtMs = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * @param metrics of the log that has the folder open; undefined: nobody has
   * @returns undefined where there is no such folder, or it cannot be read
   */
  look(nowMs: number, metrics: recorder.Telemetry | undefined): SegmentMap | undefined {
    const mark = metrics === undefined ? '' : markOf(metrics);
    if ((mark !== this.#mark || nowMs >= this.#relistAtMs) && this.#files.isDue(nowMs)) {
      this.#last = this.#files.get(nowMs, () => this.#list());
      this.#mark = mark;
      this.#relistAtMs = nowMs + RELIST_MS;
    }
    return this.#last && segmentMap(this.#last, metrics);
  }

  #list(): SegmentFiles | undefined {
    try {
      return listSegmentFiles(this.#dir);
    } catch (error) {
      // Moved away, or none of this user's: the rest of the page says what it is.
      if (error instanceof WalError) return undefined;
      throw error;
    }
  }
}

function segmentMap(
  { segments, prepared }: SegmentFiles,
  metrics: recorder.Telemetry | undefined,
): SegmentMap {
  const last = segments.at(-1);
  const all = segments.map(({ index, bytes, isCompressed }): SegmentNow => {
    const isActive = metrics !== undefined && index === last?.index && !isCompressed;
    return { index, bytes, state: isActive ? 'active' : isCompressed ? 'cold' : 'hot' };
  });
  const numberOf = (state: SegmentNow['state']): number =>
    all.filter((segment) => segment.state === state).length;
  const ready = metrics === undefined ? prepared : preparedAhead(metrics.segmentPreparer);
  return {
    shown: all.slice(-SHOWN_MAX),
    hot: numberOf('hot'),
    cold: numberOf('cold'),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    freed: Math.max(0, (all[0]?.index ?? 1) - 1),
    ready,
    making: Math.max(0, prepared - ready),
  };
}
