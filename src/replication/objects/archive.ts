// `archive`: keeps the finished segments of a log as objects.
import { resolve } from 'node:path';
import { openConsumer } from '../../consumers/consumers.js';
import { invalidArgument } from '../../errors.js';
import { knownLogId } from '../../judgement/log-identity.js';
import { REGION_PORTS } from '../../judgement/region-ports.js';
import {
  checkCallback,
  checkDirectory,
  checkFlag,
  checkOptionNames,
  checkSignal,
} from '../../reading/event-range.js';
import { pause } from '../../recorder/application/unless-aborted.js';
import { Archiver } from './archiver.js';
import { checkStore, type ObjectStore } from './object-store.js';
import { PatientStore } from './patient-store.js';

/** Options of {@link archive}. */
export interface ArchiveOptions {
  /**
   * Go on with segments as they are finished, until `signal` is aborted. Needs `signal`. A store
   * that is not there is waited for then, however long.
   */
  readonly follow?: boolean | undefined;
  /** Ends it behind the segment that is under way. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Name of the consumer that keeps segments in the log until they are in the store. Default
   * `archive`; where a log goes to several stores, each needs its own.
   */
  readonly consumer?: string | undefined;
  /** Called with the last event that is in the store, once for each segment. */
  readonly onProgress?: ((eventId: number) => void) | undefined;
  /** Called with what is waited for, in one sentence; with undefined once it goes on. */
  readonly onTrouble?: ((message: string | undefined) => void) | undefined;
}

/** What {@link archive} did. */
export interface ArchiveReport {
  /** Name of the store. */
  readonly objects: string;
  /** Folder of the log, as an absolute path. */
  readonly log: string;
  /** All segments that were finished at the end are in the store. */
  readonly complete: boolean;
  /** Segments that were put. */
  readonly segments: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Segments that were there already, and are the same. */
  readonly presentSegments: number;
  /** The first event in the store. */
  readonly firstEventId: number;
  /** The last event there; firstEventId - 1 if there is none. */
  readonly lastEventId: number;
}

const OPTIONS = ['follow', 'signal', 'consumer', 'onProgress', 'onTrouble'];

/**
 * Puts each finished segment of the log in `dir` into a store, as it is on disk, compressed or not:
 * verified before, read back and compared after. Until then a consumer of the log keeps it. The log
 * may be open in any process; `append` never waits for the store. Killed or stopped, it goes on
 * where it was. The segment that is written to is not there: the stream, or the log itself, has it.
 * @throws WalError ERR_FLASHSTRIKE_OBJECTS_UNAVAILABLE; _WRONG_LOG where the store has another log,
 * _DIVERGED another history of this one; _REPLICA_GAP where the log does not have the next events
 * any more; _CORRUPT for a damaged segment; _LOCKED while the consumer is in use; _NOT_A_LOG …
 * @example
 * import { archive, folderObjects } from 'flashstrike/replication';
 *
 * const stop = new AbortController();
 * process.once('SIGTERM', () => stop.abort());
 * const store = folderObjects('/mnt/archive/orders');
 * await archive('./orders', store, { follow: true, signal: stop.signal });
 */
export async function archive(
  dir: string | URL,
  store: ObjectStore,
  options: ArchiveOptions = {},
): Promise<ArchiveReport> {
  checkOptionNames(options, OPTIONS);
  const { signal, consumer: name = 'archive', onProgress, onTrouble } = options;
  checkStore(store);
  checkSignal(signal);
  checkCallback('onProgress', onProgress);
  checkCallback('onTrouble', onTrouble);
  const follow = checkFlag('follow', options.follow);
  if (follow && signal === undefined) {
    throw invalidArgument('follow: true needs a signal: nothing else ends it.');
  }
  const log = resolve(checkDirectory(dir));
  const { storage } = REGION_PORTS;
  const logId = knownLogId(storage, log);
  const consumer = await openConsumer(log, name, { create: true, logId });
  const patient = new PatientStore(store, { signal, forever: follow, onTrouble });
  const ports = { storage, dir: log, logId, store: patient, consumer, pauses: pause };
  const archiver = new Archiver(ports, {
    follow,
    signal,
    onTrouble: onTrouble ?? (() => {}),
    onProgress: onProgress ?? (() => {}),
  });
  try {
    const complete = await archiver.run();
    const { segments, bytes, presentSegments, firstEventId, lastEventId } = archiver;
    const counts = { segments, bytes, presentSegments, firstEventId, lastEventId };
    return { objects: store.name, log, complete, ...counts };
  } finally {
    await consumer.close();
  }
}
