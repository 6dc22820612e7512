// The port to whatever keeps finished segments: two calls, which object stores, file systems and
// databases all have. There is no list, no delete and no compare-and-swap, and none is needed:
// names follow from what is in the log, and what was put is never changed.

import { invalidOption } from '../../errors.js';

/** What is put: it can be read from its beginning as often as need be. */
export interface ObjectBody {
  /** So many bytes, neither more nor fewer. */
  readonly bytes: number;
  /** The bytes, in pieces of up to 1 MiB that nobody changes afterwards. */
  read(): AsyncIterable<Uint8Array>;
}

/**
 * Where finished segments of logs are kept.
 * @example
 * import { Readable } from 'node:stream';
 * import { archive, type ObjectStore } from 'flashstrike/replication';
 *
 * const kept = new Map<string, Uint8Array>();
 * const store: ObjectStore = {
 *   name: 'memory',
 *   put: async (key, body) => {
 *     const pieces: Uint8Array[] = [];
 *     for await (const piece of body.read()) pieces.push(piece);
 *     kept.set(key, Buffer.concat(pieces));
 *   },
 *   get: async (key) => {
 *     const bytes = kept.get(key);
 *     return bytes && Readable.from([bytes]);
 *   },
 * };
 * const { lastEventId } = await archive('./orders', store);
 * console.log(`kept up to event ${lastEventId}`);
 */
export interface ObjectStore {
  /** Names it in messages and reports. */
  readonly name: string;
  /**
   * Resolves once the object is there for good: whole, in place of any earlier one of that key. Who
   * reads meanwhile gets the earlier one, or none.
   * @param key letters, digits and `._-`, with `/` between parts; at most 100 characters
   * @throws ObjectFailure for what passes
   */
  put(key: string, body: ObjectBody): Promise<void>;
  /**
   * The bytes of an object, in pieces of any length; undefined where there is none of that key.
   * @throws ObjectFailure for what passes, also from the iteration
   */
  get(key: string): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/**
 * Why a store did not do what was asked: `full`: it takes no more; `timeout`: no answer;
 * `unavailable`: anything else that passes.
 */
export type ObjectFailureReason = 'full' | 'timeout' | 'unavailable';

/** A failure that passes: it is waited for. What a store throws beside it ends the call. */
export class ObjectFailure extends Error {
  /** Always `ObjectFailure`. */
  override readonly name = 'ObjectFailure';
  /** What kind of failure it is. */
  readonly reason: ObjectFailureReason;

  constructor(reason: ObjectFailureReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION */
export function checkStore(store: unknown): void {
  const { name, put, get } = (store ?? {}) as Partial<ObjectStore>;
  const isStore = typeof put === 'function' && typeof get === 'function';
  if (isStore && typeof name === 'string' && name !== '') return;
  throw invalidOption(
    'Objects must be a store with a name and the calls put and get, as folderObjects() makes one.',
  );
}
