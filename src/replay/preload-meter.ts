// What a preloader measures of its reading. It has no metrics of its own: what it measured goes to
// the reader with the blocks, and that records it.
import type { Clock } from '../clock/clock.js';
import type {
  ManagerRecords,
  ReadingMeter,
  SegmentReaderRecords,
} from '../reading/reading-meter.js';
import type { PreparationTimes } from './preload-link.js';

const nothing = (): void => {};

export class PreloadMeter implements ReadingMeter {
  readonly isSilent = false;
  readonly segmentReader: SegmentReaderRecords;
  readonly manager: ManagerRecords;
  readonly #clock: Clock;
  #readNs = 0;
  #readBytes = 0;
  /** Of the segment that is read; it is told once that was read to its end. */
  #openedNs = 0;
  #openNs = 0;
  #verifyNs = 0;
  #closeNs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.segmentReader = {
      onOpenSegment: (startNs) => {
        this.#openedNs += clock.nowNs() - startNs;
      },
      onCloseSegment: (startNs) => {
        this.#closeNs = clock.nowNs() - startNs;
      },
      onVerifySegment: (startNs, ok) => {
        if (!ok) return;
        this.#verifyNs = clock.nowNs() - startNs;
        this.#openNs = this.#openedNs;
        this.#openedNs = 0;
      },
      onReadChunk: (startNs, _ok, bytes) => {
        this.#readNs += clock.nowNs() - startNs;
        this.#readBytes += bytes;
      },
      onBuildIndex: nothing,
      onSeekEvent: nothing,
      onIntegrityFailure: nothing,
      onVerifyBlock: nothing,
    };
    this.manager = {
      onReadSegmentHeader: nothing,
      onResumeFromEvent: nothing,
      onSeekEvent: nothing,
      onNextEvent: nothing,
      onRecoverLog: nothing,
      onJudgeTail: nothing,
      onRewritePrefix: nothing,
    };
  }

  nowNs(): number {
    return this.#clock.nowNs();
  }

  measure<T>(record: (startNs: number, ok: boolean) => void, work: () => T): T {
    const startNs = this.nowNs();
    const result = work();
    record(startNs, true);
    return result;
  }

  /** What was measured since the last call. */
  takeTimes(): PreparationTimes {
    const times = {
      readNs: this.#readNs,
      readBytes: this.#readBytes,
      openNs: this.#openNs,
      verifyNs: this.#verifyNs,
      closeNs: this.#closeNs,
    };
    this.#readNs = 0;
    this.#readBytes = 0;
    this.#openNs = 0;
    this.#verifyNs = 0;
    this.#closeNs = 0;
    return times;
  }
}
