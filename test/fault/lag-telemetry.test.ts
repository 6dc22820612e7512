// What is at risk while something is stuck: every event that was appended and is not durable, told
// by positions and not by what the stuck thread last stored; in the process, from another one, and
// after a kill.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { attachTelemetry, type recorder } from '../../src/telemetry.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotTrace, Strace } from '../support/strace.js';

/** A call that takes so long ends when the tracer lets go. */
const STUCK_US = 300e6;
const EVENTS = 3000;
const FRAME_BYTES = 24 + 40;

interface Shown {
  readonly events: number;
  readonly bytes: number;
  readonly ageMs: number;
  readonly unsyncedEvents: number;
  readonly ringBytes: number;
  readonly ringBytesMax: number;
  readonly waitMs: number;
  readonly waits: number;
}

/** What is at risk, by the metrics of whoever looks; its text is part of the script as well. */
const atRisk = ({ segmentWriter, manager }: recorder.Telemetry): Shown => ({
  events: segmentWriter.durableLagEvents,
  bytes: segmentWriter.durableLagBytes,
  ageMs: segmentWriter.durableLagAge / 1e6,
  unsyncedEvents: segmentWriter.unsyncedEvents,
  ringBytes: manager.ringOccupancyBytes,
  ringBytesMax: manager.ringOccupancyBytesMax,
  waitMs: manager.durableWaitAge / 1e6,
  waits: manager.durableWait.samples,
});

/** Appends once, so that the writer gets stuck; then more, and tells what it sees of itself. */
const APPEND = `
const wal = await Wal.open(directory, options);
wal.append(Buffer.alloc(40));
await wal.durable();
tell('ready');
await told();
wal.append(Buffer.alloc(40));
const waiting = wal.durable();
waiting.catch(() => {});
await told();
for (let event = 1; event < ${EVENTS}; event++) wal.append(Buffer.alloc(40));
const atRisk = ${atRisk.toString()};
tell('appended');
await told();
tell('seen ' + JSON.stringify([wal.telemetry, wal.telemetry.toJSON()].map(atRisk)));
await told();
await waiting;
await wal.close();
`;

/** A log whose writer hangs in `call` on its segment while events are appended. */
async function stuckIn(t: TestContext, call: string) {
  const directory = temporaryFolder(t);
  const options = { ...mappedOptions(t), ringBytes: 2 ** 20, sync: { mode: 'manual' } };
  let strace: Strace | undefined;
  // Before the script ends, whatever fails here: it cannot while a call of it is held back.
  t.after(() => strace?.detach());
  const script = Script.start(t, APPEND, directory, options);
  await script.tells('ready');
  const telemetry = attachTelemetry(directory);
  t.after(() => telemetry.close());
  assert.equal(atRisk(telemetry.recorder).events, 0);
  assert.equal(atRisk(telemetry.recorder).ageMs, 0);
  const segment = join(directory, '0000000001.wal');
  const inject = `inject=${call}:delay_enter=${STUCK_US}`;
  const args = ['-P', segment, '-e', `trace=${call}`, '-e', inject];
  strace = await Strace.attach(t, script.child.pid ?? 0, { args });
  script.tell();
  await eventually(
    'the writer is stuck',
    () => strace?.calls.some((line) => line.includes(call)) === true,
  );
  const stuckSince = performance.now();
  script.tell();
  await script.tells('appended');
  await eventually('a second passes', () => performance.now() - stuckSince > 1000);
  return { script, strace, telemetry, stuckSince };
}

/** Everything that was appended since the last commit, and for at least a second. */
function assertAtRisk(shown: Shown, stuckSince: number, what: string): void {
  const told = `${what}: ${JSON.stringify(shown)}`;
  assert.equal(shown.events, EVENTS, told);
  assert.ok(shown.bytes >= EVENTS * FRAME_BYTES, told);
  assert.ok(shown.bytes < EVENTS * FRAME_BYTES + 1000, told);
  assert.ok(shown.ageMs > 900, told);
  // Since it got stuck, and what a busy machine needed until that was seen.
  assert.ok(shown.ageMs < performance.now() - stuckSince + 60_000, told);
  assert.ok(shown.waitMs > 900, told);
  assert.equal(shown.waits, 1, told);
}

