// One run of `verify`: from segment to segment, to the end of the log, and to what waits in shared
// memory.
import { join, resolve } from 'node:path';
import { WalError } from '../errors.js';
import { emptyError, gatherEmpty, lostWithAll } from '../judgement/empty-log.js';
import { missingBeginning } from '../judgement/kept-events.js';
import { goneSentence, type LeftRegions, lostAdvice } from '../judgement/left-rings.js';
import { logIdIn } from '../judgement/log-identity.js';
import { newerVersionAdvice, putBackAdvice, verdictAdvice } from '../reading/advice.js';
import { consumerNotes, readConsumers } from '../reading/consumer-files.js';
import {
  holdsLog,
  type LogListing,
  listingNotes,
  listLog,
  type MetaReading,
  metaNotes,
  noLogIn,
  readMeta,
} from '../reading/log-directory.js';
import type { ReadingMeter } from '../reading/reading-meter.js';
import { closeSegment, openSegment, type SegmentFile } from '../reading/segment-file.js';
import { SegmentMeter } from '../reading/segment-meter.js';
import { bufferBytes, readBuffer, SegmentReader, startOf } from '../reading/segment-reader.js';
import { META_FILE, segmentFileName } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { Verdict } from '../segment/verdict.js';
import { Findings } from './findings.js';
import { FinishedCheck } from './finished-check.js';
import { RingCheck } from './ring-check.js';
import { checkSnapshots, snapshotNotes } from './snapshot-check.js';
import { TailCheck } from './tail-check.js';
import { VerifiedWalk } from './verified-walk.js';
import type { VerifyAhead, VerifyPorts } from './verify-ahead-port.js';
import type { SnapshotCheck, VerifyReport } from './verify-report.js';

/** A log that is being written goes on and on: how often its end is followed. */
const FOLLOWED_ENDS_MAX = 3;
/** Its problem names the choices. */
const CHOOSE = 'Choose what the next open is to do with the shared region named here.';

export class Verification {
  readonly #ports: VerifyPorts;
  readonly #dir: string;
  readonly #meter: ReadingMeter;
  readonly #findings: Findings;
  readonly #walk: VerifiedWalk;
  readonly #finished: FinishedCheck;
  readonly #tail: TailCheck;
  readonly #rings: RingCheck;
  readonly #openFiles = new Set<SegmentFile>();
  readonly #readsAhead: boolean;
  readonly #signal: AbortSignal | undefined;
  #ahead: VerifyAhead | undefined;
  #buffer = readBuffer(0);
  #logId: bigint | undefined;
  #followedEnds = 0;

  /**
   * @param readsAhead whether another thread may verify some of the segments
   * @param signal ends the run: it rejects with its reason
   */
  constructor(
    ports: VerifyPorts,
    dir: string,
    meter: ReadingMeter,
    readsAhead: boolean,
    signal?: AbortSignal,
  ) {
    this.#signal = signal;
    this.#walk = new VerifiedWalk(signal);
    const findings = new Findings(dir);
    this.#ports = ports;
    this.#dir = dir;
    this.#meter = meter;
    this.#readsAhead = readsAhead;
    this.#findings = findings;
    this.#finished = new FinishedCheck(ports.storage, this.#walk, findings);
    this.#tail = new TailCheck(ports, dir, meter, this.#walk, findings);
    this.#rings = new RingCheck(ports, dir, findings);
  }

