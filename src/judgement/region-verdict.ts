// The table of regions: what an opening does with a shared region that may be its log's. Every
// combination of the facts is exactly one labelled case, and a test runs them all.

/**
 * `ours`: made in this folder, by this user. `another`: the folder that it was made in is another
 * one and stands where it stood. `uncertain`: neither can be proven.
 */
export type Whose = 'ours' | 'another' | 'uncertain';

/** What an opening is to do with a region that is uncertain: the option `oldRing`. */
export type OldRingChoice = 'refuse' | 'take' | 'leave';

interface RegionFacts {
  readonly whose: Whose;
  /** A process holds its lock. */
  readonly isAlive: boolean;
  /** Whether it holds events that the files lack; `unreadable` where this process cannot tell. */
  readonly content: 'nothing' | 'events' | 'unreadable';
  /** The log was not closed cleanly, and no region that is ours is there in this one's place. */
  readonly isMissed: boolean;
  readonly choice: OldRingChoice;
}

type RegionVerdict = 'take' | 'note' | 'locked' | 'refuse';

interface RegionCase {
  readonly label: string;
  /** The combinations that the case covers; a fact that is not named may be anything. */
  readonly facts: { readonly [Fact in keyof RegionFacts]?: readonly RegionFacts[Fact][] };
  readonly verdict: RegionVerdict;
}

const DOUBT = { whose: ['uncertain'], isAlive: [false] } as const;
const LACKED = { content: ['events', 'unreadable'] } as const;

export const REGION_CASES: readonly RegionCase[] = [
  {
    label: 'the log is open elsewhere',
    facts: { whose: ['ours'], isAlive: [true] },
    verdict: 'locked',
  },
  {
    label: 'left behind by an opening of this log',
    facts: { whose: ['ours'], isAlive: [false] },
    verdict: 'take',
  },
  {
    label: 'it belongs to the folder that this one was copied from, or to a copy',
    facts: { whose: ['another'] },
    verdict: 'note',
  },
  {
    label: 'in use, and it may belong to this log',
    facts: { whose: ['uncertain'], isAlive: [true], choice: ['refuse', 'take'] },
    verdict: 'locked',
  },
  {
    label: 'in use, and said to belong to another folder',
    facts: { whose: ['uncertain'], isAlive: [true], choice: ['leave'] },
    verdict: 'note',
  },
  {
    label: 'it may be ours, and the files have all its events',
    facts: { ...DOUBT, content: ['nothing'] },
    verdict: 'note',
  },
  {
    label: 'nothing suggests that the log lost one',
    facts: { ...DOUBT, ...LACKED, isMissed: [false] },
    verdict: 'note',
  },
  {
    label: 'it may be ours, and nobody has chosen',
    facts: { ...DOUBT, ...LACKED, isMissed: [true], choice: ['refuse'] },
    verdict: 'refuse',
  },
  {
    label: 'to be taken',
    facts: { ...DOUBT, content: ['events'], isMissed: [true], choice: ['take'] },
    verdict: 'take',
  },
  {
    label: 'to be taken, and not readable',
    facts: { ...DOUBT, content: ['unreadable'], isMissed: [true], choice: ['take'] },
    verdict: 'refuse',
  },
  {
    label: 'to be left',
    facts: { ...DOUBT, ...LACKED, isMissed: [true], choice: ['leave'] },
    verdict: 'note',
  },
];

const FACT_NAMES = [
  'whose',
  'isAlive',
  'content',
  'isMissed',
  'choice',
] as const satisfies readonly (keyof RegionFacts)[];

const covers = (regionCase: RegionCase, facts: RegionFacts): boolean =>
  FACT_NAMES.every((name) => {
    const allowed: readonly unknown[] | undefined = regionCase.facts[name];
    return allowed === undefined || allowed.includes(facts[name]);
  });

/** The cases that cover `facts`: exactly one. */
export const regionCasesOf = (facts: RegionFacts): readonly RegionCase[] =>
  REGION_CASES.filter((regionCase) => covers(regionCase, facts));

/** The verdict on a region. */
export function judgeRegion(facts: RegionFacts): RegionVerdict {
  const [regionCase] = regionCasesOf(facts);
  if (regionCase === undefined) throw new RangeError(`no case for ${JSON.stringify(facts)}`);
  return regionCase.verdict;
}
