// The end of the log in a run of `verify`: the verdict on it, and the damage where it is damaged.
import { basename } from 'node:path';
import type { WalError } from '../errors.js';
import { outsideClaims, type ReadingPorts } from '../judgement/reading-ports.js';
import {
  endNotes,
  judgeTail,
  type MetaUse,
  missingTail,
  type OutsideClaims,
  type TailJudgement,
  tailError,
} from '../judgement/tail-judgement.js';
import { missingSentence } from '../reading/advice.js';
import { usableMeta } from '../reading/log-directory.js';
import type { ReadingMeter } from '../reading/reading-meter.js';
import type { SegmentReader } from '../reading/segment-reader.js';
import { holeError, SegmentSalvager } from '../reading/segment-salvager.js';
import type { Findings } from './findings.js';
import { durableEndError, reportHole } from './finished-check.js';
import type { VerifiedWalk } from './verified-walk.js';

export class TailCheck {
  readonly #ports: ReadingPorts;
  readonly #dir: string;
  readonly #meter: ReadingMeter;
  readonly #walk: VerifiedWalk;
  readonly #findings: Findings;

  constructor(
    ports: ReadingPorts,
    dir: string,
    meter: ReadingMeter,
    walk: VerifiedWalk,
    findings: Findings,
  ) {
    this.#ports = ports;
    this.#dir = dir;
    this.#meter = meter;
    this.#walk = walk;
    this.#findings = findings;
  }

  /** Judges the end of the log, up to which `reader` walked; false when it went on meanwhile. */
  async run(reader: SegmentReader): Promise<boolean> {
    const { logId } = reader.file.header;
    const outside = () => this.#outside(logId);
    let judgement: TailJudgement | undefined;
    const startNs = this.#meter.nowNs();
    try {
      judgement = judgeTail(this.#ports.storage, this.#dir, reader, outside, {
        metaOf: this.#metaUse,
      });
    } catch (error) {
      this.#findings.report(error);
      return true;
    }
    this.#meter.manager.onJudgeTail(startNs);
    if (judgement === undefined) return false;
    await this.#note(reader, judgement);
    return true;
  }

  /** LOCK that cannot be read is told, and the end is judged without it. */
  #outside(logId: bigint): OutsideClaims {
    try {
      return outsideClaims(this.#ports, this.#dir, logId);
    } catch (error) {
      this.#findings.report(error);
      return {};
    }
  }

  /** wal.meta that is of no use is told, and the end is judged without it. */
  readonly #metaUse: MetaUse = (meta, dir, logId) => {
    try {
      return usableMeta(meta, dir, logId);
    } catch (error) {
      this.#findings.report(error);
      return undefined;
    }
  };

  async #note(reader: SegmentReader, judgement: TailJudgement): Promise<void> {
    const findings = this.#findings;
    reader.recordVerdict(judgement.tailCase.verdict);
    this.#walk.claim(judgement.claims.durableEventId);
    findings.notes.push(...endNotes(reader));
    const error = tailError(judgement);
    const { path, endOffset, droppedEvents, droppedBytes, tailCase } = judgement;
    findings.missingTail = missingTail(judgement);
    if (findings.missingTail !== undefined) {
      findings.notes.push(`${tailCase.prose}${missingSentence(findings.missingTail)}`);
    } else if (tailCase.verdict === 'torn-tail') {
      const lastEventId = judgement.nextEventId - 1;
      const file = basename(path);
      findings.tornTail = { file, offset: endOffset, lastEventId, droppedEvents, droppedBytes };
    } else if (error !== undefined && tailCase.verdict === 'corruption') {
      await this.#reportLast(reader, judgement, error);
    } else if (error !== undefined) {
      findings.report(error);
    }
  }

  /** Every hole of the last segment that durable events are missing in, and those at its end. */
  async #reportLast(reader: SegmentReader, judgement: TailJudgement, first: WalError) {
    const { durableEventId } = judgement.claims;
    const { path } = judgement;
    const salvager = new SegmentSalvager(this.#ports.storage, reader);
    let error = first;
    for (;;) {
      const { reader: before } = salvager;
      const hole = salvager.skipHole();
      // Behind the last durable event nothing is damage.
      if (hole === undefined || hole.firstEventId > durableEventId) break;
      before.recordEnd(false);
      reportHole(this.#findings, error === first ? first : holeError(path, hole), hole);
      await this.#walk.over(salvager.reader);
      error = durableEndError(salvager.reader, durableEventId);
    }
    const { reader: last } = salvager;
    const { nextEventId } = last;
    if (nextEventId <= durableEventId) {
      last.recordEnd(false);
      this.#findings.report(error, nextEventId, durableEventId);
    } else if (error === first) {
      this.#findings.report(error);
    }
  }
}
