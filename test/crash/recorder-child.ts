// The process that meets a crash: appends as fast as it can through the public API and tells, in a
// file, the last id that `append` has returned. A log that refuses ends it, with the code of why.
// Arguments: log folder, told file, JSON of options.
import { openSync, writeSync } from 'node:fs';
import { Wal, WalError } from '../../src/index.js';
import { type ChildPlan, LONGEST_BATCH, TOLD_BYTES } from './child-plan.js';
import { payloadLength, payloadOf, typeOf } from './payloads.js';

/** More than one event can have. A batch of several such might be larger than the ring allows. */
const BATCH_BYTES_MAX = 8192;

/** The payloads from event `id` on, as many as make a batch. */
function batchFrom(id: number, events: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let bytes = 0;
  for (let next = id; payloads.length < events; next++) {
    bytes += payloadLength(next);
    if (bytes > BATCH_BYTES_MAX) break;
    payloads.push(payloadOf(next));
  }
  return payloads;
}

async function run(directory: string, toldPath: string, plan: ChildPlan): Promise<void> {
  const told = new Float64Array(3);
  const toldFd = openSync(toldPath, 'r+');
  // Where the child is, so that the parent's moment does not depend on how fast Node starts.
  writeSync(1, 'opening\n');
  const wal = await Wal.open(directory, plan.options);
  writeSync(1, 'open\n');
  for (let count = 1; ; count++) {
    const id = wal.lastEventId + 1;
    if (count % plan.batchEvery === 0) {
      wal.appendBatch(batchFrom(id, 1 + (count % LONGEST_BATCH)), typeOf(id));
    } else wal.append(payloadOf(id), typeOf(id));
    told[0] = wal.lastEventId;
    told[1] = wal.writtenEventId;
    // Told before the crash can come: from here on the event must be back after it.
    writeSync(toldFd, told, 0, 16, 0);
    if (plan.durableEvery > 0 && count % plan.durableEvery === 0) {
      told[2] = await wal.durable();
      writeSync(toldFd, told, 0, TOLD_BYTES, 0);
    }
    if (count % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

const [directory = '', toldPath = '', plan = ''] = process.argv.slice(2);
try {
  await run(directory, toldPath, JSON.parse(plan) as ChildPlan);
} catch (error) {
  if (!(error instanceof WalError)) throw error;
  writeSync(1, `refused ${error.code}\n`);
}
