// What stands in the folder of a log that may be damaged, by what the files say of themselves: a
// segment whose name was changed is still that segment, and one of another log is none of ours.

import { basename } from 'node:path';
import { type ErrorCode, WalError } from '../errors.js';
import { electLogId, regionLogIds } from '../judgement/log-identity.js';
import { newerVersionAdvice } from '../reading/advice.js';
import {
  holdsLog,
  type ListedSegment,
  type LogListing,
  listLog,
  type MetaReading,
  noLogIn,
  readMeta,
} from '../reading/log-directory.js';
import { UNREADABLE } from '../reading/read-failure.js';
import { openSource, readSegment } from '../reading/segment-file.js';
import { BLOCK_HEADER_BYTES } from '../segment/block-header.js';
import { type Defect, isDefect } from '../segment/defect.js';
import { META_FILE } from '../segment/file-names.js';
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_PAGE_BYTES,
  type SegmentHeader,
} from '../segment/segment-header.js';
import { repairSegmentHeader } from '../segment/segment-header-repair.js';
import type { WalMeta } from '../segment/wal-meta.js';
import type { ReadOnlyStorage } from '../storage/read-only-storage.js';
import { type GapPlace, harmlessGap, type SalvageGap } from './salvage-gap.js';

/** A file with a sound header. */
export interface SurveyedSegment {
  /** What its header tells; the name may tell another one. */
  readonly index: number;
  readonly path: string;
  readonly bytes: number;
  readonly device: bigint;
  readonly inode: bigint;
  readonly header: SegmentHeader;
}

/** A file that cannot be read as a segment of this log. */
export interface UnreadableSegment {
  /** What its name tells. */
  readonly index: number;
  readonly path: string;
  readonly bytes: number;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface Survey {
  readonly logId: bigint | undefined;
  /** wal.meta where it is usable and of this log. */
  readonly meta: WalMeta | undefined;
  readonly metaStatus: MetaReading['status'];
  /** By index, each once. */
  readonly segments: readonly SurveyedSegment[];
  /** By index; where another file is that segment, it is an oddity instead. */
  readonly unreadable: readonly UnreadableSegment[];
  /** What is wrong and costs no event. */
  readonly oddities: readonly SalvageGap[];
  /** The highest index that a name, a header or wal.meta tells; 0 for none. */
  readonly lastIndex: number;
}

/** The start of a segment's file. */
interface FileHead {
  readonly bytes: number;
  readonly device: bigint;
  readonly inode: bigint;
  readonly page: Uint8Array;
  readonly firstBlock: Uint8Array;
  /** The disk could not read the page. */
  readonly isUnreadable: boolean;
}

interface DamagedSegment {
  readonly listed: ListedSegment;
  /** Why its header does not validate. */
  readonly message: string;
}

/** @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG, _ACCESS, _IO */
export function surveyLog(storage: ReadOnlyStorage, dir: string): Survey {
  const listing = listLog(storage, dir);
  if (!holdsLog(listing)) throw noLogIn(dir);
  return new Surveyor(storage, listing).run();
}

class Surveyor {
  readonly #storage: ReadOnlyStorage;
  readonly #listing: LogListing;
  readonly #damaged: DamagedSegment[] = [];
  readonly #segments = new Map<number, SurveyedSegment>();
  readonly #unreadable: UnreadableSegment[] = [];
  readonly #oddities: SalvageGap[] = [];

  constructor(storage: ReadOnlyStorage, listing: LogListing) {
    this.#storage = storage;
    this.#listing = listing;
  }

  run(): Survey {
    const { dir, segments } = this.#listing;
    const metaReading = readMeta(this.#storage, dir);
    const found = segments.flatMap((listed) => this.#open(listed) ?? []);
    const regions = regionLogIds(this.#storage, dir);
    const elect = () =>
      electLogId({
        segments: found.map(({ header }) => header.logId),
        meta: metaReading.status === 'present' ? metaReading.meta.logId : undefined,
        regions,
      });
    for (const damaged of this.#damaged) {
      const repaired = this.#repair(damaged, elect());
      if (repaired !== undefined) found.push(repaired);
    }
    const logId = elect();
    for (const segment of found) this.#sort(segment, logId);
    const meta = this.#checkMeta(metaReading, logId);
    const unreadable = this.#unreadable.filter((file) => !this.#isElsewhere(file));
    unreadable.sort((a, b) => a.index - b.index);
    const readable = [...this.#segments.values()].sort((a, b) => a.index - b.index);
    return {
      logId,
      meta,
      metaStatus: metaReading.status,
      segments: readable,
      unreadable,
      oddities: this.#oddities,
      lastIndex: Math.max(
        readable.at(-1)?.index ?? 0,
        unreadable.at(-1)?.index ?? 0,
        meta?.segmentIndex ?? 0,
      ),
    };
  }

  #open(listed: ListedSegment): SurveyedSegment | undefined {
    const { path, index, bytes } = listed;
    let head: FileHead | Defect | undefined;
    try {
      head = this.#readHead(path);
    } catch (error) {
      if (!(error instanceof WalError) || UNREADABLE.has(error.code)) throw error;
      const { code, message } = error;
      this.#unreadable.push({ index, path, bytes, code, message });
      return undefined;
    }
    // Gone since it was listed: it will be missed where its events are.
    if (head === undefined) return undefined;
    const found = isDefect(head) ? head : this.#surveyed(path, head);
    if (!isDefect(found)) return found;
    const { defect, message } = found;
    if (defect === 'version' || defect === 'feature') {
      const code = 'ERR_FLASHSTRIKE_UNSUPPORTED';
      this.#unreadable.push({
        index,
        path,
        bytes,
        code,
        message: `${path}: ${message}. ${newerVersionAdvice}`,
      });
    } else {
      this.#damaged.push({ listed, message });
    }
    return undefined;
  }

  #surveyed(path: string, head: FileHead): SurveyedSegment | Defect {
    const header = decodeSegmentHeader(head.page);
    return isDefect(header) ? header : surveyed(path, head, header);
  }

