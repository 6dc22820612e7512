// A full ring, counted by the script that fills it, against what the log tells of it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type AttachedTelemetry, attachTelemetry } from '../../src/telemetry.js';
import { KIB } from '../../src/units.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotTrace, Strace } from '../support/strace.js';

const PAYLOAD_BYTES = 1000;
/** Divides the ring's size: it can be full to the last byte. */
const FRAME_BYTES = 24 + PAYLOAD_BYTES;
const RING_BYTES = 64 * KIB;
/** A call that takes so long ends when the tracer lets go. */
const STUCK_US = 300e6;

/** Comes to a full ring. A failure is told: a script with a call that is held back cannot end. */
const FILL = `
const wal = await Wal.open(directory, options);
const payload = Buffer.alloc(${PAYLOAD_BYTES}, 1);
await wal.durable(wal.append(payload));
tell('ready');
await told();
let appended = 1;
let full = 0;
const codes = [];
const attempt = (call) => {
  try {
    call();
    appended++;
  } catch (error) {
    codes.push(error.code ?? error.message);
  }
};
const shown = () => {
  const { manager, segmentWriter } = wal.telemetry;
  const { appendEvent, appendRefused, ringStall, appendedEvents, refusedAppends } = manager;
  const { ringOccupancyBytes, ringOccupancyBytesMax, ringStallOccupancyBytesMax } = manager;
  return JSON.stringify({
    appended, full, codes, writtenEventId: wal.writtenEventId,
    ringOccupancyBytes, ringOccupancyBytesMax, ringStallOccupancyBytesMax,
    appendedEvents, refusedAppends,
    failures: appendEvent.failures, refused: appendRefused.samples,
    stalls: ringStall.samples, stallNs: ringStall.totalNs, longestNs: appendEvent.maxNs,
    blockEvents: segmentWriter.blockEvents,
  });
};
wal.append(payload);
appended++;
tell('appended');
await told();
while (full < 7) {
  if (wal.tryAppend(payload) === undefined) full++;
  else appended++;
}
`;

interface Shown {
  readonly appended: number;
  readonly full: number;
  readonly codes: readonly string[];
  readonly writtenEventId: number;
  readonly ringOccupancyBytes: number;
  readonly ringOccupancyBytesMax: number;
  readonly ringStallOccupancyBytesMax: number;
  readonly appendedEvents: number;
  readonly refusedAppends: number;
  readonly failures: number;
  readonly refused: number;
  readonly stalls: number;
  readonly stallNs: number;
  readonly longestNs: number;
  readonly blockEvents: number;
}

/** A script whose writer thread is stuck in the write of its second block. */
async function stuck(t: TestContext, text: string, stallTimeoutMs: number) {
  const directory = temporaryFolder(t);
  const sizes = { segmentBytes: 256 * KIB, ringBytes: RING_BYTES };
  const sync = { mode: 'manual' };
  const options = { ...mappedOptions(t), ...sizes, sync, stallTimeoutMs };
  let strace: Strace | undefined;
  // Before the script ends, whatever fails here: it cannot while a call of it is held back.
  t.after(() => strace?.detach());
  const script = Script.start(t, FILL + text, directory, options);
  await script.tells('ready');
  const telemetry = attachTelemetry(directory);
  t.after(() => telemetry.close());
  const call = 'pwrite64';
  const segment = join(directory, '0000000001.wal');
  await eventually('the last commit is told in the file', () => {
    telemetry.refresh();
    return telemetry.recorder.segmentWriter.unwatermarkedAge === 0;
  });
  const inject = `inject=${call}:delay_enter=${STUCK_US}`;
  const args = ['-P', segment, '-e', `trace=${call}`, '-e', inject];
  const tracer = await Strace.attach(t, script.child.pid ?? 0, { args });
  strace = tracer;
  script.tell();
  await script.tells('appended');
  await eventually('the writer is stuck', () => tracer.calls.some((line) => line.includes(call)));
  script.tell();
  return { script, strace: tracer, telemetry };
}

const seenIn = async (script: Script, word: string): Promise<Shown> =>
  JSON.parse(await script.tells(word)) as Shown;

const occupancyOf = (telemetry: AttachedTelemetry): number => {
  telemetry.refresh();
  return telemetry.recorder.manager.ringOccupancyBytes;
};

