// The few things that the page does with its document. Text goes in as text, never as markup.

/** The element of the document with this id. */
export function byId<Kind extends HTMLElement>(id: string, kind: abstract new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`the page has no ${id}`);
  return found;
}

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className = '',
  ...content: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...content);
  return element;
}

/** Leaves alone what says so already: a selection in it stays, and nothing is drawn. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setClass(element: Element, className: string): void {
  if (element.className !== className) element.className = className;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Elements in a parent, one for each item: those that stay are changed, and keep their focus. */
export class Keyed<Item, Row extends HTMLElement> {
  readonly #parent: HTMLElement;
  readonly #make: (item: Item) => Row;
  readonly #update: (row: Row, item: Item) => void;
  readonly #rows = new Map<string, Row>();

  constructor(
    parent: HTMLElement,
    makeRow: (item: Item) => Row,
    update: (row: Row, item: Item) => void,
  ) {
    this.#parent = parent;
    this.#make = makeRow;
    this.#update = update;
  }

  show(items: readonly Item[], keyOf: (item: Item) => string): void {
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    items.forEach((item, index) => {
      const key = keyOf(item);
      const row = this.#rows.get(key) ?? this.#make(item);
      this.#rows.set(key, row);
      this.#update(row, item);
      const there = this.#parent.children[index];
      if (there !== row) this.#parent.insertBefore(row, there ?? null);
    });
  }
}

/** Names and what they stand for, in a list of definitions. */
export class Facts {
  readonly #rows: Keyed<Fact, HTMLDivElement>;

  constructor(parent: HTMLElement) {
    this.#rows = new Keyed(
      parent,
      ({ name }) => make('div', '', make('dt', '', name), make('dd')),
      (row, { value, note = '', tone = '' }) => {
        setClass(row, tone);
        const dd = row.lastElementChild as HTMLElement;
        if (dd.childElementCount === 0) dd.append(make('b'), make('span'));
        setText(dd.children[0] as Node, value);
        setText(dd.children[1] as Node, note);
      },
    );
  }

  show(facts: readonly Fact[]): void {
    this.#rows.show(facts, ({ name }) => name);
  }
}

export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
  readonly tone?: '' | 'warning' | 'error';
}
