// Thread module: verifies the segments that a run of `verify` asks for, one after the other.
import { parentPort } from 'node:worker_threads';
import { assert } from '../errors.js';
import { nodeStorage } from '../storage/node-storage.js';
import { soundSegment } from './sound-segment.js';
import type { AheadReply, AheadRequest } from './verify-ahead-port.js';

const port = parentPort;
assert(port !== null, 'it is a worker');
const reply = (message: AheadReply): void => port.postMessage(message);

async function verify(segment: Exclude<AheadRequest, 'end'>): Promise<void> {
  const { index } = segment;
  reply({ index, isBegun: true });
  reply({ index, isBegun: false, sound: await soundSegment(nodeStorage, segment) });
}

port.on('message', (request: AheadRequest) => {
  // Behind what was asked for before: it ends by itself, never in mid-call.
  if (request === 'end') port.close();
  else void verify(request);
});
