// Axes: from a range of values to places on paper, with round numbers at the ticks.
import type { Axis } from '../harness/result.js';

export interface Scale {
  /** From 0 (the lowest) to 1. */
  place(value: number): number;
  readonly ticks: readonly number[];
}

const STEPS = [1, 2, 5, 10] as const;
const WANTED_TICKS = 5;

/** @param values finite; above 0 where the axis is logarithmic */
export function scaleOf({ isLogarithmic }: Axis, values: readonly number[]): Scale {
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  return isLogarithmic ? logarithmic(lowest, highest) : linear(highest);
}

/** From 0: a line that begins elsewhere makes small differences look large. */
function linear(highest: number): Scale {
  const rough = (highest || 1) / WANTED_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find((each) => each * power >= rough) ?? 10);
  const end = Math.ceil((highest || 1) / step) * step;
  const count = Math.round(end / step) + 1;
  return {
    place: (value) => value / end,
    ticks: Array.from({ length: count }, (_, at) => at * step),
  };
}

function logarithmic(lowest: number, highest: number): Scale {
  const from = Math.floor(Math.log10(lowest));
  const to = Math.max(from + 1, Math.ceil(Math.log10(highest)));
  return {
    place: (value) => (Math.log10(value) - from) / (to - from),
    ticks: Array.from({ length: to - from + 1 }, (_, at) => 10 ** (from + at)),
  };
}
