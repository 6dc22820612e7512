// Many cases, each from its own seed. The first that fails ends the campaign, with what was done to
// the log and the command that repeats it. Cases are not steered by coverage: their fields and
// values come from the layouts themselves, and what the readers say of them is counted instead,
// word by word.
import { FuzzCase, type FuzzResult } from './fuzz-case.js';
import { specimens } from './specimen.js';
import { Watchdog } from './watchdog.js';

const REPEAT = 'Repeat it with: npm run soak -- fuzz --rounds 1 --seed ';

export interface FuzzTotals {
  cases: number;
  forged: number;
  opened: number;
  eventsChecked: number;
  /** Different things that were said of damage, numbers left out. */
  sayings: Set<string>;
}

/** @param onCase called behind each, with the totals so far */
export async function fuzz(
  firstSeed: number,
  cases: number,
  onCase: (totals: FuzzTotals) => void = () => {},
): Promise<FuzzTotals> {
  const sound = specimens();
  const totals: FuzzTotals = {
    cases: 0,
    forged: 0,
    opened: 0,
    eventsChecked: 0,
    sayings: new Set(),
  };
  const watchdog = new Watchdog(REPEAT);
  try {
    for (let seed = firstSeed; seed < firstSeed + cases; seed++) {
      watchdog.begin(seed);
      const fuzzCase = new FuzzCase(seed, sound);
      let result: FuzzResult;
      try {
        result = await fuzzCase.run();
      } catch (cause) {
        const message =
          `The case of seed ${seed} fails: ${cause}\n  ${fuzzCase.trace.join('\n  ')}\n` +
          `${REPEAT}${seed}`;
        throw new Error(message, { cause });
      }
      totals.cases++;
      totals.forged += result.forged;
      totals.opened += result.opened;
      totals.eventsChecked += result.eventsChecked;
      for (const saying of result.sayings) totals.sayings.add(saying);
      onCase(totals);
    }
  } finally {
    await watchdog.end();
  }
  return totals;
}
