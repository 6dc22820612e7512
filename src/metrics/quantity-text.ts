// Numbers as people read them: four significant digits at most, no space before the unit, so that a
// row splits at its spaces.

const SCALES: readonly (readonly [number, string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

const significant = (value: number): string =>
  value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(4)));

/** `1.5µs`, `203.7ms`, `0ns`; whole nanoseconds below a microsecond. */
export function formatNs(ns: number): string {
  if (ns < 1e3) return `${Number.isInteger(ns) ? ns : ns.toFixed(1)}ns`;
  // 999,999.7 ns must not come out as 1000µs.
  const [scale, unit] = SCALES.find(([from]) => ns >= from * 0.999_95) ?? [1, 'ns'];
  return `${significant(ns / scale)}${unit}`;
}

/** `12.5M/s`. */
export function formatRate(perSecond: number): string {
  for (const [scale, unit] of [
    [1e9, 'G/s'],
    [1e6, 'M/s'],
    [1e3, 'k/s'],
  ] as const) {
    if (perSecond >= scale * 0.999_95) return `${significant(perSecond / scale)}${unit}`;
  }
  return `${significant(perSecond)}/s`;
}
