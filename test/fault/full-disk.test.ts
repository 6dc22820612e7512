// A disk that fills up: append refuses with a code, durable waits, nothing acknowledged is lost,
// and work goes on by itself once there is space.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Wal, type WalError } from '../../src/index.js';
import { KIB, MIB } from '../../src/units.js';
import {
  assertNoRegion,
  cannotMap,
  mappedOptions,
  onBothAdapters,
  regionFolder,
} from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually, settles, staysPending } from '../support/eventually.js';
import {
  appendEvents,
  assertHoldsEvents,
  assertSound,
  code,
  payloadOf,
  preparedFiles,
  segmentFiles,
  typeOf,
} from '../support/log-content.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';

const DISK_BYTES = 2 * MIB;
/** So long that a test in which append waits for it never ends. */
const NEVER = { stallTimeoutMs: 2 ** 31 - 1 };

const noSpace = code('ERR_FLASHSTRIKE_NO_SPACE', /free some space/i);

/**
 * Appends until the log refuses; returns the refusal. Where append waits for a bounded time, the
 * threads may take longer to find the disk full: then it is to be tried again.
 */
async function appendUntilRefused(wal: Wal): Promise<unknown> {
  let refusal: unknown;
  await eventually('the log refuses', () => {
    for (let count = 0; count < 100; count++) {
      const id = wal.lastEventId + 1;
      try {
        wal.append(payloadOf(id), typeOf(id));
      } catch (error) {
        assert.equal(wal.lastEventId, id - 1, 'what is refused gets no id');
        refusal = error;
        return (error as WalError).code !== 'ERR_FLASHSTRIKE_STALLED';
      }
    }
    return false;
  });
  return refusal;
}

/**
 * Appends on a full disk until nothing can go on; returns the refusal. A first one may come while a
 * segment that has found room still is made, and wal.meta has not: so attempts to make one must
 * have failed since.
 */
async function appendUntilStuck(wal: Wal): Promise<unknown> {
  noSpace(await appendUntilRefused(wal));
  const { segmentPreparer } = wal.telemetry;
  const { failures } = segmentPreparer.prepareSegment;
  await eventually('no segment finds room', () => {
    return segmentPreparer.prepareSegment.failures >= failures + 2;
  });
  return await appendUntilRefused(wal);
}

/** The same in a script: tells the refusal and the last id. */
const APPEND_UNTIL_STUCK = `
const { segmentPreparer } = wal.telemetry;
const refusal = () => {
  for (;;) {
    try {
      wal.append(Buffer.alloc(100, wal.lastEventId + 1));
    } catch (error) {
      if (error.code !== 'ERR_FLASHSTRIKE_STALLED') return error;
    }
  }
};
refusal();
const { failures } = segmentPreparer.prepareSegment;
while (segmentPreparer.prepareSegment.failures < failures + 2) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
tell(refusal().code + ' ' + wal.lastEventId);
`;

onBothAdapters(
  'full while running: append refuses at once, durable waits, all goes on with space',
  async (t, v) => {
    const disk = new SmallDisk(t, DISK_BYTES);
    const directory = join(disk.folder, 'log');
    const wal = await Wal.open(directory, { ...v.options, ...NEVER });
    await wal.durable(appendEvents(wal, 100));
    for (let round = 0; round < 3; round++) {
      disk.fill();
      noSpace(await appendUntilStuck(wal));
      assert.equal(wal.state, 'no-space');
      assert.equal(wal.failure, undefined);
      const last = wal.lastEventId;
      assert.ok(wal.durableEventId < last, 'something waits in the ring');
      for (let again = 0; again < 3; again++) {
        assert.throws(() => wal.append(new Uint8Array(9000)), noSpace);
        assert.equal(wal.tryAppend(new Uint8Array(9000)), undefined);
      }
      assert.equal(wal.lastEventId, last);
      const durable = wal.durable();
      assert.ok(await staysPending(durable, 200));
      // It can wait no longer than it was told; then it says what is the matter.
      assert.throws(() => wal.durableSync(last, 20), noSpace);
      assert.equal(wal.state, 'no-space');
      disk.free();
      assert.equal(wal.durableSync(last, NEVER.stallTimeoutMs), last);
      assert.equal(await settles('durable', durable), last);
      await eventually('the log is open again', () => wal.state === 'open');
      await wal.durable(appendEvents(wal, 100));
    }
    const last = wal.lastEventId;
    await wal.close();
    assertHoldsEvents(directory, last);
    await assertSound(directory);
    assertNoRegion(v.options);
  },
  cannotMount,
);

