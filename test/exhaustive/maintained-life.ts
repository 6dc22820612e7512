// A short life in which all that happens to finished segments happens: they are verified and cut,
// compressed, held by a consumer, removed by retention and by deleteBefore. Every test cuts it
// short somewhere, in another way.
import assert from 'node:assert/strict';
import type { ConsumerPlace } from '../../src/consumers/consumer-place.js';
import { ConsumerStore } from '../../src/consumers/consumer-store.js';
import { firstEventIn } from '../../src/reading/first-event.js';
import { listLog, readMeta } from '../../src/reading/log-directory.js';
import { readSegmentHeader } from '../../src/reading/segment-file.js';
import { hasRecycledBody } from '../../src/segment/segment-header.js';
import { KIB } from '../../src/units.js';
import { verifyThrough } from '../../src/verification/verify.js';
import { DIRECTORY } from '../simulation/machine.js';
import type { Subject } from '../simulation/subject.js';
import { syncsOf } from '../support/consumer-bench.js';

const CONSUMER = 'slow';
/** Three of these fill a segment. */
const EVENT_BYTES = 15 * KIB;
const SEGMENTS_AT_FIRST = 5;
const HOT_SEGMENTS = 1;
const KEPT_SEGMENTS = 3;

const RETENTION = { retention: { segments: KEPT_SEGMENTS } } as const;
const COMPRESSION = { compression: 'lz4', hotSegments: HOT_SEGMENTS } as const;
/** Old segments are compressed, or the files of removed ones are used again, or of both. */
const MAINTAINED = {
  compressing: { ...RETENTION, ...COMPRESSION },
  recycling: { ...RETENTION, preallocate: 'recycle' },
  'recycling originals': { ...RETENTION, ...COMPRESSION, preallocate: 'recycle' },
} as const;
export type Maintained = keyof typeof MAINTAINED;

export class MaintainedLife {
  readonly subject: Subject;
  readonly #kind: Maintained;
  #consumer: ConsumerStore | undefined;
  /** What is on disk, as it was told. */
  acknowledged = 0;
  /** What may be on disk. */
  #acknowledging = 0;

  constructor(subject: Subject, kind: Maintained) {
    this.subject = subject;
    this.#kind = kind;
  }

