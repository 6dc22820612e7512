// Finds where reading begins, among places of which some cannot be read.

/** Whether a place lies behind what is looked for; undefined: what stands there cannot be read. */
export type IsBehind = (place: number) => boolean | undefined;

interface Found {
  /** The last place that is known not to lie behind it; undefined: none is. */
  readonly last: number | undefined;
  /** The first one that is known to lie behind it, among those that were looked at. */
  readonly firstBehind: number | undefined;
}

/**
 * @param places ascending; what lies behind what is behind is behind as well. One that cannot be
 * read is passed over: behind `last` whoever reads on meets it.
 */
export function searchPlaces(places: readonly number[], isBehind: IsBehind): Found {
  let low = 0;
  let high = places.length - 1;
  let last: number | undefined;
  let firstBehind: number | undefined;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const probe = readableAt(places, low, middle, isBehind);
    if (probe?.answer === true) {
      firstBehind = probe.place;
      high = probe.at - 1;
    } else {
      if (probe !== undefined) last = probe.place;
      low = middle + 1;
    }
  }
  return { last, firstBehind };
}

/** The last place from position `low` to `position` that can be read. */
function readableAt(places: readonly number[], low: number, position: number, isBehind: IsBehind) {
  for (let at = position; at >= low; at--) {
    const place = places[at] ?? 0;
    const answer = isBehind(place);
    if (answer !== undefined) return { at, place, answer };
  }
  return undefined;
}
