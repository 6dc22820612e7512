// Commands to feed an engine with: a day's orders of LOBSTER, or made from a seed.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Command } from './command.js';

/** The rows of a LOBSTER message file as what traders must have sent. */
export function commandsOf(file: string): Command[] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
  /** Shares that the file leaves open. */
  const open = new Map<number, number>();
  return text.split('\n').flatMap((row): Command[] => {
    const [, type, id = 0, size = 0, price = 0, direction] = row.split(',').map(Number);
    const [own, other] = direction === 1 ? (['buy', 'sell'] as const) : (['sell', 'buy'] as const);
    const quantity = type === 1 ? size : Math.max(0, (open.get(id) ?? 0) - size);
    open.set(id, quantity);
    switch (type) {
      case 1:
        return [{ kind: 'limit', id, side: own, price, quantity }];
      case 2:
        return [{ kind: 'modify', id, side: own, price, quantity }];
      case 3:
        return [{ kind: 'cancel', id, side: own, price: 0, quantity: 0 }];
      case 4:
        // An order of the other side has met this one.
        return [{ kind: 'market', id: 0, side: other, price: 0, quantity: size }];
      default:
        // Hidden orders and halts do not show in the book.
        return [];
    }
  });
}

/** Xorshift: the same numbers for the same seed, everywhere. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Orders around a price that wanders, half of them taken back, some met, some changed. */
export function madeCommands(count: number, seed: number): Command[] {
  const random = randomOf(seed);
  let middle = 5_850_000;
  return Array.from({ length: count }, (_, at): Command => {
    middle += (random(3) - 1) * 100;
    const side = random(2) === 0 ? 'buy' : 'sell';
    const away = (random(40) - 2) * 100;
    const price = side === 'buy' ? middle - away : middle + away;
    const quantity = 1 + random(500);
    const earlier = Math.max(1, at - random(2000));
    const choice = random(20);
    if (choice < 10) return { kind: 'limit', id: at + 1, side, price, quantity };
    if (choice < 17) return { kind: 'cancel', id: earlier, side, price, quantity };
    if (choice < 19) return { kind: 'modify', id: earlier, side, price, quantity };
    return { kind: 'market', id: 0, side, price, quantity };
  });
}
