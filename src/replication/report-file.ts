// Writes what a replicator knows of its stream beside the log, for `inspect` and for who watches
// from another process: see segment/stream-report.ts. It belongs to whoever holds the stream's
// consumer. Written now and then and never synced: nothing waits for it, and nothing goes by it.
import { join } from 'node:path';
import { unixNsOf } from '../clock/wall-clock.js';
import { isOperational } from '../errors.js';
import { readStreamReportOf } from '../reading/stream-reports.js';
import { isDefect } from '../segment/defect.js';
import { streamReportName } from '../segment/file-names.js';
import {
  encodeStreamReport,
  reportOffset,
  STREAM_REPORT_BYTES,
  type StreamReport,
} from '../segment/stream-report.js';
import type { FileStatus, Storage } from '../storage/storage.js';
import type { StructImage } from '../telemetry/struct-image.js';
import type { StreamOwner } from './stream-meter.js';

/** What is told. */
interface KnownStream {
  readonly owner: StreamOwner | undefined;
  readonly confirmedEventId: number;
  readonly image: StructImage;
}

interface ReportPlace {
  readonly storage: Storage;
  readonly dir: string;
  readonly logId: bigint;
  readonly stream: string;
  readonly wallClockMs: () => number;
  /** Between two writes, at least. */
  readonly intervalMs: number;
}

export class ReportFile {
  readonly #place: ReportPlace;
  readonly #path: string;
  readonly #known: () => KnownStream;
  readonly #onFailure: (error: unknown) => void;
  #open: { readonly fd: number; readonly status: FileStatus } | undefined;
  /** What the file said when it was opened: it stands until something is known. */
  #before: StreamReport | undefined;
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param onFailure is told of what is no failure of the disk */
  constructor(place: ReportPlace, known: () => KnownStream, onFailure: (error: unknown) => void) {
    this.#place = place;
    this.#path = join(place.dir, streamReportName(place.stream));
    this.#known = known;
    this.#onFailure = onFailure;
  }

  /** There is more to tell. */
  changed(): void {
    this.#timer ??= setTimeout(() => this.#write(), this.#place.intervalMs);
  }

  /** Writes what was not written yet, and lets go of the file. */
  close(): void {
    if (this.#timer !== undefined) this.#write();
    this.#letGo();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      const fd = this.#file();
      const report = this.#report();
      this.#place.storage.write(fd, [encodeStreamReport(report)], reportOffset(report.sequence));
      this.#sequence = report.sequence;
    } catch (error) {
      this.#letGo();
      // A disk that is full, a folder that may not be written to: the next change is told again.
      if (!isOperational(error)) this.#onFailure(error);
    }
  }

  #report(): StreamReport {
    const { logId, wallClockMs } = this.#place;
    const { owner, confirmedEventId, image } = this.#known();
    const before = this.#before;
    const hasClaimed = confirmedEventId > 0 || owner?.logId === logId;
    return {
      sequence: this.#sequence + 1,
      logId,
      ownerLogId: owner?.logId ?? before?.ownerLogId ?? 0n,
      epoch: owner?.epoch ?? before?.epoch ?? 0,
      // Before its own claim it knows no better than the one before it.
      confirmedEventId: hasClaimed ? confirmedEventId : (before?.confirmedEventId ?? 0),
      // Of a wall clock that is before 1970, the bits.
      timestampNs: BigInt.asUintN(64, unixNsOf(wallClockMs)),
      ...image,
    };
  }

  /** The open file, if it is still the one of that name, and of no other one. */
  #file(): number {
    const { storage } = this.#place;
    const named = storage.statusAt(this.#path);
    const open = this.#open;
    if (open !== undefined) {
      const isSame = named?.inode === open.status.inode && named.device === open.status.device;
      if (isSame && named.links === 1) return open.fd;
      this.#letGo();
    }
    if (named?.kind === 'file' && named.links > 1) this.#separate();
    const fd = storage.open(this.#path, 'open-or-create');
    try {
      this.#takeUp(fd);
      storage.truncate(fd, STREAM_REPORT_BYTES);
      const status = storage.statusOf(fd);
      this.#open = { fd, status };
      return fd;
    } catch (error) {
      storage.close(fd);
      throw error;
    }
  }

  /** A snapshot by hard links stays as it is: only the name goes. */
  #separate(): void {
    const { storage } = this.#place;
    const fd = storage.open(this.#path, 'read');
    try {
      this.#takeUp(fd);
    } finally {
      storage.close(fd);
    }
    storage.unlink(this.#path);
  }

  #takeUp(fd: number): void {
    const { storage, logId } = this.#place;
    const found = readStreamReportOf(storage, fd, this.#path);
    if (isDefect(found)) return;
    this.#sequence = Math.max(this.#sequence, found.sequence);
    if (found.logId === logId) this.#before ??= found;
  }

  #letGo(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) this.#place.storage.close(open.fd);
  }
}
