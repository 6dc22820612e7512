/** A small seeded generator: rounds are repeatable as far as the kernel's timing allows. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One of `choices`. */
export const pick = <Value>(random: () => number, choices: readonly Value[]): Value =>
  choices[Math.floor(random() * choices.length)] as Value;
