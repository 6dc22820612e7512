// The last hour of a log in bounded memory: the newest six minutes by the second, all of it by ten.
// Server and page keep the same one: a page that is opened later is given what there is.

import { type Bucket, mergedBucket } from './bucket.js';

const FINE_BUCKETS = 360;
const COARSE_BUCKETS = 361;
export const COARSE_SECONDS = 10;

export class History {
  #fine: Bucket[];
  #coarse: Bucket[];

  constructor(fine: readonly Bucket[] = [], coarse: readonly Bucket[] = []) {
    this.#fine = fine.slice(-FINE_BUCKETS);
    this.#coarse = coarse.slice(-COARSE_BUCKETS);
  }

  /** Of a second each; ascending, with gaps where the log was not seen. */
  get fine(): readonly Bucket[] {
    return this.#fine;
  }

  /** Of ten seconds each; the last one may still grow. */
  get coarse(): readonly Bucket[] {
    return this.#coarse;
  }

  /** Takes a whole second, which is later than all before. */
  add(bucket: Bucket): void {
    this.#fine.push(bucket);
    if (this.#fine.length > FINE_BUCKETS) this.#fine.shift();
    const at = bucket.at - (bucket.at % COARSE_SECONDS);
    const last = this.#coarse.at(-1);
    if (last?.at === at) {
      this.#coarse[this.#coarse.length - 1] = mergedBucket(last, bucket);
      return;
    }
    this.#coarse.push({ ...bucket, at });
    if (this.#coarse.length > COARSE_BUCKETS) this.#coarse.shift();
  }
}
