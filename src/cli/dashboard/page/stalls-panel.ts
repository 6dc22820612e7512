// The waits that took long, as the log has recorded them: when, how long, who waited, what it was.

import { formatNs } from '../../diagnosis/quantity.js';
import type { StallNow } from '../wire.js';
import { byId, Keyed, make, setClass, setText } from './dom.js';
import { clockTime } from './words.js';

export class StallsPanel {
  readonly #table = byId('stalls', HTMLTableElement);
  readonly #none = byId('no-stalls', HTMLElement);
  readonly #rows = new Keyed<StallNow, HTMLTableRowElement>(
    this.#table.tBodies[0] as HTMLElement,
    () => {
      const began = make('th', '', make('time'));
      began.scope = 'row';
      const cause = make('td', '', make('b'), make('span'));
      return make('tr', '', began, make('td'), make('td'), cause);
    },
    (row, { startMs, durationMs, lasts, waited, cause, wentTo, remedy }) => {
      setClass(row, lasts ? 'lasting' : '');
      const [began, took, who, what] = row.cells;
      setText(began?.firstElementChild as Node, clockTime(startMs / 1000));
      setText(took as Node, `${formatNs(durationMs * 1e6)}${lasts ? ', and lasts' : ''}`);
      setText(who as Node, waited);
      setText(what?.children[0] as Node, cause);
      setText(what?.children[1] as Node, `${wentTo}. ${remedy}`);
    },
  );

  show(stalls: readonly StallNow[]): void {
    this.#table.hidden = stalls.length === 0;
    this.#none.hidden = stalls.length > 0;
    this.#rows.show(stalls, ({ startMs }) => String(startMs));
  }
}
