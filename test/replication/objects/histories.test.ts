// A log is archived while everything goes wrong that may, drawn from seeds: calls of a store fail,
// tear and come late, archivers are killed anywhere and run twice at once, segments are compressed
// and removed under them. No event leaves the log before the store has it whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/cli/demo/random.js';
import { isNoSpace } from '../../../src/errors.js';
import { Archiver } from '../../../src/replication/objects/archiver.js';
import { headerKey, LOG_KEY } from '../../../src/replication/objects/object-keys.js';
import { ObjectLog } from '../../../src/replication/objects/object-log.js';
import { PatientStore } from '../../../src/replication/objects/patient-store.js';
import { isDefect } from '../../../src/segment/defect.js';
import { compressedPath } from '../../../src/segment/file-names.js';
import { decodeSegmentHeader } from '../../../src/segment/segment-header.js';
import { SimulatedDisk } from '../../simulation/simulated-disk.js';
import { BackedUpLog, ENDS, LONG, pathOf, SHORT, SOURCE } from '../../support/backup-bench.js';
import { systemError } from '../../support/interposed-storage.js';
import { temporaryFolder } from '../../support/log-builder.js';
import { frameOf, withoutRoom } from '../../support/lz4-frames.js';
import { MemoryObjects } from './memory-objects.js';

const HISTORIES = 120;
const ROUNDS = 8;
const FINISHED = 4;

class Killed extends Error {}

/** The bytes of a file of the simulated disk. */
function bytesOf(disk: SimulatedDisk, path: string): Uint8Array {
  const fd = disk.open(path, 'read');
  const bytes = new Uint8Array(disk.statusOf(fd).bytes);
  disk.read(fd, bytes, 0);
  disk.close(fd);
  return bytes;
}

class History {
  readonly #random: Random;
  readonly #log: BackedUpLog;
  readonly #disk = new SimulatedDisk();
  readonly store: MemoryObjects;
  readonly #whole: ReadonlyMap<number, Uint8Array>;
  #last: typeof SHORT | typeof LONG = SHORT;
  #acknowledged = 0;
  #removed = 0;
  kills = 0;
  retries = 0;
  removedSegments = 0;

  constructor(seed: number, log: BackedUpLog, whole: ReadonlyMap<number, Uint8Array>) {
    this.#random = new Random(seed);
    this.#log = log;
    this.#whole = whole;
    this.store = new MemoryObjects(seed);
    log.write(this.#disk, SHORT);
  }

  get #finished(): number {
    return this.#last === SHORT ? 2 : FINISHED;
  }

