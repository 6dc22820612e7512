// What a run of `verify` has found so far: problems and notes, and the verdict that they come to.
import { basename, dirname, resolve } from 'node:path';
import { type ErrorCode, WalError } from '../errors.js';
import { UNREADABLE } from '../reading/read-failure.js';
import type { MissingTail, Verdict } from '../segment/verdict.js';
import type { TornTail, VerifyProblem } from './verify-report.js';

/** Problems that say that nothing can be said. */
const UNDECIDED: ReadonlySet<ErrorCode> = new Set([
  'ERR_FLASHSTRIKE_REGION_UNCERTAIN',
  'ERR_FLASHSTRIKE_RING_MISMATCH',
  'ERR_FLASHSTRIKE_UNDECIDABLE',
  'ERR_FLASHSTRIKE_UNSUPPORTED',
]);

export type DraftProblem = { -readonly [Key in keyof VerifyProblem]: VerifyProblem[Key] };

export class Findings {
  readonly problems: DraftProblem[] = [];
  readonly notes: string[] = [];
  tornTail: TornTail | undefined;
  missingTail: MissingTail | undefined;
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** @throws the error itself where it tells of a failure to read */
  report(error: unknown, firstLost?: number, lastLost?: number): DraftProblem {
    if (!(error instanceof WalError) || UNREADABLE.has(error.code)) throw error;
    const { code, message, path, offset } = error;
    const file = path === undefined || path === this.#dir ? undefined : this.#nameOf(path);
    const told = this.problems.find((each) => each.code === code && each.message === message);
    if (told !== undefined) return told;
    const unknown = { lost: undefined, firstEventId: undefined, lastEventId: undefined };
    const problem: DraftProblem = { file, offset, code, message, ...unknown };
    if (firstLost !== undefined && lastLost !== undefined) measure(problem, firstLost, lastLost);
    this.problems.push(problem);
    return problem;
  }

  /** A region stands in another folder: by its full path. */
  #nameOf(path: string): string {
    return resolve(dirname(path)) === resolve(this.#dir) ? basename(path) : path;
  }

  /** A file that is gone meanwhile is no damage. */
  noteExpired(path: string): void {
    this.notes.push(`${basename(path)} was removed while the log was being verified.`);
  }

  /** Whether there are problems, and all of this kind. */
  isOnly(code: ErrorCode): boolean {
    return this.problems.length > 0 && this.problems.every((problem) => problem.code === code);
  }

  get isSound(): boolean {
    return this.problems.length === 0;
  }

  get verdict(): Verdict {
    if (this.problems.some((problem) => !UNDECIDED.has(problem.code))) return 'corruption';
    if (this.problems.length > 0) return 'undecidable';
    if (this.missingTail !== undefined) return 'live-copy';
    return this.tornTail === undefined ? 'clean' : 'torn-tail';
  }

  /** By file, and in a file by offset. */
  sort(): void {
    this.problems.sort(byPlace);
  }
}

function byPlace(a: VerifyProblem, b: VerifyProblem): number {
  const [first, second] = [a.file ?? '', b.file ?? ''];
  if (first !== second) return first < second ? -1 : 1;
  return (a.offset ?? 0) - (b.offset ?? 0);
}

/** Writes down which events a problem costs; none where the last is before the first. */
export function measure(problem: DraftProblem, firstEventId: number, lastEventId: number): void {
  problem.lost = Math.max(0, lastEventId - firstEventId + 1);
  if (problem.lost === 0) return;
  problem.firstEventId = firstEventId;
  problem.lastEventId = lastEventId;
}
