// What a screen says when it is too low for all that there is.

import { formatCount } from '../quantities.js';

export const moreRows = (rows: number): string =>
  `${formatCount(rows)} more ${rows === 1 ? 'row' : 'rows'}: a taller terminal, --once or --json`;
