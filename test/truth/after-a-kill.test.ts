// What the telemetry of a killed log tells, against what is then found in its files and its ring.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { replay, Wal, type WalOptions } from '../../src/index.js';
import { type AttachedTelemetry, attachTelemetry } from '../../src/telemetry.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';

const PAYLOAD_BYTES = 40;
/** Divides the ring's size: no padding. */
const FRAME_BYTES = 24 + PAYLOAD_BYTES;
/** No block is larger, with its header. */
const BLOCK_BYTES = 2 ** 20;

const APPEND = `
const wal = await Wal.open(directory, options.log);
const payload = Buffer.alloc(${PAYLOAD_BYTES}, 1);
tell('open');
for (let round = 0; round < options.load.rounds; round++) {
  for (let event = 0; event < 50; event++) wal.append(payload);
  if ((round + 1) % options.load.commitRounds === 0) await wal.durable();
  await new Promise(setImmediate);
}
await wal.durable();
tell('durable');
await told();
`;

interface Load {
  readonly rounds: number;
  /** A commit in so many rounds. */
  readonly commitRounds: number;
}

const countIn = (directory: string): number => {
  let count = 0;
  for (const { eventId } of replay(directory)) assert.equal(eventId, ++count);
  return count;
};

/** A log that was killed once `isDue`, and what its telemetry tells. */
async function killed(
  t: TestContext,
  load: Load,
  isDue: (telemetry: AttachedTelemetry, script: Script) => boolean,
) {
  const directory = temporaryFolder(t);
  const sizes = { segmentBytes: 2 ** 18, ringBytes: 2 ** 20 };
  const options: WalOptions = { ...mappedOptions(t), ...sizes, sync: { mode: 'manual' } };
  const script = Script.start(t, APPEND, directory, { log: options, load });
  await script.tells('open');
  const live = attachTelemetry(directory);
  t.after(() => live.close());
  await eventually('it is time to kill', () => {
    live.refresh();
    return isDue(live, script);
  });
  await script.kill();
  const telemetry = attachTelemetry(directory);
  t.after(() => telemetry.close());
  assert.equal(telemetry.status, 'dead');
  return { directory, options, telemetry };
}

/** The ids, lag and ring of a dead log are what its files and its ring turn out to hold. */
async function assertTrue(
  t: TestContext,
  directory: string,
  options: WalOptions,
  telemetry: AttachedTelemetry,
): Promise<void> {
  const { appendedEventId, writtenEventId, durableEventId } = telemetry;
  const { manager, segmentWriter } = telemetry.recorder;
  const { appendedEvents, ringOccupancyBytes } = manager;
  const { durableLagEvents, durableLagBytes } = segmentWriter;
  const inFiles = countIn(directory);
  t.diagnostic(
    `appended ${appendedEventId}, written ${writtenEventId}, durable ${durableEventId}, ` +
      `ring ${ringOccupancyBytes} bytes; ${inFiles} in the files`,
  );
  await using wal = await Wal.open(directory, options);
  const { eventsFromRing, droppedEvents, lastEventId } = wal.recovery;
  t.diagnostic(`recovered ${lastEventId}, of them ${eventsFromRing} from the ring`);
  assert.equal(lastEventId, appendedEventId, 'what was appended is there');
  assert.equal(countIn(directory), appendedEventId);
  assert.equal(droppedEvents, 0);
  assert.equal(eventsFromRing, appendedEventId - inFiles);
  assert.equal(durableLagEvents, appendedEventId - durableEventId);
  // A kill may come between an act and its telling; never is more told than was done.
  assert.ok(durableEventId <= writtenEventId && writtenEventId <= inFiles);
  assert.ok(appendedEvents === appendedEventId || appendedEvents === appendedEventId - 1);
  const unwrittenBytes = FRAME_BYTES * (appendedEventId - writtenEventId);
  assert.ok(ringOccupancyBytes >= unwrittenBytes, `${ringOccupancyBytes} of ${unwrittenBytes}`);
  assert.ok(ringOccupancyBytes <= unwrittenBytes + BLOCK_BYTES);
  assert.equal(ringOccupancyBytes % FRAME_BYTES, 0);
  assert.ok(durableLagBytes >= ringOccupancyBytes * Math.sign(durableLagEvents));
  const now = wal.telemetry.segmentWriter;
  assert.deepEqual([wal.durableEventId, now.durableLagEvents], [appendedEventId, 0]);
}

for (const [what, commitRounds] of [
  ['that commits now and then', 10],
  ['that commits nothing', 1e9],
] as const) {
  test(`a log ${what}, killed at work: what it tells is what is found`, {
    skip: cannotMap,
  }, async (t) => {
    for (const events of [2_000, 10_000]) {
      const load = { rounds: 1e9, commitRounds };
      const isDue = ({ appendedEventId }: AttachedTelemetry): boolean => appendedEventId > events;
      const { directory, options, telemetry } = await killed(t, load, isDue);
      await assertTrue(t, directory, options, telemetry);
    }
  });
}

test('a log killed at rest: nothing is behind, and nothing was', { skip: cannotMap }, async (t) => {
  const load = { rounds: 20, commitRounds: 3 };
  const isAtRest = ({ recorder }: AttachedTelemetry, script: Script): boolean =>
    script.lines.includes('durable') && recorder.segmentWriter.unwatermarkedAge === 0;
  const { directory, options, telemetry } = await killed(t, load, isAtRest);
  const { appendedEventId, writtenEventId, durableEventId } = telemetry;
  assert.deepEqual([appendedEventId, writtenEventId, durableEventId], [1000, 1000, 1000]);
  const { manager, segmentWriter } = telemetry.recorder;
  assert.deepEqual([manager.appendedEvents, segmentWriter.blockEvents], [1000, 1000]);
  assert.deepEqual([manager.ringOccupancyBytes, segmentWriter.durableLagBytes], [0, 0]);
  assert.deepEqual([segmentWriter.durableLagAge, segmentWriter.unsyncedAge], [0, 0]);
  assert.equal(countIn(directory), 1000, 'before anything is recovered');
  await assertTrue(t, directory, options, telemetry);
});
