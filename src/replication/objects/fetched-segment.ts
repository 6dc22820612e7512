// A segment that was fetched from a store: a file in the folder of the log that is being made. It
// is verified whole, as the log that it comes from would be, before any event of it is given: every
// checksum, the chain up to the end that the next header page pins, the seal, and of a compressed
// one the frame. What is found wrong names the object.
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WalError } from '../../errors.js';
import { endsAtPin } from '../../reading/pin.js';
import { UNREADABLE } from '../../reading/read-failure.js';
import { openSegment, type SegmentFile } from '../../reading/segment-file.js';
import { SegmentReader } from '../../reading/segment-reader.js';
import { BlockKind } from '../../segment/block-header.js';
import { compressedPath, copyingFileName, segmentFileName } from '../../segment/file-names.js';
import type { SegmentHeader } from '../../segment/segment-header.js';
import { isLeftOver } from '../../storage/left-over.js';
import type { Storage } from '../../storage/storage.js';
import { KIB } from '../../units.js';
import { SegmentVerification } from '../../verification/segment-verification.js';
import { eventsNamed } from '../stream-failures.js';
import type { Run } from './joined-runs.js';
import { damagedObject } from './object-failures.js';
import { segmentKey } from './object-keys.js';
import type { PatientStore } from './patient-store.js';

/** What a compressed segment that could not be made any smaller has beside its content. */
const FRAME_BYTES = 64 * KIB;

/** Where objects are fetched to, and how failures to write there are told. */
export interface FetchingPlace {
  readonly storage: Storage;
  readonly target: string;
  readonly writing: <Result>(work: () => Result) => Result;
}

/**
 * The events of the segment with this header, in blocks that are valid until the next one is asked
 * for. The file goes in the end.
 * @param pin the header page that follows
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT, _WRONG_LOG, _UNSUPPORTED, _OBJECTS_UNAVAILABLE
 */
export async function* fetchedRuns(
  place: FetchingPlace,
  store: PatientStore,
  header: SegmentHeader,
  pin: SegmentHeader,
): AsyncGenerator<Run, void> {
  const { storage } = place;
  const file = await fetchSound(place, store, header, pin);
  try {
    const reader = new SegmentReader(storage, file);
    while (reader.next(pin.previousEndOffset)) {
      const { block, bytes, payloadStart, payloadEnd } = reader;
      if (block?.kind !== BlockKind.events) continue;
      const { firstEventId, eventCount } = block;
      yield { firstEventId, eventCount, frames: bytes.subarray(payloadStart, payloadEnd) };
    }
    if (endsAtPin(reader, pin)) return;
    const message = `${file.path} reads otherwise than when it was verified. Restore again.`;
    throw new WalError('ERR_FLASHSTRIKE_IO', message, { path: file.path });
  } finally {
    storage.close(file.fd);
    place.writing(() => storage.unlink(file.path));
  }
}

/** As it was on disk when it was put, compressed or not; of both, one that is sound. */
async function fetchSound(
  place: FetchingPlace,
  store: PatientStore,
  header: SegmentHeader,
  pin: SegmentHeader,
): Promise<SegmentFile> {
  const { storage, target, writing } = place;
  const plain = join(target, copyingFileName(segmentFileName(header.segmentIndex)));
  let damage: unknown;
  for (const isCompressed of [false, true]) {
    const key = segmentKey(header, isCompressed);
    const path = isCompressed ? compressedPath(plain) : plain;
    if (!(await fetch(place, store, key, path, header.segmentBytes + FRAME_BYTES))) continue;
    let isSound = false;
    try {
      const file = await opened(storage, path, header, pin);
      isSound = true;
      return file;
    } catch (error) {
      const what = told(error, store.name, key, path);
      if (!(error instanceof WalError) || UNREADABLE.has(error.code)) throw what;
      damage ??= what;
    } finally {
      if (!isSound) writing(() => storage.unlink(path));
    }
  }
  if (damage !== undefined) throw damage;
  const eventCount = pin.firstEventId - header.firstEventId;
  const named = eventCount === 0 ? 'no events' : eventsNamed(header.firstEventId, eventCount);
  throw damagedObject(store.name, segmentKey(header, false), `it is missing, with ${named}`);
}

/** @returns whether there is such an object; the file `path` is made of it then */
async function fetch(
  { storage, writing }: FetchingPlace,
  store: PatientStore,
  key: string,
  path: string,
  bytesMax: number,
): Promise<boolean> {
  return store.insist(async (objects) => {
    const found = await objects.get(key);
    if (found === undefined) return false;
    const fd = writing(() => {
      if (isLeftOver(storage, path)) storage.unlink(path);
      return storage.open(path, 'create');
    });
    try {
      let offset = 0;
      for await (const piece of found) {
        const from = offset;
        offset += piece.length;
        if (offset > bytesMax) {
          throw damagedObject(store.name, key, `it is longer than ${bytesMax} bytes`);
        }
        writing(() => storage.write(fd, [piece], from));
      }
    } finally {
      storage.close(fd);
    }
    return true;
  });
}

/** The file, once all of it is verified. */
async function opened(
  storage: Storage,
  path: string,
  { segmentIndex: index, logId, headerChecksum }: SegmentHeader,
  pin: SegmentHeader,
): Promise<SegmentFile> {
  const file = openSegment(storage, path, { index, logId });
  if (file === undefined) {
    const message = `${path} disappeared while it was verified. Restore again.`;
    throw new WalError('ERR_FLASHSTRIKE_FILE_LOST', message, { path });
  }
  let isSound = false;
  try {
    if (file.header.headerChecksum !== headerChecksum) {
      const message = `${path} begins with another header page than was put for it.`;
      throw new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset: 0 });
    }
    const verification = new SegmentVerification(storage, file, pin);
    while (!verification.step()) await nextTurn();
    isSound = true;
    return file;
  } finally {
    if (!isSound) storage.close(file.fd);
  }
}

/** What is wrong with the file is wrong with the object. */
function told(error: unknown, store: string, key: string, path: string): unknown {
  if (!(error instanceof WalError) || error.path !== path) return error;
  const { code, message, offset } = error;
  const text = `Objects ${store}: ${message.replaceAll(path, key)}`;
  return new WalError(code, text, { path: key, offset, cause: error });
}
