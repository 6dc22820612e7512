// What processes that are gone left in shared memory, in a run of `verify`: whether it goes on
// where the files end, as the next opening will ask.
import {
  type DoubtfulRegion,
  type LeftRegions,
  lastToTake,
  NO_REGIONS,
  ringMismatch,
  uncertainError,
  unusableNote,
  writtenNote,
} from '../judgement/left-rings.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { lastThatFollows } from '../replay/ring-overlap.js';
import type { Findings } from './findings.js';

export class RingCheck {
  readonly #ports: ReadingPorts;
  readonly #dir: string;
  readonly #findings: Findings;

  constructor(ports: ReadingPorts, dir: string, findings: Findings) {
    this.#ports = ports;
    this.#dir = dir;
    this.#findings = findings;
  }

  /** Looks for what was left; none where that cannot be told, which is a problem. */
  leftRegions(): LeftRegions {
    try {
      return this.#ports.leftRegions(this.#dir);
    } catch (error) {
      // LOCK is a link or a folder, or the region is damaged; the files are judged all the same.
      this.#findings.report(error);
      return NO_REGIONS;
    }
  }

  /**
   * The events that the next opening will take from rings, which it refuses where they do not fit.
   * @param nextEventId what the files go on with
   */
  connect(
    { rings, notes, doubtful }: LeftRegions,
    ofLogId: bigint | undefined,
    nextEventId: number,
  ): number {
    const findings = this.#findings;
    findings.notes.unshift(...notes);
    const { isSound } = findings;
    let expected = nextEventId;
    let written = 0;
    let waitingEvents = 0;
    for (const region of doubtful) this.#reportDoubt(region, nextEventId, isSound);
    for (const ring of rings) {
      const { path, logId, unread, writtenEventId } = ring;
      if (ofLogId !== undefined && logId !== ofLogId) {
        findings.notes.push(unusableNote(path, 'it belongs to another log.'));
        continue;
      }
      written = Math.max(written, writtenEventId);
      const last = isSound
        ? lastThatFollows(this.#ports, this.#dir, ring, nextEventId, expected)
        : lastToTake(unread, expected);
      if (typeof last === 'number') {
        waitingEvents += last - expected + 1;
        expected = last + 1;
      } else if (!isSound) {
        // Nothing follows where files are damaged: so many are there all the same.
        waitingEvents += unread !== undefined && 'eventCount' in unread ? unread.eventCount : 0;
      } else if (last !== undefined) findings.report(ringMismatch(path, last));
    }
    if (isSound && written >= expected) findings.notes.push(writtenNote(written, expected - 1));
    return waitingEvents;
  }

  /** A region that the next opening refuses to pass over. */
  #reportDoubt(region: DoubtfulRegion, nextEventId: number, isSound: boolean): void {
    const { ring } = region;
    const isLacked =
      ring === undefined ||
      !isSound ||
      lastThatFollows(this.#ports, this.#dir, ring, nextEventId, nextEventId) !== undefined;
    if (isLacked) this.#findings.report(uncertainError(this.#dir, region));
  }
}
