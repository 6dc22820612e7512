import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seedsFrom } from './campaign.js';
import { History } from './history.js';

test('a history follows from its seed alone: again, it makes the same calls with the same end', async () => {
  for (const seed of seedsFrom(1, 40)) {
    const lines: string[] = [];
    const again: string[] = [];
    const result = await new History(seed, (line) => lines.push(line)).run();
    assert.deepEqual(await new History(seed, (line) => again.push(line)).run(), result);
    assert.deepEqual(again, lines, `seed ${seed}`);
  }
});

test('histories differ from seed to seed', async () => {
  const digests = new Set<number>();
  for (const seed of seedsFrom(1, 40)) digests.add((await new History(seed).run()).digest);
  assert.ok(digests.size >= 39);
});
