// `lines` and `ndjson` keep the bytes of a line as they are; ndjson refuses what is no JSON.

import { isUtf8 } from 'node:buffer';
import { messageOf } from '../../errors.js';
import { type EventFormat, FormatDefect } from './event-format.js';

export const linesFormat: EventFormat = {
  name: 'lines',
  encode: (bytes, start, end) => bytes.subarray(start, end),
  decode: (payload, target) => target.append(payload),
};

export const ndjsonFormat: EventFormat = {
  name: 'ndjson',
  encode: (bytes, start, end) => {
    const line = bytes.subarray(start, end);
    // JSON is UTF-8 by definition, and toString would hide what is not.
    if (!isUtf8(line)) throw new FormatDefect('it is not UTF-8');
    try {
      JSON.parse(line.toString('utf8'));
    } catch (error) {
      if (line.length === 0) throw new FormatDefect('it is empty, not JSON');
      throw new FormatDefect(`it is not JSON: ${messageOf(error)}`);
    }
    return line;
  },
  decode: (payload, target) => target.append(payload),
};
