import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Board } from './board.js';

test('pages that come together are told by one look', async (context) => {
  // However long the machine takes over it.
  context.mock.method(performance, 'now', () => 5000);
  const board = new Board([], (error) => {
    throw error;
  });
  context.after(() => board.close());
  board.start();
  const told: number[] = [];
  const all = new EventTarget();
  const last = once(all, 'told');
  for (let page = 0; page < 20; page++) {
    board.add({
      tell: () => {
        told.push(page);
        if (page === 19) all.dispatchEvent(new Event('told'));
      },
    });
  }
  assert.deepEqual(told, [], 'none by a look of its own');
  await last;
  assert.deepEqual(
    told,
    Array.from({ length: 20 }, (_, page) => page),
  );
});