/** @param written events that the kernel has, of those that are not durable */
async function tellsWhatIsAtRisk(t: TestContext, call: string, written: number): Promise<void> {
  const { script, strace, telemetry, stuckSince } = await stuckIn(t, call);
  script.tell();
  const own = JSON.parse(await script.tells('seen')) as Shown[];
  telemetry.refresh();
  for (const [index, shown] of [...own, atRisk(telemetry.recorder)].entries()) {
    assertAtRisk(shown, stuckSince, `${call}, look ${index}`);
    assert.equal(shown.unsyncedEvents, written);
    assert.equal(shown.ringBytes, (EVENTS - written) * FRAME_BYTES);
    assert.ok(shown.ringBytesMax >= shown.ringBytes);
  }
  assert.equal(telemetry.appendedEventId, 1 + EVENTS);
  assert.equal(telemetry.durableEventId, 1);
  // A log that is not maintained has no thread for that.
  const beaten = ({ ageNs }: { ageNs: number | undefined }): number => ageNs ?? Number.MAX_VALUE;
  const ages = Object.values(telemetry.threads).map(beaten);
  const asOfLastSignNs = telemetry.recorder.segmentWriter.durableLagAge - Math.min(...ages);
  // Stopped first: a tracer that holds a call back does not let go of a process that was killed.
  script.child.kill('SIGSTOP');
  await strace.detach();
  script.child.kill('SIGKILL');
  await script.ended;
  const left = attachTelemetry(telemetry.directory);
  t.after(() => left.close());
  assert.equal(left.status, 'dead');
  // The call that was held back may have come to its end, and what it did been told.
  const { appendedEventId, writtenEventId, durableEventId } = left;
  assert.equal(appendedEventId, 1 + EVENTS);
  assert.ok(writtenEventId <= 2 && durableEventId <= 2, `${writtenEventId}, ${durableEventId}`);
  const { segmentWriter, manager } = left.recorder;
  assert.equal(segmentWriter.durableLagEvents, appendedEventId - durableEventId);
  assert.ok(segmentWriter.durableLagBytes >= (appendedEventId - durableEventId) * FRAME_BYTES);
  // As of the last sign of life, on a busy machine long before the end. Both looks tell how long
  // ago that was in whole milliseconds, and each may be wrong by one.
  const leastNs = durableEventId === 1 ? asOfLastSignNs - 2e6 : 0;
  assert.ok(segmentWriter.durableLagAge > Math.max(0, leastNs), `${leastNs}`);
  assert.equal(manager.ringOccupancyBytes, (appendedEventId - writtenEventId) * FRAME_BYTES);
}

test(
  'a writer stuck in a write: what is appended and not durable is told, also after a kill',
  {
    skip: cannotTrace || cannotMap,
  },
  (t) => tellsWhatIsAtRisk(t, 'pwrite64', 0),
);

test(
  'a writer stuck in a sync: what is appended and not durable is told, also after a kill',
  {
    skip: cannotTrace || cannotMap,
  },
  (t) => tellsWhatIsAtRisk(t, 'fdatasync', 1),
);

test('when the writer goes on, nothing is behind any more', {
  skip: cannotTrace || cannotMap,
}, async (t) => {
  const { script, strace, telemetry } = await stuckIn(t, 'fdatasync');
  await strace.detach();
  script.tell();
  await script.tells('seen');
  await eventually('event 2 is durable, and who waited for it knows', () => {
    telemetry.refresh();
    return telemetry.durableEventId >= 2 && atRisk(telemetry.recorder).waitMs === 0;
  });
  assert.equal(atRisk(telemetry.recorder).events, 1 + EVENTS - telemetry.durableEventId);
  script.tell();
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});
