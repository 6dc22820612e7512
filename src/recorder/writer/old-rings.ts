// The regions that crashed openings of this log left behind: found, judged, copied. They are read
// with pread, never mapped, and go only after what they hold is on disk.
import { WalError } from '../../errors.js';
import {
  byFirstEvent,
  type DoubtfulRegion,
  doubtful,
  goneError,
  goneSentence,
  inUseError,
  type LeftRing,
  type LostRegion,
  leftRing,
  lostRegion,
  passedOverNote,
  ringMismatch,
  uncertainError,
} from '../../judgement/left-rings.js';
import { findRegions, type LogRegions, type RegionSearch } from '../../judgement/log-regions.js';
import type { ReadingPorts } from '../../judgement/reading-ports.js';
import { judgeRegion, type OldRingChoice } from '../../judgement/region-verdict.js';
import type { FoundRegion } from '../../judgement/region-walk.js';
import type { RecoveryMode, RegionOutcome } from '../../recovery/recover-log.js';
import type { LeftRegion } from '../../region/regions.js';
import { lastThatFollows } from '../../replay/ring-overlap.js';
import type { RingDefect } from '../../ring/ring-snapshot.js';

interface OldRingsRequest extends RegionSearch {
  readonly sharedMemoryDirectory: string;
  readonly choice: OldRingChoice;
  readonly recovery: RecoveryMode;
}

/** What the files hold, as recovery has found it. */
interface FoundFiles {
  readonly isNew: boolean;
  readonly nextEventId: number;
}

export class OldRings {
  readonly #request: OldRingsRequest;
  readonly #all: LogRegions;
  readonly #doubts: DoubtfulRegion[] = [];
  /** Regions that go once the log is open. */
  readonly #taken: LeftRegion[] = [];
  /** By the ids of what waits in them. */
  readonly rings: LeftRing[] = [];
  readonly notes: string[] = [];
  /** Regions that this opening goes on without, and those of openings before. */
  readonly left: string[];
  readonly lost: LostRegion | undefined;
  outcome: RegionOutcome = 'none';
  /** Events of rings that were dropped because they did not connect. */
  droppedEvents = 0;

  constructor(request: OldRingsRequest, all: LogRegions) {
    this.#request = request;
    this.#all = all;
    this.left = all.record.left.filter((path) => all.found.some((found) => found.path === path));
    this.lost = lostRegion(all, request.regions.boot());
    for (const found of all.found) this.#sort(found);
    // A crash came before they were finished.
    for (const path of all.unfinished) request.regions.removeUnfinished(path);
    this.rings.sort(byFirstEvent);
  }

  #sort(found: FoundRegion): void {
    const { path, file, whose } = found;
    if (whose === 'ours' && file.status === 'match') this.#addOwn(path, file);
    else if (whose === 'uncertain') this.#doubt(found);
    else if (whose === 'another') {
      this.notes.push(passedOverNote(found, this.#request.folder));
      this.#tell(found.wasLeft ? 'left' : outcomeOf(found));
    }
  }

  #addOwn(path: string, file: LeftRegion): void {
    // The lock of the log should tell, but it may have been replaced, or the log opened without.
    if (file.ownerIsAlive()) {
      throw new WalError(
        'ERR_FLASHSTRIKE_LOCKED',
        `${path} is in use: the log is open in another process (${file.header.pid}), or a second ` +
          'time in this one. Close it there first; reading needs no lock.',
        { path },
      );
    }
    this.#taken.push(file);
    this.rings.push(leftRing(path, file));
    this.outcome = 'recovered';
  }

  #doubt(found: FoundRegion): void {
    const { folder, choice } = this.#request;
    const region = doubtful(found, this.#all, folder);
    const { isAlive, isMissed, ring, path, why } = region;
    // What it holds cannot be judged before the files are: that it does not matter is known later.
    const content = ring === undefined ? 'unreadable' : 'events';
    const verdict = judgeRegion({ whose: 'uncertain', isAlive, content, isMissed, choice });
    if (verdict === 'locked') throw inUseError(path, region.pid, why);
    if (verdict === 'take' && ring !== undefined) this.rings.push(ring);
    if (verdict !== 'note') this.#doubts.push(region);
    else this.#passOver(found, choice === 'leave' && isMissed);
  }

  #passOver(found: FoundRegion, isLeft: boolean): void {
    this.notes.push(passedOverNote(found, this.#request.folder));
    if (isLeft && !this.left.includes(found.path)) this.left.push(found.path);
    this.#tell(isLeft ? 'left' : outcomeOf(found));
  }

  #tell(outcome: RegionOutcome): void {
    if (this.outcome === 'none') this.outcome = outcome;
  }

