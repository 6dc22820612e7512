// Thread module: writes one snapshot, and ends.
import { parentPort, workerData } from 'node:worker_threads';
import { assert, serializeError } from '../errors.js';
import { machineReadingPorts } from '../judgement/region-ports.js';
import { nodeStorage } from '../storage/node-storage.js';
import { rootedStorage } from '../storage/rooted-storage.js';
import type { SnapshotLetter, SnapshotMessage, SnapshotStart } from './snapshot-messages.js';
import { SnapshotWriter, type WrittenSnapshot } from './snapshot-writer.js';

assert(parentPort !== null, 'this is a thread');
const port = parentPort;
const { request, root } = workerData as SnapshotStart;
const tell = (message: SnapshotMessage): void => port.postMessage(message);

let writer: SnapshotWriter | undefined;

function writerOf(): SnapshotWriter {
  const storage = rootedStorage(nodeStorage, request.dir, () => root);
  writer ??= new SnapshotWriter(machineReadingPorts(storage), request);
  return writer;
}

function end(written: WrittenSnapshot | undefined): void {
  port.off('message', take);
  tell({ kind: 'done', written });
}

function take(letter: SnapshotLetter): void {
  try {
    if (letter.kind === 'part') {
      writerOf().write(letter.bytes);
      tell({ kind: 'taken' });
    } else if (letter.kind === 'finish') {
      end(writerOf().finish());
    } else {
      writer?.abandon();
      end(undefined);
    }
  } catch (error) {
    port.off('message', take);
    writer?.abandon();
    tell({ kind: 'refused', error: serializeError(error) });
  }
}

port.on('message', take);
