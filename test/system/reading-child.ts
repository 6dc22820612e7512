// A recorder for the tests of readers: a process of its own that appends as fast as it can.
//     node reading-child.js close DIR EVENTS    closes the log and ends
//     node reading-child.js kill DIR EVENTS     kills itself the moment the last append returned
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { Wal } from '../../src/index.js';

const BATCH = 1000;
const [, , ending = '', dir = '', events = ''] = process.argv;

const wal = await Wal.open(dir, {
  segmentBytes: 1 << 20,
  ringBytes: 1 << 20,
  sync: { intervalMs: 1 },
  // The ring is full most of the time, on a disk that may stand still for a while.
  stallTimeoutMs: 300_000,
});
const payload = new Uint8Array(40);
const view = new DataView(payload.buffer);
const lastEventId = wal.lastEventId + Number(events);
for (let eventId = wal.lastEventId + 1; eventId <= lastEventId; eventId++) {
  view.setFloat64(eventId % 5, eventId);
  wal.append(payload.subarray(0, 8 + (eventId % 33)), eventId & 0xffff);
  if (eventId % BATCH === 0 && ending === 'close') await setImmediate();
}
if (ending === 'kill') {
  writeSync(1, `${wal.lastEventId}\n`);
  process.kill(process.pid, 'SIGKILL');
}
await wal.close();
