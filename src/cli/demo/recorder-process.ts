// The process that is going to be killed: an order gateway that appends every order of the stream
// and says, through a pipe, up to which id `append` has returned. It knows nothing of the kill.

import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../../errors.js';
import { Wal } from '../../index.js';
import { NS_PER_MS } from '../../units.js';
import { EXIT } from '../exit-codes.js';
import { reportError } from '../report-error.js';
import { Terminal } from '../terminal.js';
import { OrderStream } from './order-stream.js';
import { encodeMessage, MESSAGE_FD, RecorderMessageLayout } from './recorder-message.js';
import { parseRecorderSettings, type RecorderSettings } from './recorder-settings.js';

const BURST_EVENTS = 1000;
/** One append in so many is timed: the clock costs about as much as the append. */
const TIMED_EVERY = 16;
const IDLE_MS = 1;

async function run(settings: RecorderSettings): Promise<never> {
  const { dir, seed, events, eventsPerSecond, pacedEvents } = settings;
  const wal = await Wal.open(dir);
  const isMapped = wal.capabilities.sharedMemory === 'mapped';
  const stream = new OrderStream(seed);
  const message = new Uint8Array(RecorderMessageLayout.size);
  const view = new DataView(message.buffer);
  let appendedEventId = 0;
  let timed = 0;
  let appendNsTotal = 0;
  let appendNsMax = 0;

  const appendBurst = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      stream.next();
      if (index % TIMED_EVERY !== 0) {
        appendedEventId = wal.append(stream.payload);
        continue;
      }
      const startedMs = performance.now();
      appendedEventId = wal.append(stream.payload);
      const appendNs = (performance.now() - startedMs) * NS_PER_MS;
      timed += 1;
      appendNsTotal += appendNs;
      if (appendNs > appendNsMax) appendNsMax = appendNs;
    }
  };

  const startedMs = performance.now();
  for (;;) {
    const paced = Math.floor(((performance.now() - startedMs) / 1000) * eventsPerSecond);
    const dueEvents = appendedEventId < pacedEvents ? Math.min(paced, events) : events;
    const count = Math.min(BURST_EVENTS, dueEvents - appendedEventId);
    if (count > 0) appendBurst(count);
    else await sleep(IDLE_MS);
    const { writtenEventId, durableEventId } = wal;
    const appendNsMean = timed === 0 ? 0 : appendNsTotal / timed;
    encodeMessage(view, {
      appendedEventId,
      writtenEventId,
      durableEventId,
      appendNsMean,
      appendNsMax,
      isMapped,
    });
    writeSync(MESSAGE_FD, message);
  }
}

try {
  await run(parseRecorderSettings(process.argv[2] ?? ''));
} catch (error) {
  // The parent is gone: there is nobody left to record for.
  if (systemCode(error) !== 'EPIPE') reportError(new Terminal(process.stderr), error);
  process.exit(EXIT.failed);
}
