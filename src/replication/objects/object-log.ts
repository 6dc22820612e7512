// The log that a store has, as its header pages tell: which segments there are, with which event
// each begins, and where it ends. Every page is checked against the one before; what is missing in
// the middle is told, and never taken for the end.
import { segmentFileName } from '../../segment/file-names.js';
import type { SegmentHeader } from '../../segment/segment-header.js';
import { damagedObject } from './object-failures.js';
import { headerKey, LOG_KEY } from './object-keys.js';
import type { PatientStore } from './patient-store.js';

/** How far behind a page that is missing others are looked for, in steps that double. */
const PROBES = 12;
const SEGMENT_INDEX_MAX = 2 ** 32 - 2;

export class ObjectLog {
  /** Of the segments that are there, and at the end of the one that would come next. */
  readonly headers: readonly SegmentHeader[];
  readonly #first: SegmentHeader;
  readonly #next: SegmentHeader;

  private constructor(first: SegmentHeader, headers: readonly SegmentHeader[]) {
    this.#first = first;
    this.#next = headers.at(-1) ?? first;
    this.headers = headers;
  }

  /**
   * Undefined where nothing was put yet.
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT, _UNSUPPORTED, _OBJECTS_UNAVAILABLE
   */
  static async read(store: PatientStore): Promise<ObjectLog | undefined> {
    const first = await store.header(LOG_KEY);
    if (first === undefined) return undefined;
    const headers = [first];
    for (let last = first; ; ) {
      const next = await nextHeader(store, last);
      if (next === undefined) return new ObjectLog(first, headers);
      headers.push(next);
      last = next;
    }
  }

  get logId(): bigint {
    return this.#first.logId;
  }

  get firstEventId(): number {
    return this.#first.firstEventId;
  }

  /** firstEventId - 1 where there is none yet. */
  get lastEventId(): number {
    return this.#next.firstEventId - 1;
  }
}

async function nextHeader(
  store: PatientStore,
  last: SegmentHeader,
): Promise<SegmentHeader | undefined> {
  const { logId } = last;
  const index = last.segmentIndex + 1;
  const key = headerKey(logId, index);
  const next = (await store.header(key)) ?? (await missedHeader(store, logId, index));
  if (next === undefined) return undefined;
  const isNext =
    next.logId === logId && next.segmentIndex === index && next.firstEventId >= last.firstEventId;
  if (isNext) return next;
  throw damagedObject(store.name, key, 'it does not follow the header page before it');
}

/** Where later ones are there, it is there by now, or lost. */
async function missedHeader(
  store: PatientStore,
  logId: bigint,
  index: number,
): Promise<SegmentHeader | undefined> {
  const key = headerKey(logId, index);
  for (let probe = 0; probe < PROBES; probe++) {
    const later = index + 2 ** probe;
    if (later > SEGMENT_INDEX_MAX) return undefined;
    const found = await store.header(headerKey(logId, later));
    if (found === undefined) continue;
    const header = await store.header(key);
    if (header !== undefined) return header;
    throw damagedObject(store.name, key, `it is missing, and ${segmentFileName(later)} is there`);
  }
  return undefined;
}
