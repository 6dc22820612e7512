// When a log is looked at that is looked at now and then: at the same moments as all others, so
// that a thread that serves a hundred wakes twice a second and not two hundred times.

/** The next multiple of `intervalNs`. */
export const nextLookNs = (nowNs: number, intervalNs: number): number =>
  (Math.floor(nowNs / intervalNs) + 1) * intervalNs;
