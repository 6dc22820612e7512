// A disk that does not keep up: append waits for room in the ring, for a bounded time, and tryAppend
// does not wait at all.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { onBothAdapters, type Variant } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
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
const story = { appended: 0 };
// With every sync in the way, the ring is full before long.
while (wal.tryAppend(Buffer.alloc(4000, wal.lastEventId + 1)) !== undefined);
while (story.appended < ATTEMPTS && story.refusal === undefined) {
  const before = wal.lastEventId;
  try {
    append(9000);
    story.appended++;
  } catch (error) {
    story.refusal = wal.lastEventId === before ? error.code : 'it got an id';
    story.tryAppend = typeof wal.tryAppend(new Uint8Array(9000));
  }
}
story.state = wal.state;
story.failure = wal.failure?.code;
tell('stalled ' + JSON.stringify(story));
await told();
append(16000);
story.durable = await wal.durable();
story.last = wal.lastEventId;
await wal.close();
tell('story ' + JSON.stringify(story));
`;

interface Story {
  readonly appended: number;
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
  await strace.detach();
  // The last of them perhaps was not over when the tracer let go.
  const delayed = strace.calls.some((call) => call.includes('fdatasync('));
  assert.ok(delayed, `no sync was delayed:\n${strace.calls.join('\n')}`);
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
    const slowness = { delayMs: 4000, stallTimeoutMs: 100, attempts: 1000 };
    const { directory, story } = await suffer(t, v, slowness);
    assert.equal(story.refusal, 'ERR_FLASHSTRIKE_STALLED');
    assert.equal(story.tryAppend, 'undefined');
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
    assert.equal(story.appended, 15);
    await assertWhole(directory, story);
  },
  cannotTrace,
);
