// What one history is like, drawn from its seed: each is strong in a few things and leaves out
// others, so that many histories together meet what a middling one never would.
import type { Random } from '../../src/cli/demo/random.js';
import type { WalOptions } from '../../src/index.js';
import { KIB } from '../../src/units.js';
import type { Disturbance } from './simulated-kernel.js';
import type { Crash } from './subject.js';

export type Actor =
  | 'append'
  | 'writer'
  | 'preparer'
  | 'recycler'
  | 'housekeeping'
  | 'durable'
  | 'clock'
  | 'reader'
  | 'verifier'
  | 'space'
  | 'maintainer'
  | 'deletion'
  | 'consumer';

/** What takes its step in the middle of another one's call as well. */
export type Thread = Exclude<Actor, 'verifier' | 'consumer'>;

export const isThread = (actor: Actor): actor is Thread =>
  actor !== 'verifier' && actor !== 'consumer';

export type Ending = Crash | 'close';

export interface Profile {
  readonly options: WalOptions;
  /** How often a history is opened, at most. */
  readonly lives: number;
  /** Steps of a life, at most. */
  readonly steps: number;
  readonly weights: readonly (readonly [Actor, number])[];
  readonly endings: readonly (readonly [Ending, number])[];
  readonly disturbance: Disturbance;
  /** In 100 lives: the process ends in the middle of a call, and not between two. */
  readonly endsInCall: number;
  /** In 100 openings: the process ends while it recovers. */
  readonly endsInRecovery: number;
  /** In 100 openings: calls may fail. */
  readonly faultsInRecovery: number;
  /** A full disk refuses a part of what is overwritten, too. */
  readonly copiesOnWrite: boolean;
  /** In 100 times between two lives: the medium is damaged, on a copy. */
  readonly damages: number;
  /** In 100 payloads: small ones, and medium ones; the rest is large. */
  readonly smallPayloads: number;
  readonly mediumPayloads: number;
}

export function pick<Choice>(random: Random, choices: readonly Choice[]): Choice {
  return choices[random.below(choices.length)] as Choice;
}

export function weighted<Choice>(
  random: Random,
  choices: readonly (readonly [Choice, number])[],
): Choice {
  let left = random.below(choices.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [choice, weight] of choices) {
    if (left < weight) return choice;
    left -= weight;
  }
  throw new RangeError('nothing to choose from');
}

/** What a history is mostly about; a fifth of all seeds each. */
export const FAMILIES = ['crashes', 'faults', 'damage', 'readers', 'maintained'] as const;
export type Family = (typeof FAMILIES)[number];

export const familyOf = (seed: number): Family => FAMILIES[seed % FAMILIES.length] ?? 'crashes';

export function drawProfile(random: Random, family: Family): Profile {
  const profile = drawCommon(random, family);
  return family === 'maintained' ? maintained(random, profile) : profile;
}

/** Segments are finished one after the other, and the log keeps few of them, or small ones. */
function maintained(random: Random, profile: Profile): Profile {
  const often = (odds: number, value: number): number => (random.below(odds) === 0 ? value : 0);
  return {
    ...profile,
    options: {
      ...profile.options,
      segmentBytes: pick(random, [64, 64, 68, 128]) * KIB,
      retention: pick(random, [
        { segments: 1 + random.below(4) },
        { segments: 1 + random.below(4) },
        { bytes: (2 + random.below(6)) * 64 * KIB },
        { ageMs: 1 + random.below(20_000) },
        { segments: 2 + random.below(4), bytes: (3 + random.below(6)) * 64 * KIB },
      ]),
      compression: pick(random, ['lz4', 'lz4', 'none'] as const),
      hotSegments: random.below(3),
      verify: pick(random, ['tail', 'tail', 'background'] as const),
    },
    steps: 40 + random.below(300),
    weights: [
      ...profile.weights.filter(([actor]) => !UPKEEP.has(actor)),
      ['reader', often(3, 2)],
      ['verifier', often(3, 1)],
      ['space', often(3, 3)],
      ['maintainer', 10 + random.below(60)],
      ['deletion', often(2, 2)],
      ['consumer', often(2, 1 + random.below(10))],
    ],
    disturbance: {
      faults: pick(random, [0, 0, 1, 5, 20]),
      switches: profile.disturbance.switches,
    },
    faultsInRecovery: often(4, 60),
    smallPayloads: pick(random, [5, 20, 60]),
  };
}

const UPKEEP: ReadonlySet<Actor> = new Set(['reader', 'verifier', 'space']);

function drawCommon(random: Random, family: Family): Profile {
  const often = (odds: number, value: number): number => (random.below(odds) === 0 ? value : 0);
  const preallocate = pick(random, ['zero', 'recycle', 'recycle', 'allocate'] as const);
  return {
    options: {
      // From 256 KiB on segments grow: a log begins with one that is smaller than its limit.
      segmentBytes: pick(random, [64, 64, 64, 68, 128, 320, 512, 2048]) * KIB,
      ringBytes: 64 * KIB,
      preparedSegments: pick(random, [1, 2, 4]),
      preallocate,
      sync: {
        mode: pick(random, ['interval', 'every-block', 'manual'] as const),
        intervalMs: pick(random, [1, 10, 100]),
      },
      sharedMemory: pick(random, ['required', 'required', 'required', 'auto', 'off'] as const),
    },
    lives: 1 + random.below(4),
    steps: 10 + random.below(110),
    weights: [
      ['append', 10 + random.below(60)],
      ['writer', 5 + random.below(40)],
      ['preparer', 1 + random.below(20)],
      ['recycler', preallocate === 'recycle' ? 2 + random.below(10) : 0],
      ['housekeeping', 1 + random.below(10)],
      ['durable', random.below(15)],
      ['clock', random.below(8)],
      ['reader', family === 'readers' ? 1 + random.below(4) : 0],
      ['verifier', family === 'readers' ? often(2, 1) : 0],
      ['space', family === 'faults' || family === 'readers' ? often(3, 3) : 0],
    ],
    endings: [
      ['kill', 1 + random.below(4)],
      ['power', 1 + random.below(4)],
      ['close', 1 + random.below(2)],
      ['kill-without-region', often(3, 1)],
      ['kill-and-drop-caches', often(3, 2)],
    ],
    disturbance: {
      faults: family === 'faults' ? pick(random, [1, 5, 20, 60]) : 0,
      switches: pick(random, [0, 20, 100, 300]),
    },
    endsInCall: pick(random, [0, 50, 100]),
    endsInRecovery: pick(random, [0, 25, 60]),
    faultsInRecovery: family === 'faults' ? often(2, 60) : 0,
    copiesOnWrite: random.below(2) === 0,
    damages: family === 'damage' ? 80 : 0,
    smallPayloads: pick(random, [20, 80, 95]),
    mediumPayloads: pick(random, [0, 5, 50]),
  };
}