  /** A log of some segments of which nothing was maintained yet. */
  async begin(): Promise<void> {
    const { subject } = this;
    subject.open(MAINTAINED[this.#kind]);
    const leash = { maxLagBytes: 0, maxLagMs: 0, policy: 'hold' } as const;
    const slot = { acknowledgedEventId: 0, timestampNs: 0n, ...leash };
    this.#consumer = await ConsumerStore.create(this.#place, CONSUMER, slot);
    assert.ok(this.#consumer !== undefined);
    this.#write(SEGMENTS_AT_FIRST);
  }

  async live(): Promise<void> {
    // The consumer needs all: segments are cut and compressed, and none goes.
    this.maintain();
    await this.#acknowledge(this.#firstOf(2));
    this.maintain();
    await this.#acknowledge(this.#firstOf(4));
    this.#write(1);
    this.subject.log.deleteBefore(this.#firstOf(5));
    this.maintain();
    this.#write(1);
    this.maintain();
    // What has the files of removed segments is full now, and half full.
    this.#write(2);
    this.subject.append([EVENT_BYTES]);
    this.subject.log.commit();
    this.maintain();
  }

  /** Segments that are there in the file of another one that was removed. */
  get recycled(): number {
    const { disk } = this.subject.machine;
    const { segments } = listLog(disk, DIRECTORY);
    const headers = segments.map(({ path }) => readSegmentHeader(disk, path, {})?.header);
    return headers.filter((header) => header !== undefined && hasRecycledBody(header)).length;
  }

  maintain(): void {
    this.subject.log.maintain();
    this.subject.observe();
  }

  /** Whoever opens the folder now finds a sound log, with all that is not to be gone. */
  async checkSound(): Promise<void> {
    const { problems } = await verifyThrough(this.subject.machine.readingPorts, DIRECTORY);
    assert.deepEqual(problems, []);
    this.#checkFirst();
  }

  /** Opens again, and maintains what is there to the end. */
  async recover(): Promise<void> {
    const { subject } = this;
    this.#consumer = undefined;
    subject.open(MAINTAINED[this.#kind]);
    this.#checkFirst();
    this.#consumer = await ConsumerStore.open(this.#place, CONSUMER);
    assert.ok(this.#consumer !== undefined, 'the consumer is there');
    const { acknowledgedEventId } = this.#consumer.slot;
    assert.ok(acknowledgedEventId >= this.acknowledged, 'an acknowledgement is lost');
    assert.ok(acknowledgedEventId <= this.#acknowledging);
    this.acknowledged = acknowledgedEventId;
    this.#acknowledging = acknowledgedEventId;
    this.maintain();
    await this.checkDone();
  }

  /** Maintenance is at its end: what is to go is gone, what is old is compressed. */
  async checkDone(): Promise<void> {
    const { machine } = this.subject;
    const { segments, doubled, compressing, gaps } = listLog(machine.disk, DIRECTORY);
    assert.deepEqual([doubled, compressing, gaps], [[], [], []]);
    const finished = segments.slice(0, -1);
    const cold = finished.filter(({ isCompressed }) => isCompressed).length;
    const old = this.#kind === 'recycling' ? 0 : Math.max(0, finished.length - HOT_SEGMENTS);
    assert.equal(cold, old, 'the old ones are compressed');
    const second = segments[1];
    const next = second === undefined ? undefined : this.#firstIn(second.path);
    if (finished.length > KEPT_SEGMENTS) {
      assert.ok((next ?? 0) > this.acknowledged + 1, 'what nobody needs is removed');
    }
    this.#checkFirst();
    await this.subject.verified();
    const reading = readMeta(machine.disk, DIRECTORY);
    assert.equal(reading.status, 'present');
    assert.ok(this.#first <= Math.max(1, reading.meta.firstKeptEventId), 'wal.meta says so');
  }

  #checkFirst(): void {
    const first = this.#first;
    assert.ok(first <= this.#acknowledging + 1, `the consumer needs what is before ${first}`);
    assert.ok(first <= this.subject.oracle.kept, `wal.meta says nothing of ${first}`);
  }

  get #first(): number {
    return firstEventIn(this.subject.machine.disk, DIRECTORY, undefined) ?? 1;
  }

  #firstIn(path: string): number | undefined {
    return readSegmentHeader(this.subject.machine.disk, path, {})?.header.firstEventId;
  }

  /** The first event of a segment. */
  #firstOf(index: number): number {
    const { machine } = this.subject;
    const { segments } = listLog(machine.disk, DIRECTORY);
    const found = segments.find((segment) => segment.index === index);
    assert.ok(found !== undefined);
    return this.#firstIn(found.path) ?? 1;
  }

  async #acknowledge(eventId: number): Promise<void> {
    this.#acknowledging = eventId;
    const consumer = this.#consumer;
    assert.ok(consumer !== undefined);
    await consumer.put({ ...consumer.slot, acknowledgedEventId: eventId });
    this.acknowledged = eventId;
  }

  /** So many segments more. */
  #write(count: number): void {
    const { subject } = this;
    const { disk } = subject.machine;
    const lastIndex = (): number => listLog(disk, DIRECTORY).segments.at(-1)?.index ?? 0;
    const until = lastIndex() + count;
    while (lastIndex() < until) {
      subject.append([EVENT_BYTES]);
      subject.log.commit();
      subject.log.settle();
      subject.observe();
    }
  }

  get #place(): ConsumerPlace {
    const { machine } = this.subject;
    const { storage } = machine;
    return {
      ports: { ...machine.readingPorts, storage },
      syncs: syncsOf(storage),
      dir: DIRECTORY,
      logId: this.subject.log.opened.report.logId,
      lock: 'none',
      wallClockMs: () => 0,
      isDurable: () => true,
      isThere: () => true,
    };
  }
}
