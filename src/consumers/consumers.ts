// The consumers of a log, for any process: the log's lock is not needed.
import { resolve } from 'node:path';
import { unixNsOf } from '../clock/wall-clock.js';
import { knownLogId, otherLog } from '../judgement/log-identity.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { type ConsumerFile, readConsumers } from '../reading/consumer-files.js';
import { checkDirectory, checkLock } from '../reading/event-range.js';
import { holdsLog, isLogFolder, listLog, noLogIn, readMeta } from '../reading/log-directory.js';
import type { ConsumerPolicy, ConsumerRecord } from '../segment/consumer-record.js';
import { nodeSyncs } from '../storage/disk-syncs.js';
import { Consumer } from './consumer.js';
import {
  checkConsumerName,
  checkConsumerOptions,
  type OpenConsumerOptions,
} from './consumer-options.js';
import { DurableReach } from './durable-reach.js';
import { type ConsumerLag, LogSpans } from './lag.js';
import { register, remove } from './registration.js';

/** One consumer, as its file tells. */
export interface ConsumerStatus {
  /** The name that it was registered with. */
  readonly name: string;
  /**
   * `active`: what it has not acknowledged is kept. `dropped`: nothing is kept for it any more.
   * `ahead`: the log was continued behind an earlier event than the one that it has acknowledged,
   * as a copy that lacked its end; all from there on is kept until it is removed.
   * `damaged`: what it needs is not known, so all events are kept until it is removed.
   */
  readonly state: 'active' | 'dropped' | 'ahead' | 'damaged';
  /** The last event acknowledged, on disk; undefined where it is damaged, as all that follows. */
  readonly acknowledgedEventId: number | undefined;
  /** When that was acknowledged: Unix ns. */
  readonly acknowledgedTsNs: bigint | undefined;
  /** How far it is behind. */
  readonly lag: ConsumerLag | undefined;
  /** 0: any number. */
  readonly maxLagBytes: number | undefined;
  /** 0: any number. */
  readonly maxLagMs: number | undefined;
  /** What becomes of it when it lags more. */
  readonly policy: ConsumerPolicy | undefined;
  /** Of one that is damaged: what is wrong with it. */
  readonly damage: string | undefined;
}

/**
 * Opens a consumer of the log in `dir`, in this or any other process than the log's own. It must be
 * registered, unless `create` is set.
 * @throws WalError ERR_FLASHSTRIKE_NO_CONSUMER, _NOT_A_LOG; _WRONG_LOG for another than `logId`;
 * _LOCKED while it is in use; _EXPIRED if it was dropped, or `from` is not there any more;
 * _OUT_OF_RANGE if the log ends before what it has acknowledged; _CORRUPT if its file is damaged …
 * @example
 * import { openConsumer } from 'flashstrike';
 *
 * await using billing = await openConsumer('./orders', 'billing', { create: true });
 * for await (const event of billing.follow()) await billing.acknowledge(event.eventId);
 */
export async function openConsumer(
  dir: string | URL,
  name: string,
  options: OpenConsumerOptions = {},
): Promise<Consumer> {
  checkConsumerName(name);
  checkConsumerOptions(options, 'open');
  // Absolute: the application may change its folder while the consumer is open.
  return await openIn(REGION_PORTS, resolve(checkDirectory(dir)), name, options);
}

async function openIn(
  ports: ReadingPorts,
  dir: string,
  name: string,
  options: OpenConsumerOptions,
): Promise<Consumer> {
  const logId = knownLogId(ports.storage, dir);
  const { logId: expected = logId } = options;
  if (logId !== expected) throw otherLog(dir, logId, expected);
  const reach = new DurableReach(ports, dir, logId);
  const place = {
    ports,
    syncs: nodeSyncs,
    dir,
    logId,
    lock: options.lock ?? 'flock',
    wallClockMs: Date.now,
    isDurable: (eventId: number) => reach.covers(eventId),
    isThere: (eventId: number) => reach.has(eventId),
  };
  try {
    const store = await register(place, name, options, options.create ?? false);
    return new Consumer(store, place, () => reach.close());
  } catch (error) {
    reach.close();
    throw error;
  }
}

/**
 * All consumers of the log in `dir`, by name. Needs no lock, and changes nothing.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG, _ACCESS, _IO
 */
export function listConsumers(dir: string | URL): readonly ConsumerStatus[] {
  return listConsumersThrough(REGION_PORTS, checkDirectory(dir));
}

/**
 * {@link listConsumers} with other ports than those of this machine.
 * @param known what the caller knows to be durable: the files may tell it only later
 */
export function listConsumersThrough(
  ports: ReadingPorts,
  dir: string,
  known = 0,
): readonly ConsumerStatus[] {
  const listing = listLog(ports.storage, dir);
  if (!holdsLog(listing)) throw noLogIn(dir);
  if (listing.consumers.length === 0) return [];
  const logId = knownLogId(ports.storage, dir);
  const spans = new LogSpans(ports.storage, dir, logId);
  spans.refresh();
  const meta = readMeta(ports.storage, dir);
  const durableEventId = Math.max(
    known,
    meta.status === 'present' && meta.meta.logId === logId ? meta.meta.durableEventId : 0,
    ports.regionDurable(dir, logId) ?? 0,
    spans.lastFirstEventId - 1,
  );
  const nowNs = unixNsOf(Date.now);
  const lagOf = (eventId: number): ConsumerLag => spans.lagOf(eventId, durableEventId, nowNs);
  return readConsumers(ports.storage, dir, logId).map((file) => statusOf(file, lagOf));
}

function statusOf(
  { name, record, damaged }: ConsumerFile,
  lagOf: (acknowledgedEventId: number) => ConsumerLag,
): ConsumerStatus {
  if (record === undefined) {
    return {
      name,
      state: 'damaged',
      acknowledgedEventId: undefined,
      acknowledgedTsNs: undefined,
      lag: undefined,
      maxLagBytes: undefined,
      maxLagMs: undefined,
      policy: undefined,
      damage: damaged,
    };
  }
  const { acknowledgedEventId, timestampNs, maxLagBytes, maxLagMs, policy } = record.durable;
  return {
    name,
    state: stateOf(record),
    acknowledgedEventId,
    acknowledgedTsNs: timestampNs,
    lag: lagOf(record.acknowledgedEventId),
    maxLagBytes,
    maxLagMs,
    policy,
    damage: undefined,
  };
}

function stateOf({ dropped, ahead }: ConsumerRecord): ConsumerStatus['state'] {
  if (ahead !== undefined) return 'ahead';
  return dropped === undefined ? 'active' : 'dropped';
}

/**
 * Removes a consumer of the log in `dir`, damaged or not: nothing is kept for it any more.
 * @throws WalError ERR_FLASHSTRIKE_LOCKED while it is in use; _NO_CONSUMER, _NOT_A_LOG …
 */
export async function removeConsumer(
  dir: string | URL,
  name: string,
  options: Pick<OpenConsumerOptions, 'lock'> = {},
): Promise<void> {
  checkConsumerName(name);
  const lock = checkLock(options);
  const path = resolve(checkDirectory(dir));
  if (!isLogFolder(REGION_PORTS.storage, path)) throw noLogIn(path);
  await remove({ ports: REGION_PORTS, syncs: nodeSyncs, dir: path, lock }, name);
}
