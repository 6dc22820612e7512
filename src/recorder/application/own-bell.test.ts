import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { BellFor } from '../../judgement/bell.js';
import { publishNumber, publishWords } from '../../memory/sequence-latch.js';
import { RingControlLayout } from '../../ring/ring-control.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import { ringOfSections } from '../../ring/ring-snapshot.js';
import { Signals } from '../threads/signals.js';
import { Announcements, OwnBell } from './own-bell.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const newMemory = (): RingMemory =>
  ringOfSections(new Uint8Array(RingControlLayout.size), new Uint8Array(4096));

/** What the writer thread does for one more event. */
function tell(signals: Signals, { words, control }: RingMemory, kind: BellFor, id: number): void {
  if (kind === 'durable') {
    publishWords(words, control.durablePoint, new Int32Array([1, 4096, id, 0]));
    signals.announceDurable();
  } else {
    publishNumber(words, control.writtenEventId, id);
    signals.announceWritten();
  }
}

async function turns(): Promise<void> {
  for (let count = 0; count < 10; count++) await turn();
}

for (const kind of ['durable', 'written'] as const) {
  test(`each ${kind} event behind a look rings`, async () => {
    const signals = new Signals();
    const memory = newMemory();
    let rings = 0;
    const bell = new OwnBell(
      new Announcements(signals, kind),
      () => memory,
      () => rings++,
    );
    for (let id = 1; id <= 5; id++) {
      assert.equal(bell.listen(), id - 1);
      assert.equal(bell.listen(), id - 1, 'to listen again changes nothing');
      tell(signals, memory, kind, id);
      await turns();
      assert.equal(rings, id);
    }
    bell.close();
    tell(signals, memory, kind, 6);
    await turns();
    assert.equal(rings, 5, 'a bell that is closed does not ring');
    assert.equal(bell.listen(), undefined);
  });

  test(`a ${kind} event right behind the look is rung for`, async () => {
    const signals = new Signals();
    const memory = newMemory();
    // What is looked at is as it was a moment ago.
    const late = {
      ...memory,
      get words() {
        const before = Int32Array.from(memory.words);
        tell(signals, memory, kind, 7);
        return before;
      },
    };
    let rings = 0;
    const bell = new OwnBell(
      new Announcements(signals, kind),
      () => late,
      () => rings++,
    );
    assert.equal(bell.listen(), 0);
    await turns();
    assert.equal(rings, 1);
    bell.close();
  });
}

test('nothing is announced of written events while nobody waits for them', async () => {
  const signals = new Signals();
  const announcements = new Announcements(signals, 'written');
  const memory = newMemory();
  const bells = [1, 2].map(
    () =>
      new OwnBell(
        announcements,
        () => memory,
        () => {},
      ),
  );
  assert.equal(signals.get('writtenWaiting'), 0);
  for (const bell of bells) bell.listen();
  assert.equal(signals.get('writtenWaiting'), 1, 'one wait for both');
  for (const bell of bells) bell.close();
  tell(signals, memory, 'written', 1);
  await turns();
  assert.equal(signals.get('writtenWaiting'), 0);
  new OwnBell(
    new Announcements(signals, 'durable'),
    () => memory,
    () => {},
  ).listen();
  assert.equal(signals.get('writtenWaiting'), 0);
});

for (const kind of ['durable', 'written'] as const) {
  test(`who has left a quiet log is not kept by it: ${kind}`, async () => {
    const announcements = new Announcements(new Signals(), kind);
    const memory = newMemory();
    const left: WeakRef<object>[] = [];
    for (let count = 0; count < 100; count++) {
      const follower = { bytes: new Uint8Array(1000) };
      left.push(new WeakRef(follower));
      const bell = new OwnBell(
        announcements,
        () => memory,
        () => follower.bytes.fill(1),
      );
      bell.listen();
      bell.close();
    }
    // A WeakRef keeps what it names until the job that made it has ended.
    await turns();
    collectGarbage();
    const kept = left.filter((each) => each.deref() !== undefined).length;
    assert.ok(kept <= 1, `${kept} of 100 are kept`);
  });
}

test('the bell of a log that is closed rings no more', () => {
  const announcements = new Announcements(new Signals(), 'durable');
  const bell = new OwnBell(
    announcements,
    () => undefined,
    () => {},
  );
  assert.equal(bell.listen(), undefined);
});
