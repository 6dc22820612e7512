// Numbers as people read them: four significant digits at most, no space before the unit, so that a
// row splits at its spaces.

const TIMES = ['ns', 'µs', 'ms', 's'] as const;
const RATES = ['/s', 'k/s', 'M/s', 'G/s'] as const;

/**
 * `value` in the first unit, each a thousand of the one before, in which it is below 1000 once it
 * is rounded: 999.97 ns come out as 1µs, and not as 1000ns. In the last unit there is no limit.
 */
function scaled(value: number, units: readonly string[]): string {
  let text = '';
  let inUnit = value;
  for (const unit of units) {
    const rounded = Number(inUnit.toPrecision(4));
    text = `${rounded < 1000 ? rounded : Math.round(inUnit)}${unit}`;
    if (rounded < 1000) break;
    inUnit /= 1000;
  }
  return text;
}

/** `1.5µs`, `203.7ms`, `0ns`. */
export const formatNs = (ns: number): string => scaled(ns, TIMES);

/** `12.5M/s`. */
export const formatRate = (perSecond: number): string => scaled(perSecond, RATES);
