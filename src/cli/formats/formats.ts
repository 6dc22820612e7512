// Every format by its name on the command line.

import type { EventFormat, FormatName } from './event-format.js';
import { createLobsterFormat } from './lobster.js';
import { linesFormat, ndjsonFormat } from './plain-formats.js';

export function createFormat(name: FormatName): EventFormat {
  switch (name) {
    case 'lines':
      return linesFormat;
    case 'ndjson':
      return ndjsonFormat;
    case 'lobster':
      return createLobsterFormat();
  }
}
