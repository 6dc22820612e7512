// How a consumer comes to be, and comes back.
//
// Whoever removes segments may run at the same moment, in another process. It publishes what it
// will keep, then looks for consumers once more, then removes. Here the file is on disk first, then
// the first event that is there is looked up: at least one of the two sees the other.
import { join } from 'node:path';
import { unixNsOf } from '../clock/wall-clock.js';
import { isOperational, outOfRange, WalError } from '../errors.js';
import { listLog } from '../reading/log-directory.js';
import { isMissing } from '../reading/read-failure.js';
import { isAhead } from '../segment/consumer-record.js';
import { consumerFileName, streamOfConsumer, streamReportName } from '../segment/file-names.js';
import {
  consumerAhead,
  consumerDropped,
  inUse,
  noConsumer,
  tooLate,
  writing,
} from './consumer-failure.js';
import { leashOf, type RegisterConsumerOptions } from './consumer-options.js';
import type { ConsumerPlace } from './consumer-place.js';
import { ConsumerStore } from './consumer-store.js';
import { firstEventIdKept } from './first-event.js';
import { holdNamed } from './named-file.js';

/** A name that comes and goes as often is somebody's mistake. */
const ATTEMPTS = 10;
/** More of one log are refused: each is asked before anything is removed. */
const CONSUMERS_MAX = 1000;

/**
 * The consumer of that name as it was left, or a new one.
 * @param create whether one that is not there is registered
 * @throws WalError ERR_FLASHSTRIKE_LOCKED, _EXPIRED, _CORRUPT, _NO_CONSUMER, _OUT_OF_RANGE …
 */
export async function register(
  place: ConsumerPlace,
  name: string,
  options: RegisterConsumerOptions,
  create: boolean,
): Promise<ConsumerStore> {
  const path = join(place.dir, consumerFileName(name));
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const existing = await ConsumerStore.open(place, name);
    if (existing !== undefined) return resumed(place, existing, options);
    if (!create) throw noConsumer(path, name);
    const made = await created(place, name, options);
    if (made !== undefined) return made;
  }
  throw inUse(path, name);
}

/** @throws WalError where a mark says that it was dropped, or is ahead of the log */
export function checkUsable({ ports, dir, logId }: ConsumerPlace, store: ConsumerStore): void {
  const mark = store.mark();
  if (mark === undefined) return;
  const { path, name, slot } = store;
  const { acknowledgedEventId: known } = slot;
  if (isAhead(mark)) throw consumerAhead(path, name, known, mark.acknowledgedEventId);
  const first = firstEventIdKept(ports.storage, dir, logId);
  throw consumerDropped(path, name, mark.acknowledgedEventId + 1, first);
}

async function resumed(
  place: ConsumerPlace,
  store: ConsumerStore,
  options: RegisterConsumerOptions,
): Promise<ConsumerStore> {
  try {
    const { slot } = store;
    checkUsable(place, store);
    const { acknowledgedEventId: known } = slot;
    // Otherwise it would go on behind events that it never got, under ids that it has seen.
    if (!place.isThere(known)) throw consumerAhead(store.path, store.name, known);
    const leash = leashOf(options, slot);
    const isNew =
      leash.maxLagBytes !== slot.maxLagBytes ||
      leash.maxLagMs !== slot.maxLagMs ||
      leash.policy !== slot.policy;
    if (isNew) await store.put({ ...slot, ...leash });
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Undefined where somebody else has registered it meanwhile. */
async function created(
  place: ConsumerPlace,
  name: string,
  options: RegisterConsumerOptions,
): Promise<ConsumerStore | undefined> {
  const { ports, dir, logId } = place;
  const leash = leashOf(options, undefined);
  checkCount(place);
  let first = firstEventIdKept(ports.storage, dir, logId);
  const from = options.from ?? first;
  checkFrom(place, name, from, first);
  const content = {
    acknowledgedEventId: from - 1,
    timestampNs: unixNsOf(place.wallClockMs),
    ...leash,
  };
  const store = await ConsumerStore.create(place, name, content);
  if (store === undefined) return undefined;
  try {
    for (let kept = from; ; kept = first) {
      first = firstEventIdKept(ports.storage, dir, logId);
      if (first <= kept) return store;
      if (options.from !== undefined) throw tooLate(store.path, name, from, first);
      // It asked for whatever is there.
      await store.put({ ...content, acknowledgedEventId: first - 1 });
    }
  } catch (error) {
    closeUnheard(store);
    throw error;
  }
}

/** Nobody has it: it must not hold the log. */
function closeUnheard(store: ConsumerStore): void {
  try {
    store.close(true);
  } catch (error) {
    // What kept it from being registered is what is told.
    if (!isOperational(error)) throw error;
  }
}

function checkFrom(place: ConsumerPlace, name: string, from: number, first: number): void {
  if (from < 1) throw outOfRange('Event ids start at 1.');
  const path = join(place.dir, consumerFileName(name));
  if (from < first) throw tooLate(path, name, from, first);
  if (from === 1 || place.isDurable(from - 1)) return;
  throw outOfRange(
    `A consumer begins at most at the event behind the durable one; ${from - 1} is not durable.`,
  );
}

function checkCount({ ports, dir }: ConsumerPlace): void {
  const count = listLog(ports.storage, dir).consumers.length;
  if (count < CONSUMERS_MAX) return;
  const message = `${dir} has ${count} consumers, and no more are registered. Remove some first.`;
  throw new WalError('ERR_FLASHSTRIKE_OUT_OF_RANGE', message, { path: dir });
}

/**
 * Removes the consumer, damaged or not: nothing is kept for it any more.
 * @throws WalError ERR_FLASHSTRIKE_LOCKED while it is in use; _NO_CONSUMER
 */
export async function remove(
  place: Pick<ConsumerPlace, 'ports' | 'syncs' | 'dir' | 'lock'>,
  name: string,
): Promise<void> {
  const path = join(place.dir, consumerFileName(name));
  const { storage } = place.ports;
  await writing(path, async () => {
    const isFile = storage.statusAt(path)?.kind === 'file';
    // What is no file cannot be in use: only its name goes.
    const held = isFile ? holdNamed(place, name, path, 'rewrite') : undefined;
    try {
      removeReport(place, name);
      storage.unlink(path);
    } catch (error) {
      throw isMissing(error) ? noConsumer(path, name) : error;
    } finally {
      if (held !== undefined) storage.close(held.fd);
    }
    await place.syncs.syncDirectory(place.dir);
  });
}

/** What is known of a stream goes with the consumer that keeps events for it. */
function removeReport({ ports, dir }: Pick<ConsumerPlace, 'ports' | 'dir'>, name: string): void {
  const stream = streamOfConsumer(name);
  if (stream === undefined) return;
  const path = join(dir, streamReportName(stream));
  if (ports.storage.statusAt(path)?.kind === 'file') ports.storage.unlink(path);
}