  /** The segment of a damaged header, where that can be proven; told either way. */
  #repair({ listed, message: why }: DamagedSegment, logId: bigint | undefined) {
    const { path, index, bytes } = listed;
    const head = this.#readHead(path);
    if (head === undefined) return undefined;
    if (isDefect(head)) {
      const code = 'ERR_FLASHSTRIKE_CORRUPT';
      const message = `${path} is not a compressed segment: ${why}.`;
      this.#unreadable.push({ index, path, bytes, code, message });
      return undefined;
    }
    const known = { segmentIndex: index, segmentBytes: head.bytes, logId };
    const header = repairSegmentHeader(head.page, head.firstBlock, known);
    const code = head.isUnreadable ? 'ERR_FLASHSTRIKE_IO' : 'ERR_FLASHSTRIKE_CORRUPT';
    if (header === undefined) {
      const what = head.isUnreadable ? 'the disk cannot read the header' : why;
      const message = `The header of ${path} is not valid: ${what}.`;
      this.#unreadable.push({ index, path, bytes, code, message });
      return undefined;
    }
    const message =
      'The header is damaged; it was reconstructed, and its checksum proves the result.';
    const place = { path, offset: 0, bytes: head.page.length };
    this.#oddities.push(harmlessGap(place, { code, message }));
    return surveyed(path, head, header);
  }

  /** @returns undefined where the file is gone, a defect where it is no LZ4 frame of a segment */
  #readHead(path: string): FileHead | Defect | undefined {
    const source = openSource(this.#storage, path);
    if (source === undefined || isDefect(source)) return source;
    const { fd, bytes, device, inode } = source;
    try {
      const head = new Uint8Array(SEGMENT_HEADER_PAGE_BYTES + BLOCK_HEADER_BYTES);
      const count = readSegment(this.#storage, source, head, 0);
      return {
        bytes,
        device,
        inode,
        page: head.subarray(0, Math.min(count, SEGMENT_HEADER_PAGE_BYTES)),
        firstBlock: head.subarray(SEGMENT_HEADER_PAGE_BYTES, count),
        isUnreadable: this.#storage.hasUnreadable(fd, 0, SEGMENT_HEADER_PAGE_BYTES),
      };
    } finally {
      this.#storage.close(fd);
    }
  }

  #sort(segment: SurveyedSegment, logId: bigint | undefined): void {
    const { path, index, bytes, header } = segment;
    const nameIndex = Number(basename(path).slice(0, 10));
    if (header.logId !== logId) {
      const message = `${path} belongs to another log.`;
      const code = 'ERR_FLASHSTRIKE_WRONG_LOG';
      this.#unreadable.push({ index: nameIndex, path, bytes, code, message });
      return;
    }
    const other = this.#segments.get(index);
    const isNamed = nameIndex === index;
    if (other === undefined || isNamed) this.#segments.set(index, segment);
    if (other !== undefined) {
      const [kept, left] = isNamed ? [segment, other] : [other, segment];
      this.#oddity(left, `This is segment ${index}, like ${basename(kept.path)}: not read.`);
    } else if (!isNamed) {
      this.#oddity(segment, `This is segment ${index}: the file was renamed.`);
    }
  }

  /** True, and told, where the segment that the name promises stands in another file. */
  #isElsewhere({ index, path, code, message, bytes }: UnreadableSegment): boolean {
    if (!this.#segments.has(index)) return false;
    this.#oddities.push(harmlessGap({ path, offset: 0, bytes }, { code, message }));
    return true;
  }

  #checkMeta(reading: MetaReading, logId: bigint | undefined): WalMeta | undefined {
    const place: GapPlace = { path: META_FILE, offset: 0 };
    switch (reading.status) {
      case 'missing':
        return undefined;
      case 'present': {
        if (reading.meta.logId === logId) return reading.meta;
        const message = 'The file belongs to another log than the segments.';
        const code = 'ERR_FLASHSTRIKE_WRONG_LOG';
        this.#oddities.push(harmlessGap(place, { code, message }));
        return undefined;
      }
      default: {
        const { status, message } = reading;
        this.#oddities.push(harmlessGap(place, { code: META_CODES[status], message }));
        return undefined;
      }
    }
  }

  #oddity({ path, bytes }: SurveyedSegment, message: string): void {
    const code = 'ERR_FLASHSTRIKE_CORRUPT';
    this.#oddities.push(harmlessGap({ path, offset: 0, bytes }, { code, message }));
  }
}

function surveyed(path: string, head: FileHead, header: SegmentHeader): SurveyedSegment {
  const { bytes, device, inode } = head;
  return { index: header.segmentIndex, path, bytes, device, inode, header };
}

const META_CODES = {
  damaged: 'ERR_FLASHSTRIKE_CORRUPT',
  unsupported: 'ERR_FLASHSTRIKE_UNSUPPORTED',
  unsafe: 'ERR_FLASHSTRIKE_UNSAFE_FILE',
} as const;