  /**
   * Judges what recovery of the files had to come before.
   * @throws WalError ERR_FLASHSTRIKE_REGION_UNCERTAIN, _REGION_GONE, _RING_MISMATCH
   */
  settle(ports: ReadingPorts, files: FoundFiles): LeftRing[] {
    const { directory, choice, recovery } = this.#request;
    for (const region of this.#doubts) this.#settleDoubt(ports, region, files.nextEventId);
    const { lost } = this;
    if (lost !== undefined && !files.isNew) {
      const lastEventId = files.nextEventId - 1;
      const isRefused = recovery === 'strict' && lost.kind === 'gone' && choice !== 'leave';
      if (isRefused) throw goneError(directory, lost, lastEventId);
      this.notes.push(goneSentence(lost, lastEventId));
      this.#tell('missing');
    }
    return this.#connecting(ports, files.nextEventId);
  }

  #settleDoubt(ports: ReadingPorts, region: DoubtfulRegion, expected: number): void {
    const { directory, choice } = this.#request;
    const { ring, path, isAlive, isMissed } = region;
    const follows = ring && lastThatFollows(ports, directory, ring, expected, expected);
    const content =
      ring === undefined ? 'unreadable' : follows === undefined ? 'nothing' : 'events';
    const verdict = judgeRegion({ whose: 'uncertain', isAlive, content, isMissed, choice });
    if (verdict === 'refuse') throw uncertainError(directory, region);
    const found = this.#all.found.find((each) => each.path === path);
    if (found === undefined) return;
    if (verdict === 'take' && found.file.status === 'match') {
      this.#taken.push(found.file);
      this.outcome = 'recovered';
      return;
    }
    if (ring !== undefined && this.rings.includes(ring)) {
      this.rings.splice(this.rings.indexOf(ring), 1);
    }
    this.#passOver(found, false);
  }

  /** The rings that hold events which the files, and the rings before, lack. */
  #connecting(ports: ReadingPorts, nextEventId: number): LeftRing[] {
    const connecting: LeftRing[] = [];
    let expected = nextEventId;
    for (const ring of this.rings) {
      const { directory } = this.#request;
      const last = lastThatFollows(ports, directory, ring, nextEventId, expected);
      if (typeof last === 'number') {
        connecting.push(ring);
        expected = last + 1;
      } else if (last !== undefined) this.#goOnWithout(ring, last);
    }
    return connecting;
  }

  #goOnWithout({ path, unread }: LeftRing, defect: RingDefect): void {
    const { choice, recovery } = this.#request;
    const isLeft = choice === 'leave';
    if (!isLeft && recovery !== 'tolerate-tail') throw ringMismatch(path, defect);
    if (unread !== undefined && 'eventCount' in unread) this.droppedEvents += unread.eventCount;
    this.notes.push(
      `The ring in ${path} was ${isLeft ? 'not used' : 'dropped'}: ${defect.defect}.`,
    );
    this.outcome = isLeft ? 'left' : 'damaged';
    if (!isLeft) return;
    this.left.push(path);
    const at = this.#taken.findIndex((file) => file.path === path);
    if (at >= 0) this.#taken.splice(at, 1);
  }

  /** The highest id that a region of this boot calls durable. */
  get durableEventId(): number | undefined {
    if (this.rings.length === 0) return undefined;
    return Math.max(...this.rings.map((ring) => ring.durableEventId));
  }

  /** Id of the last event that a process of this boot had handed to the kernel; 0 for none. */
  get writtenEventId(): number {
    return Math.max(0, ...this.rings.map((ring) => ring.writtenEventId));
  }

  /** The longest event or batch that waits: the openings before may have had larger segments. */
  get longestBytes(): number {
    return Math.max(
      0,
      ...this.rings.map(({ unread }) =>
        unread !== undefined && 'longestBytes' in unread ? unread.longestBytes : 0,
      ),
    );
  }

  /** The regions that go once the log is open; until then they can be read. */
  get taken(): readonly LeftRegion[] {
    return this.#taken;
  }

  /** Unlinks the regions whose events are all on disk. */
  remove(): void {
    for (const file of this.#taken.splice(0)) file.unlink();
    this.close();
  }

  close(): void {
    this.#all.close();
  }
}

function outcomeOf({ file }: FoundRegion): RegionOutcome {
  return file.status === 'match' || file.status === 'missing' ? 'foreign' : file.status;
}

/** Finds and opens them; the caller closes. */
export function openOldRings(request: OldRingsRequest): OldRings {
  const all = findRegions(request);
  try {
    return new OldRings(request, all);
  } catch (error) {
    all.close();
    throw error;
  }
}
