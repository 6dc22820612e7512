// A short life with everything in it: a new log, commits, a batch, two rolls, an idle moment that
// flushes meta, a clean close, a second opening that rolls again. Every test here cuts it short
// somewhere, in another way.
import { Random } from '../../src/cli/demo/random.js';
import { KIB } from '../../src/units.js';
import { Machine } from '../simulation/machine.js';
import { Subject } from '../simulation/subject.js';

/** Two of these do not fit into one segment. */
const LARGE_BYTES = 15 * KIB;

export const subjectOf = (seed: number): Subject =>
  new Subject(new Machine(new Random(seed)), { sharedMemory: 'required' });

export function live(subject: Subject): void {
  subject.open();
  commit(subject, [40]);
  commit(subject, [300, 0, 5]);
  write(subject, [LARGE_BYTES]);
  commit(subject, [LARGE_BYTES]);
  write(subject, [LARGE_BYTES]);
  // Idle for so long that meta is flushed.
  subject.log.clock.advanceMs(1500);
  subject.log.settle();
  write(subject, [100]);
  subject.append([7]);
  const refusal = subject.close();
  if (refusal !== undefined) throw refusal;
  subject.open();
  commit(subject, [50]);
  write(subject, [LARGE_BYTES]);
  subject.append([9, 9]);
}

function write(subject: Subject, payloadBytes: readonly number[]): void {
  subject.append(payloadBytes);
  subject.log.settle();
}

function commit(subject: Subject, payloadBytes: readonly number[]): void {
  subject.append(payloadBytes);
  subject.log.commit();
  subject.observe();
}

/** Runs `action`; the error that ended it, undefined when it came to its end. */
export function errorOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error ?? new Error('nothing was thrown');
  }
}
