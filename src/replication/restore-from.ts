// `restoreFrom`: a new log with what objects and a stream have. Ids, types, times, batches and
// payloads are those of the log that they were written from; its own id is another one.
import { resolve } from 'node:path';
import { invalidArgument } from '../errors.js';
import {
  checkCallback,
  checkDirectory,
  checkFlag,
  checkOptionNames,
  checkSignal,
} from '../reading/event-range.js';
import { endOf } from '../restore/restore-end.js';
import { MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES } from '../segment/segment-header.js';
import { nodeStorage } from '../storage/node-storage.js';
import { MIB } from '../units.js';
import type { BlockStream } from './block-stream.js';
import { checkStore } from './objects/object-store.js';
import { Rebuilding, type RestoreFromOptions, type RestoreFromReport } from './rebuilding.js';

const OPTIONS = ['objects', 'toId', 'toTime', 'follow', 'signal', 'segmentBytes', 'onProgress'];

/**
 * Makes a new log in `target`, a new or empty folder, with the events of a stream, of objects, or
 * of both as one: ids, types, times, batches and payloads as they were appended. Everything is
 * verified on the way, frame by frame. The log has an id of its own and goes on with the next event
 * id; to go on with the stream as well, replicate it with `takeover: true`. The stream is closed at
 * the end.
 * @param stream undefined: from objects alone
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT where the stream or an object is damaged;
 * _REPLICA_GAP where objects and stream together lack events, _DIVERGED where they have different
 * ones; _STREAM_UNAVAILABLE, _OBJECTS_UNAVAILABLE; _OUT_OF_RANGE if there is no such event;
 * _INVALID_ARGUMENT if `toId` would cut a batch, or `target` is not empty; _NO_SPACE, _ACCESS, _IO,
 * _LOCKED
 * @example
 * import { type BlockStream, folderObjects, restoreFrom } from 'flashstrike/replication';
 *
 * async function rebuild(stream: BlockStream): Promise<number> {
 *   const objects = folderObjects('/mnt/archive/orders');
 *   const { lastEventId } = await restoreFrom(stream, './orders', { objects });
 *   return lastEventId;
 * }
 */
export async function restoreFrom(
  stream: BlockStream | undefined,
  target: string | URL,
  options: RestoreFromOptions = {},
): Promise<RestoreFromReport> {
  checkOptionNames(options, OPTIONS);
  checkSignal(options.signal);
  checkCallback('onProgress', options.onProgress);
  const { objects, segmentBytes = 64 * MIB } = options;
  if (objects !== undefined) checkStore(objects);
  if (stream === undefined && objects === undefined) {
    throw invalidArgument('A stream, the option objects, or both say what to restore from.');
  }
  if (checkFlag('follow', options.follow) && options.signal === undefined) {
    throw invalidArgument('follow: true needs a signal: nothing else ends it.');
  }
  if (options.follow === true && stream === undefined) {
    throw invalidArgument('follow: true needs a stream.');
  }
  const isPossible = segmentBytes >= MIN_SEGMENT_BYTES && segmentBytes <= MAX_SEGMENT_BYTES;
  if (!Number.isSafeInteger(segmentBytes) || !isPossible) {
    throw invalidArgument('segmentBytes must be a whole number from 65,536 to 1,073,741,824.');
  }
  const end = endOf(options);
  const path = resolve(checkDirectory(target));
  const given = { ...options, segmentBytes };
  try {
    return await new Rebuilding(nodeStorage, stream, path, given, end).run();
  } finally {
    await stream?.close();
  }
}
