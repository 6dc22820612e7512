// Who sends the orders: without pause, to one keeper at a time, and to the next one once more what
// nobody has acknowledged. That makes the example's "exactly once" one from end to end.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Letter } from './keeper.js';

/** So many orders are under way before the first of them is acknowledged. */
const AHEAD = 200;

export const textOf = (order: number): string => `order ${order}: ${(order * 7919) % 100} pieces`;
export const send = (keeper: ChildProcess, letter: Letter): boolean => keeper.send(letter);

export class Client {
  /** All up to this one. */
  acknowledged = 0;
  sent = 0;
  #keeper: ChildProcess | undefined;
  #isOver = false;

  /** Waits until the keeper takes orders. @returns the folder of its log */
  async use(keeper: ChildProcess): Promise<string> {
    const [{ log }] = (await once(keeper, 'message')) as [{ readonly log: string }];
    keeper.on('message', (each: Answer) => {
      // They are acknowledged in their order, each for itself.
      if ('acknowledged' in each) this.acknowledged = each.acknowledged;
      this.#sendMore();
    });
    this.#keeper = keeper;
    this.sent = this.acknowledged;
    this.#sendMore();
    return log;
  }

  async until(order: number): Promise<void> {
    while (this.acknowledged < order && this.#keeper) await once(this.#keeper, 'message');
  }

  /** Sends no more; resolves once all that was sent is acknowledged. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.until(this.sent);
  }

  #sendMore(): void {
    while (this.#keeper && !this.#isOver && this.sent < this.acknowledged + AHEAD) {
      const order = ++this.sent;
      send(this.#keeper, { order, text: textOf(order) });
    }
  }
}
