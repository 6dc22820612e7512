// Puts the finished segments of a log into a store, the oldest first. An event is given up by the
// consumer that holds it only once its segment was read back from the store and is, byte for byte,
// the one that was verified here, and once the header page that says so is there as well. So it may
// be killed anywhere, and run twice at once: whatever comes again finds what is there, and puts the
// same.
import { join } from 'node:path';
import type { Consumer } from '../../consumers/consumer.js';
import { invalidArgument, isNoSpace, messageOf, WalError } from '../../errors.js';
import { otherLogIn } from '../../judgement/log-identity.js';
import { listLog } from '../../reading/log-directory.js';
import { readSegmentHeader } from '../../reading/segment-file.js';
import type { pause } from '../../recorder/application/unless-aborted.js';
import { segmentFileName } from '../../segment/file-names.js';
import { encodeSegmentHeader, type SegmentHeader } from '../../segment/segment-header.js';
import type { Storage } from '../../storage/storage.js';
import { goneError } from '../../verification/segment-verification.js';
import { LocalSegment } from './local-segment.js';
import { notJoined, otherHistory, otherLogThere } from './object-failures.js';
import { headerKey, LOG_KEY } from './object-keys.js';
import { ObjectLog } from './object-log.js';
import { ObjectFailure } from './object-store.js';
import type { PatientStore } from './patient-store.js';

/** Between two looks for a segment that is finished. */
const LOOK_MS = 1_000;
/** Each time it was compressed while it was put; that happens to a segment once. */
const MOVES_MAX = 3;

/** What of a log is archived, and how. */
interface ArchiverPorts {
  readonly storage: Storage;
  readonly dir: string;
  readonly logId: bigint;
  readonly store: PatientStore;
  /** Holds what is not archived yet. */
  readonly consumer: Pick<Consumer, 'acknowledge' | 'acknowledgedEventId'>;
  readonly pauses: typeof pause;
}

interface ArchiverOptions {
  readonly follow: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onTrouble: (message: string | undefined) => void;
  readonly onProgress: (eventId: number) => void;
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_OBJECTS_UNAVAILABLE';

export class Archiver {
  /** Segments that were put, and their bytes. */
  segments = 0;
  bytes = 0;
  /** Segments that were there, and are the same. */
  presentSegments = 0;
  firstEventId = 0;
  lastEventId = 0;
  readonly #ports: ArchiverPorts;
  readonly #options: ArchiverOptions;

  constructor(ports: ArchiverPorts, options: ArchiverOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** @returns whether all finished segments are in the store */
  async run(): Promise<boolean> {
    try {
      return await this.#run();
    } catch (error) {
      // Who is stopped while the store is not there has not failed.
      const isStopped = this.#options.signal?.aborted === true && isUnavailable(error);
      if (!isStopped) throw error;
      return false;
    }
  }

  async #run(): Promise<boolean> {
    const { pauses, storage, dir, logId } = this.#ports;
    const { signal, follow, onProgress } = this.#options;
    for (let index = await this.#begin(); ; ) {
      const pin = this.#headerOf(index + 1);
      if (signal?.aborted === true) return pin === undefined;
      if (pin !== undefined) {
        await this.#archive(index, pin);
        this.lastEventId = pin.previousLastEventId;
        await this.#giveUp();
        onProgress(this.lastEventId);
        index++;
        continue;
      }
      const other = otherLogIn(storage, dir, logId);
      if (other !== undefined) throw other;
      if (!follow) return true;
      await pauses(LOOK_MS, signal);
    }
  }

  /** Of the segment with that index; undefined where it is not there yet, or any more. */
  #headerOf(index: number): SegmentHeader | undefined {
    const { storage, logId } = this.#ports;
    return readSegmentHeader(storage, this.#pathOf(index), { index, logId })?.header;
  }

  #pathOf(index: number): string {
    return join(this.#ports.dir, segmentFileName(index));
  }

