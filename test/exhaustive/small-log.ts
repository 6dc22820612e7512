// A log of three segments of a few blocks each, on a disk in memory, its files as short as a
// finished log may have them: every byte and bit of it can be had.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Random } from '../../src/cli/demo/random.js';
import { recoverLog } from '../../src/recovery/recover-log.js';
import { replayThrough } from '../../src/replay/replay.js';
import { BlockKind } from '../../src/segment/block-header.js';
import { META_FILE } from '../../src/segment/file-names.js';
import { SEGMENT_HEADER_PAGE_BYTES } from '../../src/segment/segment-header.js';
import { encodeMeta } from '../../src/segment/wal-meta.js';
import { verifyThrough } from '../../src/verification/verify.js';
import type { VerifyReport } from '../../src/verification/verify-report.js';
import { DIRECTORY, Machine } from '../simulation/machine.js';
import type { SimulatedDisk } from '../simulation/simulated-disk.js';
import { LogBuilder, payloadOf, typeOf } from '../support/log-builder.js';
import { refusalOf } from '../support/refusal-of.js';

/** Zeros behind the last block of each file. */
const SPARE_BYTES = 64;
const PAYLOAD_BYTES = 24;

export class SmallLog {
  readonly builder: LogBuilder;
  readonly machine = new Machine(new Random(1));
  readonly disk: SimulatedDisk;
  readonly paths: readonly string[];
  readonly lastEventId: number;
  /** Up to here, each file must be as it was written; 0 for wal.meta, which others stand in for. */
  readonly neededBytes: ReadonlyMap<string, number>;

  /** @param durableEventId what wal.meta calls durable; default: all */
  constructor(build: (builder: LogBuilder) => void, durableEventId?: number) {
    this.builder = new LogBuilder(DIRECTORY, { payloadBytes: PAYLOAD_BYTES });
    build(this.builder);
    this.lastEventId = this.builder.lastEventId;
    this.disk = this.machine.disk;
    this.disk.makeDirectory(DIRECTORY);
    const needed = new Map<string, number>();
    for (const [index, bytes] of this.builder.files) {
      const path = this.builder.pathOf(index);
      const last = this.builder.blockOf(index, -1);
      put(this.disk, path, bytes.subarray(0, last.offset + last.bytes + SPARE_BYTES));
      // A successor pins the block before the seal: behind that everything is legal. At the end of
      // the log it is the events that count: wal.meta says what a last watermark says as well.
      const isLast = index === this.builder.files.size;
      const lastEvents = this.builder.blocks.findLast(
        ({ segmentIndex, kind }) => segmentIndex === index && kind === BlockKind.events,
      );
      assert.ok(lastEvents !== undefined);
      const pinned = isLast ? lastEvents.offset + lastEvents.bytes : last.offset;
      needed.set(path, pinned);
    }
    const meta = {
      cleanlyClosed: false,
      segmentIndex: this.builder.files.size,
      offset: needed.get(this.builder.pathOf(this.builder.files.size)) ?? 0,
      lastEventId: durableEventId ?? this.lastEventId,
      durableEventId: durableEventId ?? this.lastEventId,
      logId: this.builder.logId,
      firstKeptEventId: 0,
    };
    const metaPath = join(DIRECTORY, META_FILE);
    put(this.disk, metaPath, encodeMeta(meta));
    needed.set(metaPath, 0);
    this.neededBytes = needed;
    this.paths = [...needed.keys()];
    assert.ok([...needed.values()].every((end) => end === 0 || end > SEGMENT_HEADER_PAGE_BYTES));
  }

  /**
   * What `verify`, `replay` and the recovery of an open make of the files on `disk`: they agree
   * that nothing is wrong and find every event as it was, or they tell. An open that does not read
   * the blocks of finished segments may find all events there although these are damaged.
   * @returns true when it was told
   */
  async judge(disk: SimulatedDisk): Promise<boolean> {
    const report = await this.report(disk);
    const refusal = refusalOf(() => this.#replay(disk));
    assert.equal(refusal === undefined, report.ok, `verify and replay disagree: ${refusal}`);
    if (report.ok) assert.equal(report.lastEventId, this.lastEventId, 'shorter, in silence');
    const [refused, refusedWhole] = (['tail', 'all'] as const).map((mode) =>
      refusalOf(() => {
        const { last, nextEventId } = recoverLog(
          disk,
          DIRECTORY,
          'default',
          {},
          undefined,
          undefined,
          mode,
        );
        assert.ok(last !== undefined);
        disk.close(last.file.fd);
        assert.equal(nextEventId - 1, this.lastEventId, 'an open finds less, in silence');
      }),
    );
    assert.ok(!(report.ok && refused !== undefined), `only the open refuses: ${refused}`);
    assert.equal(refusedWhole === undefined, report.ok, `only one of them tells: ${refusedWhole}`);
    return !report.ok;
  }

  report(disk: SimulatedDisk): Promise<VerifyReport> {
    return verifyThrough({ ...this.machine.readingPorts, storage: disk }, DIRECTORY);
  }

  #replay(disk: SimulatedDisk): void {
    let expected = 1;
    const ports = { ...this.machine.readingPorts, storage: disk };
    // What is read ahead has damage tests of its own; memory for it a hundred thousand times takes
    // minutes.
    for (const event of replayThrough(ports, DIRECTORY, { readAhead: false })) {
      const { eventId, type, payload } = event;
      assert.equal(eventId, expected++);
      assert.equal(type, typeOf(eventId));
      assert.equal(Buffer.compare(payload, payloadOf(eventId, PAYLOAD_BYTES)), 0, `${eventId}`);
    }
    assert.equal(expected - 1, this.lastEventId, 'replay finds less, in silence');
  }
}

function put(disk: SimulatedDisk, path: string, bytes: Uint8Array): void {
  const fd = disk.open(path, 'create');
  disk.write(fd, [bytes], 0);
  disk.sync(fd);
  disk.close(fd);
}