onBothAdapters(
  'full while the first spare is prepared: no partial file stays, appends go on',
  async (t, v) => {
    const disk = new SmallDisk(t, DISK_BYTES);
    const directory = join(disk.folder, 'log');
    // Room for the first segment, LOCK and wal.meta twice; not for a spare.
    disk.fill(64 * KIB + 32 * KIB);
    const wal = await Wal.open(directory, { ...v.options, ...NEVER });
    await eventually('the log tells', () => wal.state === 'no-space');
    const last = appendEvents(wal, 100);
    assert.equal(await settles('durable', wal.durable()), last, 'the first segment has room');
    assert.equal(wal.state, 'no-space');
    assert.deepEqual(segmentFiles(directory), ['0000000001.wal']);
    // One is there for a moment with each attempt.
    await eventually('no partial file stays', () => preparedFiles(directory).length === 0);
    disk.free();
    await eventually('the log is open again', () => wal.state === 'open');
    await wal.durable(appendEvents(wal, 1000));
    await wal.close();
    assertHoldsEvents(directory, last + 1000);
    await assertSound(directory);
  },
  cannotMount,
);

test('close on a full disk gives up in time; the region keeps what waits for the next open', {
  skip: cannotMount || cannotMap,
}, async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const directory = join(disk.folder, 'log');
  const options = mappedOptions(t);
  const wal = await Wal.open(directory, { ...options, stallTimeoutMs: 300 });
  await wal.durable(appendEvents(wal, 100));
  disk.fill();
  noSpace(await appendUntilStuck(wal));
  const last = wal.lastEventId;
  const waits = wal.telemetry.manager.durableWait.samples;
  const durable = settles('durable', wal.durable());
  const unknown = assert.rejects(durable, code('ERR_FLASHSTRIKE_DURABILITY_UNKNOWN'));
  const closing = settles('close', wal.close());
  await assert.rejects(closing, code('ERR_FLASHSTRIKE_NO_SPACE', /closing gave up after 300 ms/));
  await unknown;
  assert.equal(wal.state, 'closed');
  const { getNextSegmentFailed, getNextSegmentAge } = wal.telemetry.segmentPreparer;
  assert.deepEqual([getNextSegmentFailed, getNextSegmentAge], [1, 0], 'nobody waits any more');
  const { samples } = wal.telemetry.manager.durableWait;
  assert.equal(samples, waits + 1, 'the wait that was refused too');
  assert.ok(wal.writtenEventId < last);
  assert.equal(readdirSync(options.sharedMemoryDirectory).length, 1);
  disk.free();
  {
    await using again = await Wal.open(directory, options);
    assert.equal(again.recovery.region, 'recovered');
    assert.ok(again.recovery.eventsFromRing > 0);
    assert.equal(again.lastEventId, last);
    assert.equal(again.durableEventId, last);
  }
  assertNoRegion(options);
  assertHoldsEvents(directory, last);
  await assertSound(directory);
});

test('process.exit on a full disk keeps the region too', {
  skip: cannotMount || cannotMap,
}, async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const directory = join(disk.folder, 'log');
  const options = mappedOptions(t);
  const script = Script.start(
    t,
    `
      const wal = await Wal.open(directory, options);
      tell('open');
      await told();
      ${APPEND_UNTIL_STUCK}
      process.exit(0);
    `,
    directory,
    { ...options, stallTimeoutMs: 300 },
  );
  await script.tells('open');
  disk.fill();
  script.tell();
  const last = Number(await script.tells('ERR_FLASHSTRIKE_NO_SPACE'));
  const { code: exitCode, stderr } = await script.ended;
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  disk.free();
  await using wal = await Wal.open(directory, options);
  assert.equal(wal.recovery.region, 'recovered');
  assert.equal(wal.lastEventId, last);
  for (const { eventId, payload } of wal.replay()) {
    assert.deepEqual(Buffer.from(payload), Buffer.alloc(100, eventId));
  }
});

/** A process that is killed while events wait in its ring because the disk is full. */
async function killedOnAFullDisk(
  t: TestContext,
  disk: SmallDisk,
  options: object,
): Promise<{ directory: string; last: number }> {
  const directory = join(disk.folder, 'log');
  const script = Script.start(
    t,
    `
      const wal = await Wal.open(directory, options);
      tell('open');
      await told();
      ${APPEND_UNTIL_STUCK}
      setInterval(() => {}, 1000);
    `,
    directory,
    options,
  );
  await script.tells('open');
  disk.fill();
  script.tell();
  const last = Number(await script.tells('ERR_FLASHSTRIKE_NO_SPACE'));
  await script.kill();
  return { directory, last };
}

