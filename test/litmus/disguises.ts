// What a reader would be without one of its protections: the same code over a source that lies.
import type { MetricGroup } from '../../src/metrics/catalogue.js';
import { HEAD } from '../../src/metrics/journal.js';
import type { MetricSource } from '../../src/metrics/snapshot.js';

/** Without the counters at both ends: whatever was copied looks whole. */
export const withoutCounters =
  ({ at, begunAt }: MetricGroup) =>
  (source: MetricSource): MetricSource => ({
    load: (word) => source.load(word),
    copy: (word, count, target, targetAt) => {
      source.copy(word, count, target, targetAt);
      if (word === at) target[targetAt + begunAt - at] = target[targetAt] as number;
    },
  });

/**
 * A reader that is held up in front of the notes, for a few hundred notes of the writer.
 * @param looks that it takes meanwhile
 * @param isBlind it does not look at the head again
 */
export const heldUp =
  ({ journalAt = 0 }: MetricGroup, pauseLooks: number, isBlind: boolean) =>
  (source: MetricSource): MetricSource => {
    let looks = 0;
    let head = 0;
    return {
      load(word) {
        if (word !== journalAt + HEAD) return source.load(word);
        looks++;
        if (looks % 2 === 1) {
          head = source.load(word);
          for (let look = 0; look < pauseLooks; look++) source.load(word);
          return head;
        }
        return isBlind ? head : source.load(word);
      },
      copy(word, count, target, targetAt) {
        if (word < journalAt) looks = 0;
        source.copy(word, count, target, targetAt);
      },
    };
  };
