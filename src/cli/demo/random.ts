// A small deterministic generator (xoshiro128**): the same numbers for the same seed on every
// machine and Node version, since it is integer arithmetic only.

/** 32-bit numbers; allocation-free. */
export class Random {
  readonly #state = new Int32Array(4);

  constructor(seed: number) {
    // splitmix32: even neighbouring seeds start far apart, and never at all zeros.
    let word = seed | 0;
    for (let index = 0; index < 4; index += 1) {
      word = (word + 0x9e37_79b9) | 0;
      let mixed = word;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
      this.#state[index] = mixed ^ (mixed >>> 15);
    }
  }

  /** A signed 32-bit number. */
  next(): number {
    const state = this.#state;
    const s0 = state[0] ?? 0;
    const s1 = state[1] ?? 0;
    const s2 = (state[2] ?? 0) ^ s0;
    const s3 = (state[3] ?? 0) ^ s1;
    const product = Math.imul(s1, 5);
    state[1] = s1 ^ s2;
    state[0] = s0 ^ s3;
    state[2] = s2 ^ (s1 << 9);
    state[3] = (s3 << 11) | (s3 >>> 21);
    return Math.imul((product << 7) | (product >>> 25), 9);
  }

  /** A whole number in [0, end); `end` is at most 2^31. */
  below(end: number): number {
    return Math.floor(((this.next() >>> 1) / 2 ** 31) * end);
  }

  /** In [0, 1). */
  fraction(): number {
    return (this.next() >>> 0) / 2 ** 32;
  }

  /** 0 with probability 1/2, 1 with 1/4, 2 with 1/8 … 32 at most: what makes bursts and tails. */
  halvings(): number {
    return Math.clz32(this.next());
  }
}
