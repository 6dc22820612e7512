// The segments of a log and its end, as an inspection tells of them: headers and pins, and a walk
// of the last segment only.
import { logIdIn } from '../judgement/log-identity.js';
import { outsideClaims, type ReadingPorts } from '../judgement/reading-ports.js';
import {
  judgeTail,
  missingTail,
  type OutsideClaims,
  type TailJudgement,
  tailError,
} from '../judgement/tail-judgement.js';
import type { ListedSegment, LogListing } from '../reading/log-directory.js';
import { pinProblem } from '../reading/pin.js';
import { readSeal } from '../reading/seal-index.js';
import { openSegment, type SegmentFile } from '../reading/segment-file.js';
import { SegmentReader } from '../reading/segment-reader.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import { describeDefect } from './describe-defect.js';
import type { SegmentInspection, TailInspection } from './inspection.js';

export class SegmentsInspector {
  readonly #ports: ReadingPorts;
  readonly #listing: LogListing;
  readonly #logId: bigint | undefined;
  #tail: TailInspection | undefined;

  constructor(ports: ReadingPorts, listing: LogListing) {
    this.#ports = ports;
    this.#listing = listing;
    this.#logId = logIdIn(ports.storage, listing);
  }

  run() {
    const { segments } = this.#listing;
    // From the last to the first: a successor's header tells where its predecessor ends.
    const inspections: SegmentInspection[] = [];
    let successor: SegmentHeader | undefined;
    for (let position = segments.length - 1; position >= 0; position--) {
      const segment = segments[position];
      if (segment === undefined) continue;
      const isLast = position === segments.length - 1;
      const isPinned = successor?.segmentIndex === segment.index + 1;
      const inspected = this.#inspect(segment, isLast, isPinned ? successor : undefined);
      inspections.unshift(inspected.inspection);
      successor = inspected.header;
    }
    return { segments: inspections, tail: this.#tail, logId: this.#logId };
  }

  #inspect(segment: ListedSegment, isLast: boolean, pin: SegmentHeader | undefined) {
    const { index, name, path, bytes } = segment;
    const base = { file: name, segmentIndex: index, bytes };
    const unread = { ...base, contentBytes: undefined };
    const { storage } = this.#ports;
    let file: SegmentFile | undefined;
    try {
      file = openSegment(storage, path, { index, logId: this.#logId });
      if (file === undefined) return { inspection: { ...unread, ...damaged('It was removed.') } };
      const { header } = file;
      const { firstEventId, createdTsNs } = header;
      const content = isLast ? this.#inspectLast(file) : this.#inspectFinished(file, pin);
      const contentBytes = file.frame?.contentBytes;
      return {
        inspection: { ...base, contentBytes, firstEventId, createdTsNs, ...content },
        header,
      };
    } catch (error) {
      return { inspection: { ...unread, ...damaged(describeDefect(error)) } };
    } finally {
      if (file !== undefined) storage.close(file.fd);
    }
  }

  #inspectFinished(file: SegmentFile, pin: SegmentHeader | undefined) {
    if (pin === undefined) {
      const unknown = { usedBytes: undefined, events: undefined, lastEventId: undefined };
      return { ...unknown, state: 'finished', defect: undefined } as const;
    }
    const { previousEndOffset: usedBytes, previousLastEventId: lastEventId } = pin;
    const events = lastEventId - file.header.firstEventId + 1;
    const problem = pinProblem(this.#ports.storage, file, pin);
    const seal = problem === undefined && readSeal(this.#ports.storage, file, usedBytes);
    const state = problem !== undefined ? 'damaged' : seal ? 'sealed' : 'finished';
    const defect = problem && `The file ${problem}.`;
    return { usedBytes, events, lastEventId, state, defect } as const;
  }

  #inspectLast(file: SegmentFile) {
    const { storage } = this.#ports;
    const { dir } = this.#listing;
    const reader = new SegmentReader(storage, file);
    while (reader.next());
    const outside = () => outsideClaims(this.#ports, dir, file.header.logId);
    const judgement = this.#judge(reader, outside);
    const { endOffset: usedBytes, lastEventId } = reader.end;
    const events = lastEventId - file.header.firstEventId + 1;
    const content = { usedBytes, events, lastEventId };
    if (judgement !== undefined) {
      this.#tail = {
        verdict: judgement.tailCase.verdict,
        offset: judgement.endOffset,
        durableEventId: judgement.claims.durableEventId,
        droppedEvents: judgement.droppedEvents,
        droppedBytes: judgement.droppedBytes,
        missingTail: missingTail(judgement),
      };
    }
    const defect = judgement && tailError(judgement)?.message;
    const sound = reader.sealed ? 'sealed' : 'active';
    return { ...content, state: defect === undefined ? sound : 'damaged', defect } as const;
  }

  /** Undefined also where wal.meta or LOCK is not usable: that is told in its own place. */
  #judge(reader: SegmentReader, outside: () => OutsideClaims): TailJudgement | undefined {
    try {
      return judgeTail(this.#ports.storage, this.#listing.dir, reader, outside);
    } catch (error) {
      describeDefect(error);
      return undefined;
    }
  }
}

const damaged = (defect: string) =>
  ({
    usedBytes: undefined,
    events: undefined,
    firstEventId: undefined,
    lastEventId: undefined,
    createdTsNs: undefined,
    state: 'damaged',
    defect,
  }) as const;
