// The table of recovery: what the end of the last segment means. E is the first position that does
// not validate, s the id that is expected there, D the highest id that anyone calls durable.
// Every combination of the facts is exactly one labelled case, and a test runs them all.

/**
 * What the end of a log means.
 * - `clean`: nothing is missing
 * - `torn-tail`: the last write was torn by a crash; nothing durable is missing
 * - `live-copy`: the folder is a copy of a log that was being written, and lacks its last events
 * - `corruption`: durable events are damaged or missing
 * - `undecidable`: nothing shows whether durable events are missing
 */
export type Verdict = 'clean' | 'torn-tail' | 'live-copy' | 'corruption' | 'undecidable';

/** The events that a copy lacks and its original has, both ends included. */
export interface MissingTail {
  /** The first one. */
  readonly firstEventId: number;
  /** firstEventId - 1 if the copy does not show how many are missing. */
  readonly lastEventId: number;
}

/**
 * What lies after E. `nothing`: zeros to the end, or, in a recycled body, nothing that validates
 * under this segment's salt. `blocks`: at least one header that validates. `seal`: one of them is
 * of a seal, so that a later segment may have existed. `bytes`: anything else.
 */
export type Behind = 'nothing' | 'bytes' | 'blocks' | 'seal';

export interface TailFacts {
  readonly behind: Behind;
  /** D >= s: an event that is not readable here was durable. */
  readonly durableLost: boolean;
  /** A later segment is known to have existed (meta names it, or a later file stands there). */
  readonly laterSegment: boolean;
  /** The valid prefix ends with a seal that is true of it. */
  readonly sealed: boolean;
  /** Anything tells what was durable: wal.meta, the shared region, a valid block of the segment. */
  readonly witnessed: boolean;
  /** Anything outside of the segment does: wal.meta, the shared region. */
  readonly vouched: boolean;
  /** The folder is a copy of a log, and what is missing here has the shape that copying leaves. */
  readonly copied: boolean;
}

export interface TailCase {
  readonly label: string;
  /** The combinations that the case covers; a fact that is not named may be anything. */
  readonly facts: { readonly [Fact in keyof TailFacts]?: readonly TailFacts[Fact][] };
  readonly verdict: Verdict;
  readonly prose: string;
}

const DURABLE_LOST = { laterSegment: [false], durableLost: [true], copied: [false] } as const;
const SOUND = { laterSegment: [false], durableLost: [false] } as const;

export const TAIL_CASES: readonly TailCase[] = [
  {
    label: 'a later segment is missing',
    facts: { laterSegment: [true], copied: [false] },
    verdict: 'corruption',
    prose: 'A later segment existed, but the one that follows here is missing.',
  },
  {
    label: 'a copy that lacks later segments',
    facts: { laterSegment: [true], copied: [true] },
    verdict: 'live-copy',
    prose: 'The folder is a copy of a log that was being written, and lacks its last segments.',
  },
  {
    label: 'a copy that lacks a tail',
    facts: { laterSegment: [false], durableLost: [true], copied: [true] },
    verdict: 'live-copy',
    prose: 'The folder is a copy of a log that was being written, and lacks its last events.',
  },
  {
    label: 'durable events after a seal are missing',
    facts: { ...DURABLE_LOST, sealed: [true] },
    verdict: 'corruption',
    prose: 'The segment is finished, later events were durable, but their segment is missing.',
  },
  {
    label: 'durable events are missing',
    facts: { ...DURABLE_LOST, sealed: [false], behind: ['nothing'] },
    verdict: 'corruption',
    prose: 'Events that were durable are missing: nothing is written where they were.',
  },
  {
    label: 'durable events are damaged',
    facts: { ...DURABLE_LOST, sealed: [false], behind: ['bytes', 'blocks', 'seal'] },
    verdict: 'corruption',
    prose: 'Events that were durable are damaged.',
  },
  {
    label: 'sealed, next segment not yet published',
    facts: { ...SOUND, sealed: [true], behind: ['nothing'], vouched: [true] },
    verdict: 'clean',
    prose: 'The segment is finished; the process crashed before it published the next one.',
  },
  {
    label: 'bytes after a seal',
    facts: { ...SOUND, sealed: [true], behind: ['bytes', 'blocks', 'seal'], vouched: [true] },
    verdict: 'torn-tail',
    prose: 'After the seal there are bytes that were never reported durable.',
  },
  {
    label: 'sealed, and nothing shows whether there was a next segment',
    facts: { ...SOUND, sealed: [true], vouched: [false] },
    verdict: 'undecidable',
    prose:
      'The segment is finished; wal.meta, which would show whether there was a next one, is ' +
      'unusable.',
  },
  {
    label: 'ends with its last event',
    facts: { ...SOUND, sealed: [false], behind: ['nothing'], witnessed: [true] },
    verdict: 'clean',
    prose: 'The log ends with its last event.',
  },
  {
    label: 'empty, and nothing shows whether it had durable events',
    facts: { ...SOUND, sealed: [false], behind: ['nothing'], witnessed: [false] },
    verdict: 'undecidable',
    prose:
      'The segment is empty, and wal.meta, which would show whether it had events, is unusable.',
  },
  {
    label: 'torn write',
    facts: { ...SOUND, sealed: [false], behind: ['bytes'], witnessed: [true] },
    verdict: 'torn-tail',
    prose: 'The last write was torn by a crash; it was never reported durable.',
  },
  {
    label: 'blocks after a hole',
    facts: { ...SOUND, sealed: [false], behind: ['blocks'] },
    verdict: 'torn-tail',
    prose: 'Later writes reached the disk before an earlier one, which was never reported durable.',
  },
  {
    label: 'a seal that does not close the segment',
    facts: { ...SOUND, sealed: [false], behind: ['seal'], vouched: [true] },
    verdict: 'torn-tail',
    prose:
      'The seal, or a block before it, is torn, or the seal contradicts the blocks; nothing that ' +
      'was reported durable is missing.',
  },
  {
    label: 'a seal that does not close the segment, and nothing shows whether there was a next one',
    facts: { ...SOUND, sealed: [false], behind: ['seal'], vouched: [false] },
    verdict: 'undecidable',
    prose:
      'The seal, or a block before it, is torn, or the seal contradicts the blocks; wal.meta, ' +
      'which would show whether there was a next segment, is unusable.',
  },
  {
    label: 'unreadable, and nothing shows whether it had durable events',
    facts: { ...SOUND, sealed: [false], behind: ['bytes'], witnessed: [false] },
    verdict: 'undecidable',
    prose: 'No block of the segment is valid, and wal.meta, which would show more, is unusable.',
  },
];

const FACT_NAMES = [
  'behind',
  'durableLost',
  'laterSegment',
  'sealed',
  'witnessed',
  'vouched',
  'copied',
] as const satisfies readonly (keyof TailFacts)[];

const covers = (tailCase: TailCase, facts: TailFacts): boolean =>
  FACT_NAMES.every((name) => {
    const allowed: readonly unknown[] | undefined = tailCase.facts[name];
    return allowed === undefined || allowed.includes(facts[name]);
  });

/** The cases that cover `facts`: exactly one. */
export const casesOf = (facts: TailFacts): readonly TailCase[] =>
  TAIL_CASES.filter((tailCase) => covers(tailCase, facts));

/** The verdict on the end of a log. */
export function judge(facts: TailFacts): TailCase {
  const [tailCase] = casesOf(facts);
  if (tailCase === undefined) throw new RangeError(`no case for ${JSON.stringify(facts)}`);
  return tailCase;
}
