// One side of a book: price levels, the best of them at hand; in a level orders queue by time.
//
// Levels are found by price in a map, and stand in a heap, the best on top: a new price costs the
// logarithm of their number, everything else the same time however large the book is. A level that
// becomes empty stays until it is on top, and is used again if its price comes back before.
/** An order that waits in the book. */
export interface Order {
  readonly id: number;
  readonly level: Level;
  quantity: number;
  before: Order | undefined;
  behind: Order | undefined;
}

export class Level {
  readonly price: number;
  readonly side: Side;
  first: Order | undefined;
  last: Order | undefined;

  constructor(price: number, side: Side) {
    this.price = price;
    this.side = side;
  }

  /** Puts an order at the end of the queue. */
  add(id: number, quantity: number): Order {
    const order = { id, level: this, quantity, before: this.last, behind: undefined };
    if (this.last === undefined) this.first = order;
    else this.last.behind = order;
    this.last = order;
    return order;
  }

  remove({ before, behind }: Order): void {
    if (before === undefined) this.first = behind;
    else before.behind = behind;
    if (behind === undefined) this.last = before;
    else behind.before = before;
  }

  *orders(): Generator<Order> {
    for (let order = this.first; order !== undefined; order = order.behind) yield order;
  }
}

export class Side {
  readonly #levels = new Map<number, Level>();
  readonly #heap: Level[] = [];
  readonly #isBetter: (one: number, other: number) => boolean;

  constructor(isBetter: (one: number, other: number) => boolean) {
    this.#isBetter = isBetter;
  }

  /** The level of a price, made where there is none. */
  at(price: number): Level {
    const found = this.#levels.get(price);
    if (found !== undefined) return found;
    const level = new Level(price, this);
    this.#levels.set(price, level);
    this.#heap.push(level);
    for (let at = this.#heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#swap(at, parent)) break;
      at = parent;
    }
    return level;
  }

  /** The best level with orders. */
  get best(): Level | undefined {
    for (
      let top = this.#heap[0];
      top !== undefined && top.first === undefined;
      top = this.#heap[0]
    ) {
      this.#levels.delete(top.price);
      const last = this.#heap.pop();
      if (last === undefined || last === top) continue;
      this.#heap[0] = last;
      for (let at = 0, child = 1; child < this.#heap.length; at = child, child = 2 * at + 1) {
        const [left, right] = [this.#heap[child], this.#heap[child + 1]];
        if (left && right && this.#isBetter(right.price, left.price)) child++;
        if (!this.#swap(child, at)) break;
      }
    }
    return this.#heap[0];
  }

  /** All levels with orders, the best first: for who wants the whole book. */
  sorted(): Level[] {
    const levels = [...this.#levels.values()].filter(({ first }) => first !== undefined);
    return levels.sort((one, other) => (this.#isBetter(one.price, other.price) ? -1 : 1));
  }

  /** Whether `lower` is better than what stands above it in the heap, and so went up. */
  #swap(lower: number, upper: number): boolean {
    const [below, above] = [this.#heap[lower], this.#heap[upper]];
    if (!below || !above || !this.#isBetter(below.price, above.price)) return false;
    this.#heap[lower] = above;
    this.#heap[upper] = below;
    return true;
  }
}