  async run(): Promise<void> {
    this.store.trouble = this.#random.below(40);
    for (let round = 0; round < ROUNDS; round++) {
      this.#live();
      const isTwice = this.#random.below(4) === 0;
      await Promise.all([this.#archive(), ...(isTwice ? [this.#archive()] : [])]);
    }
    this.store.trouble = 0;
    this.store.onCall = () => {};
    this.#grow();
    assert.equal(await this.#archiver().run(), true, 'all that is finished is there');
    for (let index = 1; index <= FINISHED; index++) this.#assertKept(index);
    const has = await ObjectLog.read(new PatientStore(this.store));
    assert.deepEqual([has?.firstEventId, has?.lastEventId], [1, ENDS[FINISHED - 1]]);
    this.#remove();
    assert.equal(this.#removed, FINISHED, 'and may leave the log');
  }

  /** What becomes of the log meanwhile. */
  #live(): void {
    if (this.#random.below(3) === 0) this.#grow();
    if (this.#random.below(3) === 0) {
      this.#log.compress(this.#disk, 1 + this.#random.below(this.#finished));
    }
    if (this.#random.below(2) === 0) this.#remove();
  }

  #grow(): void {
    if (this.#last === LONG) return;
    this.#last = LONG;
    const compressed = [1, 2].filter(
      (index) => this.#disk.statusAt(compressedPath(pathOf(index))) !== undefined,
    );
    this.#log.write(this.#disk, LONG);
    for (const index of compressed) this.#log.compress(this.#disk, index);
    if (this.#removed > 0) this.#log.trim(this.#disk, this.#removed, LONG);
  }

  /** As retention does it: what is acknowledged may go, and goes. */
  #remove(): void {
    const index = ENDS.findLastIndex((end) => end <= this.#acknowledged) + 1;
    if (index <= this.#removed) return;
    for (let each = this.#removed + 1; each <= index; each++) this.#assertKept(each);
    this.#log.trim(this.#disk, index, this.#last);
    this.removedSegments += index - this.#removed;
    this.#removed = index;
  }

  /** The store has the segment whole, and the page that says so. */
  #assertKept(index: number): void {
    const whole = this.#whole.get(index) ?? new Uint8Array(0);
    const plain = this.store.keys(`/${pathOf(index, '').slice(1, 11)}-`);
    const isWhole = plain.some((key) => {
      const bytes = this.store.kept.get(key) ?? new Uint8Array(0);
      const expected = key.endsWith('.lz4') ? frameOf(withoutRoom(whole)) : withoutRoom(whole);
      return Buffer.compare(bytes, expected) === 0;
    });
    assert.ok(isWhole, `segment ${index} is in the store`);
    const page = this.store.kept.get(headerKey(this.#log.logId, index + 1));
    const header = page && decodeSegmentHeader(page);
    assert.ok(header !== undefined && !isDefect(header), `and the page behind segment ${index}`);
    assert.ok(this.store.kept.has(LOG_KEY));
  }

  async #archive(): Promise<void> {
    let left = this.#random.below(2) === 0 ? this.#random.below(30) : Number.POSITIVE_INFINITY;
    const archiver = this.#archiver(() => {
      if (left-- <= 0) throw new Killed();
    });
    try {
      await archiver.run();
    } catch (error) {
      if (!(error instanceof Killed) && !isNoSpace(error)) throw error;
      this.kills++;
    }
  }

  #archiver(onCall: () => void = () => {}): Archiver {
    const { store } = this;
    const connection = {
      name: store.name,
      put: (...args: Parameters<MemoryObjects['put']>) => {
        onCall();
        return store.put(...args);
      },
      get: (key: string) => {
        onCall();
        return store.get(key);
      },
    };
    const consumer = {
      acknowledgedEventId: this.#acknowledged,
      acknowledge: async (eventId: number): Promise<void> => {
        if (store.trouble > 0 && this.#random.below(10) === 0) throw systemError('ENOSPC', 'full');
        this.#acknowledged = Math.max(this.#acknowledged, eventId);
      },
    };
    const pauses = async (): Promise<void> => {
      this.retries++;
    };
    const patient = new PatientStore(connection, { forever: true, pauses });
    const { logId } = this.#log;
    const ports = { storage: this.#disk, dir: SOURCE, logId, store: patient, consumer, pauses };
    const signal = undefined;
    return new Archiver(ports, {
      follow: false,
      signal,
      onTrouble: () => {},
      onProgress: () => {},
    });
  }
}

test(`${HISTORIES} histories: no event leaves the log before it is in the store`, async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const pristine = new SimulatedDisk();
  log.write(pristine, LONG);
  const whole = new Map(
    Array.from({ length: FINISHED }, (_, at) => [at + 1, bytesOf(pristine, pathOf(at + 1))]),
  );
  const sums = { kills: 0, retries: 0, removed: 0 };
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const history = new History(seed, log, whole);
    try {
      await history.run();
    } catch (error) {
      throw new Error(`history ${seed}`, { cause: error });
    }
    sums.kills += history.kills;
    sums.retries += history.retries;
    sums.removed += history.removedSegments;
  }
  assert.ok(sums.kills > HISTORIES / 2, `${sums.kills} kills`);
  assert.ok(sums.retries > HISTORIES, `${sums.retries} calls failed`);
  assert.equal(sums.removed, HISTORIES * FINISHED);
});
