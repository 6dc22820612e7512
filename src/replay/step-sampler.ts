// Which steps from event to event are timed: a look at the clock costs more than a step.

/** Mean distance between two steps that are timed. */
const DISTANCE_MEAN = 64;
const DISTANCE_MAX = 2 * DISTANCE_MEAN - 1;

/**
 * The first step, then one in 64, at distances from 1 to 127 as chance has it: at equal ones a log
 * with 64 events in each block would show none, or nothing but, of the steps that read a block.
 */
export class StepSampler {
  #stepsLeft = 1;
  /** Of a 32-bit xorshift generator; never 0. The same for each sampler, so that runs repeat. */
  #state = 0x2545f491;

  isDue(): boolean {
    this.#stepsLeft--;
    if (this.#stepsLeft > 0) return false;
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    this.#stepsLeft = 1 + ((state >>> 0) % DISTANCE_MAX);
    return true;
  }
}