  /** The segment with which it goes on. @throws WalError where objects and log do not join */
  async #begin(): Promise<number> {
    const { store, dir, logId } = this.#ports;
    const local = this.#localHeaders();
    const [first] = local;
    if (first === undefined) throw goneError(dir);
    let root = await store.header(LOG_KEY);
    if (root === undefined) {
      await store.putHeader(LOG_KEY, encodeSegmentHeader(first));
      // Of two logs that begin at the same moment one finds the other.
      root = (await store.header(LOG_KEY)) ?? first;
    }
    if (root.logId !== logId) throw otherLogThere(store.name, dir, root.logId, logId);
    this.firstEventId = root.firstEventId;
    if (first.segmentIndex < root.segmentIndex) {
      throw invalidArgument(
        `Objects ${store.name} begin with event ${root.firstEventId}, and the log in ${dir} with ` +
          `event ${first.firstEventId}. Archive it to a place of its own.`,
      );
    }
    // The last one that may still be needed; those before it where the store has lost some.
    for (const header of local.reverse()) {
      const { segmentIndex: index, firstEventId, headerChecksum } = header;
      if (firstEventId > this.#ports.consumer.acknowledgedEventId + 1) continue;
      const isFirst = index === root.segmentIndex;
      const key = isFirst ? LOG_KEY : headerKey(logId, index);
      const there = isFirst ? root : await this.#soundHeader(key);
      if (there === undefined) continue;
      if (there.headerChecksum !== headerChecksum) throw otherHistory(store.name, dir, key);
      this.lastEventId = firstEventId - 1;
      return index;
    }
    const has = await ObjectLog.read(store);
    const what = `end with event ${has?.lastEventId ?? 0}`;
    throw notJoined(store.name, dir, what, first.firstEventId);
  }

  #localHeaders(): SegmentHeader[] {
    const { storage, dir } = this.#ports;
    return listLog(storage, dir).segments.flatMap(({ index }) => this.#headerOf(index) ?? []);
  }

  async #archive(index: number, pin: SegmentHeader): Promise<void> {
    const { store, storage, logId } = this.#ports;
    await this.#hasHeader(pin);
    for (let moves = 0; ; moves++) {
      const segment = new LocalSegment(storage, this.#pathOf(index), logId, pin);
      try {
        await segment.verify();
        await this.#put(segment);
        break;
      } catch (error) {
        if (moves === MOVES_MAX || !segment.wasMoved) throw error;
      } finally {
        segment.close();
      }
    }
    if (await this.#hasHeader(pin)) return;
    await store.putHeader(headerKey(logId, pin.segmentIndex), encodeSegmentHeader(pin));
  }

  /** Whether the store has that header page. @throws WalError ERR_FLASHSTRIKE_DIVERGED */
  async #hasHeader(header: SegmentHeader): Promise<boolean> {
    const { store, dir, logId } = this.#ports;
    const key = headerKey(logId, header.segmentIndex);
    const there = await this.#soundHeader(key);
    // Another history of the log must not replace what is there.
    if (there !== undefined && there.headerChecksum !== header.headerChecksum) {
      throw otherHistory(store.name, dir, key);
    }
    return there !== undefined;
  }

  /** One that is damaged is put again: the log has what it is to be. */
  async #soundHeader(key: string): Promise<SegmentHeader | undefined> {
    try {
      return await this.#ports.store.header(key);
    } catch (error) {
      if (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_CORRUPT') return undefined;
      throw error;
    }
  }

  /** Puts it unless it is there; what is there then is what is here. */
  async #put(segment: LocalSegment): Promise<void> {
    const { store } = this.#ports;
    const { key } = segment;
    const isThere = (): Promise<boolean> =>
      store.insist(async (objects) => {
        const found = await objects.get(key);
        return found !== undefined && (await segment.isSame(found));
      });
    if (await isThere()) {
      this.presentSegments++;
      return;
    }
    await store.insist(async (objects) => {
      await objects.put(key, segment);
      const found = await objects.get(key);
      if (found !== undefined && (await segment.isSame(found))) return;
      throw new ObjectFailure('unavailable', `${key} reads otherwise than it was put`);
    });
    // What was sent is what was verified: the file may have got another use meanwhile.
    await segment.verify();
    this.segments++;
    this.bytes += segment.bytes;
  }

  /** What is in the store is needed no more. */
  async #giveUp(): Promise<void> {
    try {
      if (this.lastEventId > 0) await this.#ports.consumer.acknowledge(this.lastEventId);
    } catch (error) {
      const isPassing =
        isNoSpace(error) || (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_IO');
      // More is kept than need be, until the next one goes well.
      if (!isPassing || !this.#options.follow) throw error;
      this.#options.onTrouble(messageOf(error));
    }
  }
}
