import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { BellFor } from '../../judgement/bell.js';
import { publishNumber, publishWords } from '../../memory/sequence-latch.js';
import { RingControlLayout } from '../../ring/ring-control.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import { ringOfSections } from '../../ring/ring-snapshot.js';
import { Signals } from '../threads/signals.js';
import { OwnBell } from './own-bell.js';

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
      signals,
      () => memory,
      kind,
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
      signals,
      () => late,
      kind,
      () => rings++,
    );
    assert.equal(bell.listen(), 0);
    await turns();
    assert.equal(rings, 1);
    bell.close();
  });
}

test('nothing is announced of written events while nobody waits for them', () => {
  const signals = new Signals();
  const bells = [1, 2].map(() => new OwnBell(signals, newMemory, 'written', () => {}));
  assert.equal(signals.get('writtenWaiting'), 2);
  for (const bell of bells) {
    bell.close();
    bell.close();
  }
  assert.equal(signals.get('writtenWaiting'), 0);
  new OwnBell(signals, newMemory, 'durable', () => {}).close();
  assert.equal(signals.get('writtenWaiting'), 0);
});

test('the bell of a log that is closed rings no more', () => {
  const bell = new OwnBell(
    new Signals(),
    () => undefined,
    'durable',
    () => {},
  );
  assert.equal(bell.listen(), undefined);
});