async function assertEnds(script: Script): Promise<void> {
  script.tell();
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
}

const REFUSED = `
for (let call = 0; call < 3; call++) attempt(() => wal.append(payload));
attempt(() => wal.appendBatch([payload, payload]));
tell('full ' + shown());
await told();
await wal.durable();
tell('empty ' + shown());
await told();
await wal.close();
`;

test('a full ring: what the script counted is what the log tells, to the byte', {
  skip: cannotTrace || cannotMap,
}, async (t) => {
  const { script, strace, telemetry } = await stuck(t, REFUSED, 50);
  const full = await seenIn(script, 'full');
  t.diagnostic(JSON.stringify(full));
  assert.deepEqual(full.codes, Array(4).fill('ERR_FLASHSTRIKE_STALLED'));
  assert.equal(full.writtenEventId, 1);
  assert.equal(full.appended, 1 + RING_BYTES / FRAME_BYTES);
  assert.equal(full.appendedEvents, full.appended);
  assert.equal(full.refusedAppends, full.full);
  assert.deepEqual([full.failures, full.refused, full.stalls], [4, 4, 4]);
  assert.equal(full.ringOccupancyBytes, (full.appended - full.writtenEventId) * FRAME_BYTES);
  assert.equal(full.ringOccupancyBytes, RING_BYTES);
  assert.equal(full.ringOccupancyBytesMax, RING_BYTES);
  assert.equal(full.ringStallOccupancyBytesMax, RING_BYTES);
  assert.equal(occupancyOf(telemetry), RING_BYTES, 'from outside as well');
  assert.ok(full.stallNs >= 4 * 50e6, 'each waited for as long as the option says');
  await strace.detach();
  script.tell();
  const empty = await seenIn(script, 'empty');
  assert.equal(empty.writtenEventId, empty.appended);
  assert.equal(empty.blockEvents, empty.appended);
  assert.equal(empty.ringOccupancyBytes, 0);
  assert.deepEqual([empty.failures, empty.refused, empty.stalls], [4, 4, 4]);
  await assertEnds(script);
});

const WAITS = `
tell('full');
const before = process.hrtime.bigint();
attempt(() => wal.append(payload));
const waitedNs = Number(process.hrtime.bigint() - before);
tell('waited ' + waitedNs);
tell('seen ' + shown());
await told();
await wal.durable();
const closing = wal.close();
for (let call = 0; call < 3; call++) attempt(() => wal.append(payload));
attempt(() => wal.tryAppend(payload));
attempt(() => wal.appendBatch([payload]));
await closing;
tell('closed ' + shown());
`;

test('an append that waits in a full ring, and calls of a closing log: each is counted once', {
  skip: cannotTrace || cannotMap,
}, async (t) => {
  const { script, strace, telemetry } = await stuck(t, WAITS, 2 ** 31 - 1);
  await script.tells('full');
  await eventually('the append waits', () => {
    telemetry.refresh();
    return telemetry.recorder.manager.ringStallAge > 0;
  });
  const sinceMs = performance.now();
  await eventually('it has waited for a while', () => performance.now() - sinceMs > 200);
  const leastNs = (performance.now() - sinceMs) * 1e6;
  await strace.detach();
  const waitedNs = Number(await script.tells('waited'));
  const seen = await seenIn(script, 'seen');
  t.diagnostic(`waited ${leastNs} to ${waitedNs} ns, told ${seen.stallNs}`);
  assert.deepEqual([seen.codes, seen.stalls, seen.failures, seen.refused], [[], 1, 0, 0]);
  assert.equal(seen.refusedAppends, seen.full);
  assert.equal(seen.appendedEvents, seen.appended);
  assert.ok(seen.stallNs >= leastNs && seen.stallNs <= waitedNs);
  assert.ok(seen.longestNs >= seen.stallNs && seen.longestNs <= waitedNs, 'also of the append');
  script.tell();
  const closed = await seenIn(script, 'closed');
  assert.deepEqual(closed.codes, Array(5).fill('ERR_FLASHSTRIKE_CLOSED'));
  assert.deepEqual([closed.stalls, closed.failures, closed.refused], [1, 5, 5]);
  assert.equal(closed.appendedEvents, closed.appended);
  await assertEnds(script);
});