  async run(): Promise<VerifyReport> {
    this.#signal?.throwIfAborted();
    const { storage } = this.#ports;
    const { notes } = this.#findings;
    const listing = listLog(storage, this.#dir);
    if (!holdsLog(listing)) throw noLogIn(this.#dir);
    this.#logId = logIdIn(storage, listing);
    const meta = readMeta(storage, this.#dir);
    notes.push(...listingNotes(listing, meta), ...metaNotes(meta, listing));
    if (listing.consumers.length > 0) {
      notes.push(...consumerNotes(this.#dir, readConsumers(storage, this.#dir, this.#logId)));
    }
    // Before the files: what waited then goes on where they end now, or further ahead.
    const left = this.#rings.leftRegions();
    try {
      if (listing.segments.length > 0) await this.#verifySegments(listing);
      else this.#verifyEmpty();
    } finally {
      this.#ahead?.end();
      for (const file of this.#openFiles) closeSegment(storage, file, this.#meter);
    }
    this.#reportMeta(meta);
    return this.#finish(left, await this.#checkSnapshots(listing));
  }

  async #checkSnapshots(listing: LogListing): Promise<readonly SnapshotCheck[]> {
    const { snapshots: names, unfinishedSnapshots } = listing;
    const [walk, logId] = [this.#walk, this.#logId];
    if (logId === undefined || names.length + unfinishedSnapshots.length === 0) return [];
    const { firstEventId = 1, lastEventId } = walk;
    const log = { logId, firstEventId, lastEventId };
    const checks = await checkSnapshots(this.#ports, this.#dir, names, log, this.#signal);
    this.#findings.notes.push(...snapshotNotes(this.#dir, checks, unfinishedSnapshots, log));
    return checks;
  }

  #finish(left: LeftRegions, snapshots: readonly SnapshotCheck[]): VerifyReport {
    const [walk, findings] = [this.#walk, this.#findings];
    const firstEventId = walk.firstEventId ?? 1;
    walk.end();
    const waitingEvents = this.#rings.connect(left, this.#logId, walk.expectedEventId ?? 1);
    findings.sort();
    const { verdict, problems, notes, tornTail, missingTail } = findings;
    return {
      ok: findings.isSound,
      verdict,
      events: walk.events,
      firstEventId,
      lastEventId: Math.max(walk.lastEventId, firstEventId - 1),
      durableEventId: walk.durableEventId,
      segments: walk.segments,
      problems,
      tornTail,
      missingTail: verdict === 'live-copy' ? missingTail : undefined,
      waitingEvents,
      snapshots,
      advice: this.#advice(verdict, left),
      notes,
    };
  }

  /** What is missing and can be looked for comes before what the files say. */
  #advice(verdict: Verdict, { lost }: LeftRegions): string {
    const isDoubt = this.#findings.problems.some(
      ({ code }) => code === 'ERR_FLASHSTRIKE_REGION_UNCERTAIN',
    );
    const isNewer = this.#findings.isOnly('ERR_FLASHSTRIKE_UNSUPPORTED');
    const plain = isNewer ? newerVersionAdvice : verdictAdvice(verdict, this.#dir);
    const advice = isDoubt ? CHOOSE : plain;
    const { segments, lastEventId } = this.#walk;
    if (lost === undefined || segments === 0) return advice;
    this.#findings.notes.unshift(goneSentence(lost, lastEventId));
    const told = lostAdvice(lost, lastEventId);
    return verdict === 'clean' ? told : `${told} ${advice}`;
  }

  #reportMeta(meta: MetaReading): void {
    if (meta.status === 'present') this.#walk.claim(meta.meta.durableEventId);
    const isReported = this.#findings.problems.some((problem) => problem.file === META_FILE);
    if (isReported || (meta.status !== 'unsupported' && meta.status !== 'unsafe')) return;
    const path = join(this.#dir, META_FILE);
    const code =
      `ERR_FLASHSTRIKE_${meta.status === 'unsafe' ? 'UNSAFE_FILE' : 'UNSUPPORTED'}` as const;
    this.#findings.report(new WalError(code, meta.message, { path }));
  }

  #verifyEmpty(): void {
    let evidence: ReturnType<typeof gatherEmpty>;
    try {
      evidence = gatherEmpty(this.#ports, this.#dir);
    } catch (error) {
      this.#findings.report(error);
      return;
    }
    if (evidence.segments.length > 0) {
      this.#findings.notes.push('The log was created while it was being verified.');
      return;
    }
    const error = emptyError(this.#dir, evidence);
    if (error === undefined) return;
    const durable = lostWithAll(evidence);
    this.#walk.claim(durable);
    const isKnown = error.code === 'ERR_FLASHSTRIKE_CORRUPT';
    this.#findings.report(error, isKnown ? 1 : undefined, isKnown ? durable : undefined);
  }

  async #verifySegments({ segments }: LogListing): Promise<void> {
    // Whatever else is lost: the first segment begins with the first event.
    if (segments[0]?.index === 1) this.#walk.expectedEventId = 1;
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const { ahead } = this.#ports;
    if (this.#readsAhead && ahead && bytes >= ahead.fromBytes) this.#ahead = ahead.start();
    let file = this.#open(segments[0]?.index ?? 1);
    if (file !== undefined) this.#checkBeginning(file.header);
    for (const [position, { index }] of segments.entries()) {
      this.#signal?.throwIfAborted();
      const next = segments[position + 1];
      if (file !== undefined) this.#walk.enter(file.header);
      const nextFile = next && this.#open(next.index);
      const isFollowed = next?.index === index + 1;
      if (file !== undefined) {
        const pin = isFollowed ? nextFile?.header : undefined;
        const sound = await this.#ahead?.take(index);
        if (sound !== undefined && pin?.salt === sound.pinSalt) this.#walk.adopt(sound, pin);
        else {
          if (isFollowed && segments[position + 2] !== undefined) this.#verifyAhead(nextFile);
          const reader = this.#readerOf(file);
          if (next === undefined) await this.#verifyTail(reader);
          else await this.#finished.run(reader, pin);
        }
        this.#close(file);
      }
      if (next !== undefined && !isFollowed) this.#reportGap(index + 1, next.index - 1);
      file = nextFile;
    }
  }

  /** A finished segment, while the one before it is read here. */
  #verifyAhead(file: SegmentFile | undefined): void {
    if (file === undefined) return;
    const { device, inode, header } = file;
    const { segmentIndex: index, logId } = header;
    this.#ahead?.begin({ dir: resolve(this.#dir), index, logId, device, inode });
  }

  #checkBeginning(first: SegmentHeader): void {
    const { storage } = this.#ports;
    const missing = missingBeginning(storage, this.#dir, readMeta(storage, this.#dir), first);
    if (missing === undefined) return;
    const { error, note, firstEventId, lastEventId } = missing;
    if (error === undefined) this.#findings.notes.push(note);
    else this.#findings.report(error, firstEventId, lastEventId);
  }

  /** Opens a segment; a damaged header is a problem, a file that is gone meanwhile is a note. */
  #open(segmentIndex: number): SegmentFile | undefined {
    const path = join(this.#dir, segmentFileName(segmentIndex));
    try {
      const expected = { index: segmentIndex, logId: this.#logId };
      const file = openSegment(this.#ports.storage, path, expected, 'read', this.#meter);
      if (file === undefined) this.#findings.noteExpired(path);
      else this.#openFiles.add(file);
      return file;
    } catch (error) {
      this.#walk.passOver(this.#findings.report(error));
      this.#walk.segments++;
      return undefined;
    }
  }

  /** One buffer for all segments, as large as the largest needs it. */
  #readerOf(file: SegmentFile): SegmentReader {
    if (this.#buffer.length < bufferBytes(file.bytes)) this.#buffer = readBuffer(file.bytes);
    const meter = new SegmentMeter(this.#meter);
    return new SegmentReader(this.#ports.storage, file, this.#buffer, startOf(file), meter);
  }

  #close(file: SegmentFile): void {
    this.#openFiles.delete(file);
    closeSegment(this.#ports.storage, file, this.#meter);
  }

  #reportGap(firstIndex: number, lastIndex: number): void {
    const names =
      firstIndex === lastIndex
        ? `segment ${firstIndex} is`
        : `segments ${firstIndex} to ${lastIndex} are`;
    const path = join(this.#dir, segmentFileName(firstIndex));
    const advice = putBackAdvice(this.#dir);
    const message = `${path}: ${names} missing, but there are later ones. ${advice}`;
    const error = new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path });
    this.#walk.passOver(this.#findings.report(error));
  }

  /** The last segment; where the log grows meanwhile, its growth for a few times. */
  async #verifyTail(reader: SegmentReader): Promise<void> {
    const { segmentIndex } = reader.file.header;
    for (;;) {
      await this.#walk.over(reader);
      if (await this.#tail.run(reader)) return;
      this.#followedEnds++;
      if (this.#followedEnds > FOLLOWED_ENDS_MAX) {
        const note = 'The log is being written; what was written later was not verified.';
        this.#findings.notes.push(note);
        return;
      }
      const path = join(this.#dir, segmentFileName(segmentIndex + 1));
      if (this.#ports.storage.statusAt(path) === undefined) continue;
      const successor = this.#open(segmentIndex + 1);
      if (successor === undefined) return;
      await this.#finished.run(reader, successor.header);
      this.#walk.enter(successor.header);
      return this.#verifyTail(this.#readerOf(successor));
    }
  }
}
