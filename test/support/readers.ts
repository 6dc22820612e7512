// The readers that a test file tests. A file is run a second time for reading ahead, by being
// imported under a name of its own (`src/replay/read-ahead.test.ts`).

import { FILE_PORTS } from '../../src/judgement/reading-ports.js';
import { checkDirectory } from '../../src/reading/event-range.js';
import { openCursor, openCursorThrough } from '../../src/replay/open-cursor.js';
import type { ReplayPorts } from '../../src/replay/read-ahead.js';
import { replay, replayThrough } from '../../src/replay/replay.js';
import { steppedReadAhead } from './stepped-read-ahead.js';

export const AHEAD_QUERY = '?read-ahead';

const READERS = { openCursor, openCursorThrough, replay, replayThrough };

/** The same ports, with a preloader that takes over behind the first block. */
export const readingAhead = (ports: ReplayPorts): ReplayPorts => ({
  ...ports,
  readAhead: steppedReadAhead(),
  readsAhead: true,
});

/** @param moduleUrl of the test file */
export function readersOf(moduleUrl: string): typeof READERS {
  if (!moduleUrl.endsWith(AHEAD_QUERY)) return READERS;
  const ports = readingAhead(FILE_PORTS);
  return {
    openCursor: (dir, options) => openCursorThrough(ports, checkDirectory(dir), options),
    openCursorThrough: (its, dir, options) => openCursorThrough(readingAhead(its), dir, options),
    replay: ((dir, options) => replayThrough(ports, checkDirectory(dir), options)) as typeof replay,
    replayThrough: (its, dir, options) => replayThrough(readingAhead(its), dir, options),
  };
}
