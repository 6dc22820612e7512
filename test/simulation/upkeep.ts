// What becomes of a simulated log's finished segments, and what an oracle knows of that: from which
// event on all must be there, by the options, by what was asked to go, and by what consumers hold.
import assert from 'node:assert/strict';
import type { WalOptions } from '../../src/index.js';
import { firstEventIn } from '../../src/reading/first-event.js';
import { type ListedSegment, listLog, readMeta } from '../../src/reading/log-directory.js';
import { readSegmentHeader } from '../../src/reading/segment-file.js';
import { DIRECTORY } from './machine.js';
import { SimulatedConsumers } from './simulated-consumers.js';
import type { Subject } from './subject.js';

export class Upkeep {
  readonly consumers: SimulatedConsumers;
  readonly #subject: Subject;
  readonly #options: WalOptions;
  /** The highest event before which all was ever asked to go. */
  #asked = 0;
  /** The maintainer is told at its next step. */
  #isToAsk = false;
  compressed = 0;
  removed = 0;

  constructor(subject: Subject, options: WalOptions) {
    this.#subject = subject;
    this.#options = options;
    this.consumers = new SimulatedConsumers(subject);
  }

  /** One step of the maintainer; what it is about to remove may be gone from then on. */
  step(): void {
    const { log, oracle } = this.#subject;
    if (this.#isToAsk) log.maintainer.ask();
    this.#isToAsk = false;
    try {
      log.stepMaintainer();
    } finally {
      oracle.keepsFrom(log.signals.keepFrom);
    }
  }

  /** As `deleteBefore()`, for some event up to the one behind the durable one. */
  deleteBefore(): void {
    const { machine, log } = this.#subject;
    const eventId = 1 + machine.random.below(log.durableEventId + 1);
    log.signals.requestDeletion(eventId);
    this.#asked = Math.max(this.#asked, eventId);
    this.#isToAsk = true;
  }

  /** A process has come to its end, or is about to: nothing is gone that was to stay. */
  check(): void {
    const { segments } = this.#list();
    const first = this.#first;
    this.consumers.checkFirst(first);
    if (first <= Math.max(1, this.#asked)) return;
    const { retention } = this.#options;
    assert.ok(retention !== undefined, `nobody asked for what is before ${first} to go`);
    const { segments: kept, bytes, ageMs } = retention;
    if (kept === undefined || bytes !== undefined || ageMs !== undefined) return;
    assert.ok(
      segments.length > kept,
      `${segments.length - 1} finished segments of ${kept} to keep`,
    );
  }

  /** Of a process that ends. */
  count(): void {
    const { signals, telemetry } = this.#subject.log;
    this.removed += signals.get('removedSegments');
    this.compressed += telemetry.segmentMaintainer.maintenanceCompression.successes;
  }

  /** Nothing fails any more: what is to go goes, and what is old is compressed. */
  finish(): void {
    const { log } = this.#subject;
    log.maintain();
    this.#subject.observe();
    this.check();
    const { segments, doubled, compressing, returned, gaps } = this.#list();
    assert.deepEqual({ doubled, compressing, returned, gaps }, NOTHING_LEFT);
    const finished = segments.slice(0, -1);
    const { compression, hotSegments = 4, retention } = this.#options;
    if (compression === 'lz4') {
      const old = finished.slice(0, Math.max(0, finished.length - hotSegments));
      const hot = old.filter(({ isCompressed }) => !isCompressed).map(({ name }) => name);
      assert.deepEqual(hot, [], 'what is old is compressed');
    }
    const isOver = finished.length > (retention?.segments ?? Number.POSITIVE_INFINITY);
    if (isOver) assert.ok(this.#isHeld(segments), 'more than is to be kept, and nobody holds it');
    const reading = readMeta(this.#subject.machine.disk, DIRECTORY);
    assert.equal(reading.status, 'present');
    assert.ok(this.#first <= Math.max(1, reading.meta.firstKeptEventId), 'wal.meta says so');
  }

  #isHeld([, second]: readonly ListedSegment[]): boolean {
    const { disk } = this.#subject.machine;
    const header = second && readSegmentHeader(disk, second.path, {})?.header;
    return header !== undefined && this.consumers.holds(header.firstEventId);
  }

  get #first(): number {
    return firstEventIn(this.#subject.machine.disk, DIRECTORY, undefined) ?? 1;
  }

  #list() {
    return listLog(this.#subject.machine.disk, DIRECTORY);
  }
}

const NOTHING_LEFT = { doubled: [], compressing: [], returned: [], gaps: [] };
