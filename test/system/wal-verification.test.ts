// What the option `verify` of an open reads, and how damage is told that is found while the log is
// open.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Wal, type WalOptions } from '../../src/index.js';
import { inspectLog } from '../../src/verification/inspect.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { eventually } from '../support/eventually.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';

const SEGMENTS = 5;
const EVENTS = 10;

/**
 * Four finished segments and a last one; `damaged`: a byte in the payload of the second is flipped.
 */
function aLog(t: TestContext, damaged: boolean): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let index = 1; index <= SEGMENTS; index++) {
    builder.segment().events(EVENTS).watermark();
    if (index < SEGMENTS) builder.seal();
  }
  const bytes = builder.fileOf(2);
  const at = builder.blockOf(2, 0).offset + 100;
  if (damaged) bytes[at] = (bytes[at] ?? 0) ^ 1;
  return builder.meta().write();
}

const SMALL: WalOptions = { segmentBytes: 65536, ringBytes: 65536, sharedMemory: 'off' };

const opened = (dir: string, options: WalOptions): Promise<Wal> =>
  Wal.open(dir, { ...SMALL, ...options });

test('nothing more is read where it is not asked for', async (t) => {
  const wal = await opened(aLog(t, true).dir, {});
  assert.deepEqual([wal.verification.state, wal.verification.segments], ['headers', 0]);
  await wal.close();
});

test("before the log opens: verify: 'all'", async (t) => {
  const damaged = aLog(t, true);
  await assert.rejects(Wal.open(damaged.dir, { ...SMALL, verify: 'all' }), {
    code: 'ERR_FLASHSTRIKE_CORRUPT',
    path: damaged.pathOf(2),
    message: /Events 11 to 20 are lost/,
  });
  const accepted = await opened(damaged.dir, { verify: 'all', recovery: 'accept-loss' });
  assert.equal(accepted.verification.state, 'damaged');
  const [loss, ...others] = accepted.recovery.losses;
  assert.deepEqual([loss?.firstEventId, loss?.lastEventId, others], [11, 20, []]);
  assert.match(accepted.recovery.advice, /continues with event 51/);
  assert.equal(accepted.append(new Uint8Array(1)), SEGMENTS * EVENTS + 1);
  await accepted.close();
  const sound = await opened(aLog(t, false).dir, { verify: 'all' });
  assert.equal(sound.verification.state, 'sound');
  await sound.close();
});

test("while the log is open: verify: 'background' ends with a word about all segments", async (t) => {
  const wal = await opened(aLog(t, false).dir, { verify: 'background' });
  await eventually('it comes to its end', () => wal.verification.state === 'sound');
  const { segments, checkedSegments, damagedSegments, problem } = wal.verification;
  assert.deepEqual([segments, checkedSegments, damagedSegments, problem], [4, 4, 0, undefined]);
  await wal.close();
});

test('damage that is found then is told once and for all, and the log goes on', {
  skip: cannotMap,
}, async (t) => {
  const builder = aLog(t, true);
  const warnings: Error[] = [];
  const listen = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  const wal = await opened(builder.dir, { ...mappedOptions(t), verify: 'background' });
  await eventually('all are checked', () => wal.verification.checkedSegments === SEGMENTS - 1);
  const { state, damagedSegments, problem } = wal.verification;
  assert.deepEqual([state, damagedSegments], ['damaged', 1]);
  assert.match(problem?.message ?? '', /0000000002\.wal is sound up to offset 4096, event 10/);
  await eventually('a warning', () => warnings.length > 0);
  assert.equal(warnings.length, 1);
  assert.equal(warnings[0]?.message, problem?.message);
  assert.equal(wal.telemetry.segmentMaintainer.verification.failures, 1);
  const counts = { segments: 4, checkedSegments: 4, damagedSegments: 1 };
  assert.deepEqual(inspectLog(builder.dir).verification, { state: 'damaged', ...counts });
  await wal.durable(wal.append(new Uint8Array(1)));
  await wal.close();
  assert.equal(wal.verification.state, 'damaged', 'also behind the close');
});
