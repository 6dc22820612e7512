// A process that meets a fault with its log open and idle: ten durable events, then, with the fault
// in place, more of them and a look around. It tells its story and must end by itself, without a
// complaint.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Wal, type WalOptions } from '../../src/index.js';
import { Script } from './child-script.js';
import { eventually } from './eventually.js';
import { assertSound, contentOf, durableInMeta } from './log-content.js';

const VICTIM = `
const append = () => wal.append(Buffer.from('event ' + (wal.lastEventId + 1)));
const outcome = (action) => {
  try { return [typeof action()]; } catch (error) { return [error.code, error.message]; }
};
const settled = (promise) =>
  promise.then((value) => [value], (error) => [error.code, error.message]);
const wal = await Wal.open(directory, options);
for (let count = 0; count < 10; count++) append();
await wal.durable();
// The first spare is made at once. It is whole: a fault in its file does not hit whoever makes it.
const { segmentPreparer } = wal.telemetry;
const spares = () =>
  segmentPreparer.preparedSegments -
  segmentPreparer.getNextSegmentReady -
  segmentPreparer.getNextSegmentWaited;
while (spares() < 1) await new Promise((resolve) => setTimeout(resolve, 1));
tell('ready');
await told();
let refusal = [];
for (let count = 0; count < MORE && refusal.length === 0; count++) {
  try { append(); } catch (error) { refusal = [error.code]; }
}
const last = wal.lastEventId;
while (!(UNTIL)) await new Promise((resolve) => setTimeout(resolve, 5));
const story = {
  refusal,
  last,
  durable: await settled(wal.durable()),
  state: wal.state,
  append: outcome(append),
  tryAppend: outcome(() => wal.tryAppend(new Uint8Array(1))),
  appendBatch: outcome(() => wal.appendBatch([new Uint8Array(1)])),
  earlier: await settled(wal.durable(10)),
  lastAfter: wal.lastEventId,
  writtenEventId: wal.writtenEventId,
  durableEventId: wal.durableEventId,
};
const { code, message, path, offset, cause } = wal.failure ?? {};
story.failure = wal.failure && { code, message, path, offset, cause: cause?.code };
if (CLOSE) {
  story.close = await settled(wal.close());
  story.closeAgain = await settled(wal.close());
}
tell('story ' + JSON.stringify(story));
`;

export type Outcome = readonly [string | number | null, string?];

export interface Story {
  readonly refusal: Outcome;
  readonly last: number;
  readonly durable: Outcome;
  readonly state: string;
  readonly append: Outcome;
  readonly tryAppend: Outcome;
  readonly appendBatch: Outcome;
  readonly earlier: Outcome;
  readonly lastAfter: number;
  readonly writtenEventId: number;
  readonly durableEventId: number;
  readonly failure?: {
    readonly code: string;
    readonly message: string;
    readonly path: string;
    readonly offset?: number;
    readonly cause: string;
  };
  readonly close: Outcome;
  readonly closeAgain: Outcome;
}

export interface VictimPlan {
  /** Events to append with the fault in place. */
  readonly more: number;
  /** What is waited for after them: an expression that sees `wal`. */
  readonly until?: string;
  /** False: the process ends without closing the log. */
  readonly close?: boolean;
}

export class Victim {
  readonly #script: Script;

  private constructor(script: Script) {
    this.#script = script;
  }

  /**
   * Resolves once its ten events are durable and nothing is left to be written: a fault hits what
   * the victim does next, and not the watermark behind the ten, after which nothing more would
   * fail.
   */
  static async start(
    t: TestContext,
    directory: string,
    options: WalOptions,
    { more, until = 'true', close = true }: VictimPlan,
  ): Promise<Victim> {
    const text = VICTIM.replace('MORE', String(more))
      .replace('UNTIL', until)
      .replace('CLOSE', String(close));
    const script = Script.start(t, text, directory, options);
    await script.tells('ready');
    // The writer asks for this flush when it is idle, so behind its watermark.
    await eventually('wal.meta tells it', () => durableInMeta(directory) === 10);
    return new Victim(script);
  }

  get pid(): number {
    return this.#script.child.pid ?? 0;
  }

  /** The fault is in place: lets it go on, to its end. */
  async story(): Promise<Story> {
    this.#script.tell();
    const story: Story = JSON.parse(await this.#script.tells('story'));
    const { code, stderr } = await this.#script.ended;
    assert.deepEqual(
      { code, stderr },
      { code: 0, stderr: '' },
      'the process lives, and ends by itself',
    );
    return story;
  }
}

/** The log told its failure in every way there is. */
export function assertFailedForGood(story: Story): void {
  const { durable, append, tryAppend, appendBatch, earlier, close, closeAgain, failure } = story;
  assert.equal(durable[0], 'ERR_FLASHSTRIKE_DURABILITY_UNKNOWN', durable.join());
  assert.match(durable[1] ?? '', /may or may not be on disk.*Open the log again/);
  assert.equal(story.state, 'failed');
  assert.ok(['ERR_FLASHSTRIKE_FAILED', undefined].includes(story.refusal[0] as string));
  for (const [code, message] of [append, tryAppend, appendBatch, close, closeAgain]) {
    assert.equal(code, 'ERR_FLASHSTRIKE_FAILED');
    assert.ok(message?.includes(failure?.path ?? '?'), `${message} names the file`);
  }
  assert.equal(story.lastAfter, story.last);
  assert.equal(earlier[0], story.durableEventId, 'what was durable before stays so');
  assert.equal(failure?.code, 'ERR_FLASHSTRIKE_FAILED');
  assert.match(
    failure?.message ?? '',
    /nothing was retried.*Fix the cause, then open the log again/,
  );
}

/** Reopening brings back all events up to `last`, and the log works again. */
export async function assertRecovers(
  directory: string,
  options: WalOptions,
  last: number,
): Promise<void> {
  {
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.lastEventId, last);
    assert.equal(wal.durableEventId, last);
    wal.append(Buffer.from(`event ${last + 1}`));
    await wal.durable();
  }
  await assertHolds(directory, last + 1);
}

/** The log is sound and holds the victim's events 1 … `last`. */
export async function assertHolds(directory: string, last: number): Promise<void> {
  const texts = contentOf(directory).map(({ payload }) => Buffer.from(payload).toString());
  const expected = Array.from({ length: last }, (_, at) => `event ${at + 1}`);
  assert.deepEqual(texts, expected);
  await assertSound(directory);
}
