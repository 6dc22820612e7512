// A store in memory that fails as stores do: requests and answers get lost, an object is torn where
// a put was cut off, what was just put is not seen yet, and an answer ends too early.

import { LOG_KEY } from '../../../src/replication/objects/object-keys.js';
import {
  type ObjectBody,
  ObjectFailure,
  type ObjectStore,
} from '../../../src/replication/objects/object-store.js';
import { randomOf } from '../../crash/random.js';

export class MemoryObjects implements ObjectStore {
  readonly name = 'memory';
  readonly kept = new Map<string, Uint8Array>();
  /** Keys in the order in which they were put. */
  readonly puts: string[] = [];
  /** So many of 100 calls fail in one way or another. */
  trouble = 0;
  /** Called before each call; what it throws is what the call fails with. */
  onCall: (call: 'put' | 'get', key: string) => void = () => {};
  readonly #random: () => number;

  constructor(seed = 1) {
    this.#random = randomOf(Math.imul(seed, 0x9e37_79b1));
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  async put(key: string, body: ObjectBody): Promise<void> {
    this.onCall('put', key);
    const pieces: Uint8Array[] = [];
    for await (const piece of body.read()) pieces.push(piece.slice());
    const bytes = Buffer.concat(pieces);
    if (bytes.length !== body.bytes) throw new Error(`${key} has another length than it says`);
    if (!this.#fails()) {
      this.kept.set(key, bytes);
      this.puts.push(key);
      return;
    }
    const fault = this.below(3);
    if (fault === 0) throw new ObjectFailure('full', 'no room');
    // What names the log is so short that no store tears it.
    const isWhole = fault === 1 || key === LOG_KEY;
    this.kept.set(key, isWhole ? bytes : bytes.subarray(0, this.below(bytes.length)));
    this.puts.push(key);
    throw new ObjectFailure('timeout', 'the answer was lost');
  }

  async get(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.onCall('get', key);
    const bytes = this.kept.get(key);
    const isFailing = this.#fails();
    const fault = isFailing ? this.below(3) : -1;
    if (fault === 0) throw new ObjectFailure('unavailable', 'no answer');
    if (bytes === undefined) return undefined;
    return pieces(bytes, 1 + this.below(40_000), fault > 0 ? this.below(bytes.length) : undefined);
  }

  /** The objects of which a part is in the key, in order. */
  keys(part: string): string[] {
    return [...this.kept.keys()].filter((key) => key.includes(part)).sort();
  }

  /** Changes an object that is there. */
  change(key: string, edit: (bytes: Buffer) => Uint8Array | undefined): void {
    const bytes = Buffer.from(this.kept.get(key) ?? []);
    this.kept.set(key, edit(bytes) ?? bytes);
  }

  /** The same objects in another store. */
  copy(): MemoryObjects {
    const store = new MemoryObjects();
    for (const [key, bytes] of this.kept) store.kept.set(key, bytes);
    return store;
  }

  #fails(): boolean {
    return this.trouble > 0 && this.below(100) < this.trouble;
  }
}

async function* pieces(
  bytes: Uint8Array,
  length: number,
  failsAt: number | undefined,
): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += length) {
    if (failsAt !== undefined && at + length > failsAt) {
      throw new ObjectFailure('unavailable', 'the answer broke off');
    }
    yield bytes.slice(at, at + length);
  }
}
