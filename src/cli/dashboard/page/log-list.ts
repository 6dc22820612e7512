// All logs beside each other: how each is, and which one is shown below.

import { byId, Keyed, make, setAttribute, setClass, setText } from './dom.js';
import type { ShownLog } from './model.js';
import { rateOrNothing } from './words.js';

export class LogList {
  readonly #nav = byId('logs', HTMLElement);
  readonly #buttons: Keyed<ShownLog, HTMLButtonElement>;
  #chosen = '';

  constructor(choose: (name: string) => void) {
    this.#buttons = new Keyed(
      this.#nav,
      ({ now: { name } }) => {
        const button = make('button', '', make('b', '', name), make('span'));
        button.type = 'button';
        button.addEventListener('click', () => choose(name));
        return button;
      },
      (button, { now: { name, standing, state, troubles, seen } }) => {
        setClass(button, standing);
        setAttribute(button, 'aria-current', String(name === this.#chosen));
        const what = seen?.isRunning === true ? `${rateOrNothing(seen.rates?.events)}` : state;
        const count = troubles.length > 0 ? ` · ${troubles.length} !` : '';
        setText(button.children[1] as Node, `${what}${count}`);
      },
    );
  }

  show(logs: readonly ShownLog[], chosen: ShownLog | undefined): void {
    this.#chosen = chosen?.now.name ?? '';
    // One alone has its name below.
    this.#nav.hidden = logs.length < 2;
    this.#buttons.show(logs, ({ now: { name } }) => name);
  }
}
