// A process that records into a region and is killed between two stores. Arguments: path of the
// region, offset of its telemetry in bytes, what to record, calls that end well, and how many
// stores of the next call are made before the kill.

import { mapRegion } from '../litmus/litmus-region.js';
import { PERIOD } from '../litmus/recorded-values.js';
import { callOf, type Recording } from '../litmus/recording.js';
import { watchedWords } from '../support/stopping-words.js';

const [path = '', byteOffset, recording, calls, stores] = process.argv.slice(2);
const words = new Uint32Array(mapRegion(path));
const call = callOf(recording as Recording, words, Number(byteOffset));
for (let number = 0; number < Number(calls); number++) {
  call(Math.floor(number / PERIOD), number % PERIOD);
}

let left = Number(stores);
const watched = watchedWords(words, () => {
  // The kernel ends this process before the call returns.
  if (left-- === 0) process.kill(process.pid, 'SIGKILL');
});
const last = callOf(recording as Recording, watched, Number(byteOffset));
last(Math.floor(Number(calls) / PERIOD), Number(calls) % PERIOD);
