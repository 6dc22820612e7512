// An application that sleeps in its own code while an event is waited for that is durable already:
// its event loop does not turn, so it does not hear of it.
import { rmSync, writeFileSync } from 'node:fs';

/**
 * A script that does so once it is told, until `release`, and ends once it is told again. Tried
 * until the promise is found pending; the commit is done long before the loop turns.
 */
export const SLEEPS_IN_ITS_CODE = `
import { existsSync } from 'node:fs';
const wal = await Wal.open(directory, options);
await wal.durable(wal.append(Buffer.alloc(1000)));
tell('ready');
await told();
for (let isLate = false; !isLate; ) {
  let isSettled = false;
  const pending = wal.durable(wal.append(Buffer.alloc(1000))).then(() => { isSettled = true; });
  await new Promise(setImmediate);
  isLate = !isSettled;
  // Not by spinning: on a busy machine that would lack a processor.
  while (isLate && !existsSync(directory + '-released')) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
  await pending;
}
await told();
await wal.close();
`;

/** Lets it go on. */
export function release(context: { after(hook: () => void): void }, directory: string): void {
  const file = `${directory}-released`;
  context.after(() => rmSync(file, { force: true }));
  writeFileSync(file, '');
}
