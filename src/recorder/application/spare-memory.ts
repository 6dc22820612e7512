// Shared buffers of portable rings whose logs are closed, for the next log to use. A thread that
// has served a log keeps a reference until its collector runs, and V8 does not count shared memory
// towards that: threads that live on would keep the ring of each log that they have ever served.

const spares = new Map<number, SharedArrayBuffer[]>();

/** A buffer that nobody uses any more, of a ring of this size. */
export const takeSpare = (ringBytes: number): SharedArrayBuffer | undefined =>
  spares.get(ringBytes)?.pop();

/** No thread touches it any more. */
export function keepSpare(ringBytes: number, buffer: SharedArrayBuffer | undefined): void {
  if (buffer === undefined) return;
  const kept = spares.get(ringBytes) ?? [];
  spares.set(ringBytes, [...kept, buffer]);
}

/** The threads that had references have ended. */
export const dropSpares = (): void => spares.clear();
