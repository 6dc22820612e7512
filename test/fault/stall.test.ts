// A disk that does not keep up: append waits for room in the ring, for a bounded time, and
// tryAppend does not wait at all.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { onBothAdapters, TINY, type Variant } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, contentOf } from '../support/log-content.js';
import { cannotTrace, Strace } from '../support/strace.js';

const VICTIM = `
const wal = await Wal.open(directory, options);
const append = (bytes) => wal.append(Buffer.alloc(bytes, wal.lastEventId + 1));
append(40);
await wal.durable();
tell('ready');
await told();
const { manager, segmentWriter } = wal.telemetry;
const story = { appended: 0, refusals: 1 };
const { writeBlock: writes, sync: syncs } = segmentWriter;
const startNs = performance.now() * 1e6;
// With every sync in the way, the ring is full before long.
while (wal.tryAppend(Buffer.alloc(4000, wal.lastEventId + 1)) !== undefined);
// A machine that is slower than its disk sees no full ring for a while.
const isShort = () => story.appended < ATTEMPTS || manager.ringStall.samples === 0;
while (isShort() && story.refusal === undefined) {
  const before = wal.lastEventId;
  try {
    append(9000);
    story.appended++;
  } catch (error) {
    story.refusal = wal.lastEventId === before ? error.code : 'it got an id';
    story.tryAppend = typeof wal.tryAppend(new Uint8Array(9000));
    if (story.tryAppend === 'undefined') story.refusals++;
  }
}
const { writeBlock, sync } = segmentWriter;
const endNs = performance.now() * 1e6;
story.metrics = {
  refusedAppends: manager.refusedAppends,
  failedAppends: manager.appendEvent.failures,
  stalls: manager.ringStall.samples,
  longestStallMs: manager.ringStall.maxNs / 1e6,
  occupancyBytesMax: manager.ringStallOccupancyBytesMax,
  stallAge: manager.ringStallAge,
  syncs: sync.samples,
  longestSyncMs: sync.maxNs / 1e6,
  passedNs: endNs - startNs,
  writeNs: writeBlock.totalNs - writes.totalNs,
  syncNs: sync.totalNs - syncs.totalNs,
};
story.state = wal.state;
story.failure = wal.failure?.code;
tell('stalled ' + JSON.stringify(story));
await told();
// In its own time: the disk may be slow all by itself.
for (;;) {
  try {
    append(16000);
    break;
  } catch (error) {
    if (error.code !== 'ERR_FLASHSTRIKE_STALLED') throw error;
  }
}
story.durable = await wal.durable();
story.last = wal.lastEventId;
await wal.close();
tell('story ' + JSON.stringify(story));
`;

interface Story {
  readonly appended: number;
  /** Calls of tryAppend that returned undefined. */
  readonly refusals: number;
  readonly metrics: Readonly<
    Record<
      | 'refusedAppends'
      | 'failedAppends'
      | 'stalls'
      | 'longestStallMs'
      | 'occupancyBytesMax'
      | 'stallAge'
      | 'syncs'
      | 'longestSyncMs'
      | 'passedNs'
      | 'writeNs'
      | 'syncNs',
      number
    >
  >;
  readonly refusal?: string;
  readonly tryAppend?: string;
  readonly state: string;
  readonly failure?: string;
  readonly durable: number;
  readonly last: number;
}

interface Slowness {
  /** Each sync takes so much longer. */
  readonly delayMs: number;
  readonly stallTimeoutMs: number;
  readonly attempts: number;
}

async function suffer(
  t: TestContext,
  { options }: Variant,
  { delayMs, stallTimeoutMs, attempts }: Slowness,
): Promise<{ directory: string; story: Story }> {
  const directory = temporaryFolder(t);
  const given = {
    ...options,
    segmentBytes: 1024 * 1024,
    stallTimeoutMs,
    sync: { mode: 'every-block' },
  };
  const script = Script.start(t, VICTIM.replace('ATTEMPTS', String(attempts)), directory, given);
  await script.tells('ready');
  const delay = `inject=fdatasync:delay_enter=${delayMs * 1000}`;
  const args = ['-e', 'trace=fdatasync', '-e', delay];
  const strace = await Strace.attach(t, script.child.pid ?? 0, { args });
  script.tell();
  await script.tells('stalled');
  // Also where the thread was late for another reason first; and it need not be over by then.
  await eventually('a sync is delayed', () => {
    return strace.calls.some((call) => call.includes('fdatasync('));
  });
  await strace.detach();
  script.tell();
  const story: Story = JSON.parse(await script.tells('story'));
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return { directory, story };
}

async function assertWhole(directory: string, story: Story): Promise<void> {
  assert.equal(story.state, 'open');
  assert.equal(story.failure, undefined, 'slow is not broken');
  assert.equal(story.durable, story.last);
  assert.equal(story.metrics.refusedAppends, story.refusals);
  assert.ok(story.metrics.stalls >= 1, 'the full ring shows in ringStall');
  assert.equal(story.metrics.stallAge, 0, 'it is over');
  const events = contentOf(directory);
  assert.equal(events.length, story.last);
  for (const { eventId, payload } of events) {
    assert.deepEqual(Buffer.from(payload), Buffer.alloc(payload.length, eventId));
  }
  await assertSound(directory);
}

onBothAdapters(
  'append waits for a slow disk no longer than stallTimeoutMs, then goes on when it can',
  async (t, v) => {
    const slowness = { delayMs: 60_000, stallTimeoutMs: 100, attempts: 1000 };
    const { directory, story } = await suffer(t, v, slowness);
    assert.equal(story.refusal, 'ERR_FLASHSTRIKE_STALLED');
    assert.equal(story.tryAppend, 'undefined');
    assert.equal(story.metrics.failedAppends, 1);
    assert.ok(story.metrics.longestStallMs >= slowness.stallTimeoutMs);
    // Less than the event's size at the ring's end, and at its beginning.
    assert.ok(story.metrics.occupancyBytesMax > TINY.ringBytes - 2 * 9100, 'the ring was full');
    await assertWhole(directory, story);
  },
  cannotTrace,
);

onBothAdapters(
  'append outlasts a slow disk where the time allows',
  async (t, v) => {
    const slowness = { delayMs: 150, stallTimeoutMs: 60_000, attempts: 15 };
    const { directory, story } = await suffer(t, v, slowness);
    assert.equal(story.refusal, undefined);
    assert.ok(story.appended >= 15);
    assert.equal(story.metrics.failedAppends, 0);
    const { longestSyncMs, passedNs, writeNs, syncNs } = story.metrics;
    assert.ok(longestSyncMs >= slowness.delayMs, 'the disk shows in sync');
    // One thread does both: a write that held its sync as well would make more time than passed.
    assert.ok(writeNs + syncNs <= passedNs, `and not in writeBlock: ${JSON.stringify(story)}`);
    await assertWhole(directory, story);
  },
  cannotTrace,
);
