// The part of a note that most groups share: a duration and its histogram.
import { addClockStep, addDropped, addSample } from './duration64.js';
import { NoteKind } from './journal.js';
import { addToHistogram } from './latency-histogram.js';

/**
 * Adds a note's time to the duration64 (or operation64) at word `duration` and to the histogram at
 * word `histogram`; false when the note holds no time. Within a checkpoint.
 */
export function addTimedNote(
  words: Uint32Array,
  duration: number,
  histogram: number,
  kind: number,
  low: number,
  high: number,
): boolean {
  if (kind === NoteKind.dropped) {
    addDropped(words, duration);
    return false;
  }
  if (kind === NoteKind.clockStep) addClockStep(words, duration);
  addSample(words, duration, low, high);
  addToHistogram(words, histogram, low, high);
  return true;
}
