// A store that is asked again while its failures pass.
import { WalError } from '../../errors.js';
import { pause } from '../../recorder/application/unless-aborted.js';
import { isDefect } from '../../segment/defect.js';
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_PAGE_BYTES,
  type SegmentHeader,
} from '../../segment/segment-header.js';
import { damagedObject } from './object-failures.js';
import { ObjectFailure, type ObjectStore } from './object-store.js';

/** Failures in a row after which a store counts as not there; with the pauses half a minute. */
const ATTEMPTS = 30;
const PAUSE_MS = 1_000;

interface Patience {
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Wait as long as it takes. */
  readonly forever?: boolean | undefined;
  /** Told of each failure that is waited for, and with undefined once it goes on. */
  readonly onTrouble?: ((message: string | undefined) => void) | undefined;
  readonly pauses?: typeof pause | undefined;
}

export class PatientStore {
  readonly name: string;
  readonly #store: ObjectStore;
  readonly #patience: Patience;

  constructor(store: ObjectStore, patience: Patience = {}) {
    this.name = store.name;
    this.#store = store;
    this.#patience = patience;
  }

  /**
   * Does `work`, again and again while it fails by what passes.
   * @throws WalError ERR_FLASHSTRIKE_OBJECTS_UNAVAILABLE
   */
  async insist<Result>(work: (store: ObjectStore) => Promise<Result>): Promise<Result> {
    const { signal, forever = false, onTrouble, pauses = pause } = this.#patience;
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await work(this.#store);
        if (attempt > 1) onTrouble?.(undefined);
        return result;
      } catch (error) {
        if (!(error instanceof ObjectFailure)) throw error;
        onTrouble?.(error.message);
        if (signal?.aborted === true || (attempt >= ATTEMPTS && !forever)) {
          const times = `${attempt} ${attempt === 1 ? 'attempt' : 'attempts'}`;
          const message = `Objects ${this.name}: ${error.message} (${times}). Try again later.`;
          throw new WalError('ERR_FLASHSTRIKE_OBJECTS_UNAVAILABLE', message, { cause: error });
        }
        await pauses(Math.min(PAUSE_MS, 20 * 2 ** attempt), signal);
      }
    }
  }

  /**
   * The header page under `key`; undefined where there is none.
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT, _UNSUPPORTED, _OBJECTS_UNAVAILABLE
   */
  async header(key: string): Promise<SegmentHeader | undefined> {
    const page = await this.insist(async (store) => {
      const found = await store.get(key);
      return found && (await this.#page(key, found));
    });
    if (page === undefined) return undefined;
    const header = decodeSegmentHeader(page);
    if (!isDefect(header)) return header;
    const isNewer = header.defect === 'version' || header.defect === 'feature';
    if (!isNewer) throw damagedObject(this.name, key, header.message);
    const message = `Objects ${this.name}: ${key}: ${header.message}. Use a newer version.`;
    throw new WalError('ERR_FLASHSTRIKE_UNSUPPORTED', message, { path: key });
  }

  /** Puts a header page, and reads it back. */
  async putHeader(key: string, page: Uint8Array): Promise<void> {
    await this.insist(async (store) => {
      await store.put(key, {
        bytes: page.length,
        async *read() {
          yield page.slice();
        },
      });
      const found = await store.get(key);
      const bytes = found && (await this.#page(key, found));
      if (bytes === undefined || Buffer.compare(bytes, page) !== 0) {
        throw new ObjectFailure('unavailable', `${key} reads otherwise than it was put`);
      }
    });
  }

  async #page(key: string, found: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of found) {
      bytes += piece.length;
      if (bytes > SEGMENT_HEADER_PAGE_BYTES) {
        throw damagedObject(this.name, key, 'it is longer than a header page');
      }
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }
}