test('still full at the next open: refused again and again, log and region stay', {
  skip: cannotMount || cannotMap,
}, async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const options = mappedOptions(t);
  const { directory, last } = await killedOnAFullDisk(t, disk, options);
  const regions = readdirSync(options.sharedMemoryDirectory);
  assert.equal(regions.length, 1);
  // What the dead process had prepared is gone with the first open: take its space away as well.
  for (let attempt = 0; attempt < 6; attempt++) {
    disk.fill();
    await assert.rejects(Wal.open(directory, options), noSpace);
    assert.deepEqual(readdirSync(options.sharedMemoryDirectory), regions);
  }
  disk.free();
  {
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.recovery.region, 'recovered');
    assert.equal(wal.lastEventId, last);
    assert.equal(wal.durableEventId, last);
    for (const { eventId, payload } of wal.replay()) {
      assert.deepEqual(Buffer.from(payload), Buffer.alloc(100, eventId));
    }
  }
  assertNoRegion(options);
  await assertSound(directory);
});

test('a new log on a full disk is refused, and can be made once there is space', {
  skip: cannotMount,
}, async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const directory = join(disk.folder, 'log');
  const options = { segmentBytes: 64 * KIB, ringBytes: 64 * KIB, sharedMemory: 'off' } as const;
  for (const leftBytes of [0, 4 * KIB, 8 * KIB, 16 * KIB, 64 * KIB]) {
    disk.fill(leftBytes);
    await assert.rejects(Wal.open(directory, options), noSpace, `${leftBytes} bytes were free`);
    if (existsSync(directory)) assert.deepEqual(preparedFiles(directory), []);
    disk.free();
  }
  await using wal = await Wal.open(directory, options);
  assert.ok(['new', 'clean'].includes(wal.recovery.verdict));
  await wal.durable(appendEvents(wal, 1000));
});

/** A region of 64 KiB of ring takes some 330 KiB in all. */
test('shared memory that is full: an error or the portable ring, by option, and never a death', {
  skip: cannotMount || cannotMap,
}, async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const directory = join(regionFolder(t), 'log');
  const sizes = { segmentBytes: 64 * KIB, ringBytes: 64 * KIB, sharedMemoryDirectory: disk.folder };
  const required = { ...sizes, sharedMemory: 'required' } as const;
  for (const leftBytes of [0, 4 * KIB, 128 * KIB, 180 * KIB]) {
    disk.fill(leftBytes);
    const message = new RegExp(`${disk.folder}.*ENOSPC.*Make room`);
    const refusal = code('ERR_FLASHSTRIKE_SHARED_MEMORY', message);
    await assert.rejects(Wal.open(directory, required), refusal);
    assert.deepEqual(readdirSync(disk.folder), ['ballast'], 'no part of a region stays');
    await using wal = await Wal.open(directory, { ...sizes, sharedMemory: 'auto' });
    assert.equal(wal.capabilities.sharedMemory, 'portable');
    assert.match(wal.capabilities.sharedMemoryReason ?? '', /ENOSPC/);
    await wal.durable(appendEvents(wal, 500));
    assert.deepEqual(readdirSync(disk.folder), ['ballast']);
  }
  disk.free();
  {
    await using wal = await Wal.open(directory, required);
    assert.equal(wal.capabilities.sharedMemory, 'mapped');
    // Its memory is there for good: what fills the disk now takes none of it away.
    disk.fill();
    await wal.durable(appendEvents(wal, 2000));
  }
  assert.deepEqual(readdirSync(disk.folder), ['ballast']);
  assertHoldsEvents(directory, 4000);
});

test('refused opens for want of shared memory never lose the region that waits', {
  skip: cannotMount || cannotMap,
}, async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const directory = join(regionFolder(t), 'log');
  const options = {
    segmentBytes: 64 * KIB,
    ringBytes: 64 * KIB,
    sharedMemory: 'required',
    sharedMemoryDirectory: disk.folder,
  } as const;
  const script = Script.start(
    t,
    `
      const wal = await Wal.open(directory, options);
      for (let id = 1; id <= 1000; id++) wal.append(Buffer.from('event ' + id));
      process.kill(process.pid, 'SIGKILL');
    `,
    directory,
    options,
  );
  assert.equal((await script.ended).signal, 'SIGKILL');
  // LOCK has room for the names of four regions: what the first held must be safe by then.
  for (let attempt = 1; attempt <= 6; attempt++) {
    disk.fill();
    const refusal = await Wal.open(directory, options).then(
      (wal) => wal.close(),
      (error: unknown) => error,
    );
    if (attempt <= 3 || refusal !== undefined) code('ERR_FLASHSTRIKE_SHARED_MEMORY')(refusal);
  }
  disk.free();
  {
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.lastEventId, 1000);
  }
  assert.deepEqual(readdirSync(disk.folder), [], 'nor does it stay for ever');
  assert.ok(existsSync(directory));
});
