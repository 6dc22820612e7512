// What messages about damage say at their end: which ids are lost, and what to do next.
import { dirname } from 'node:path';
import type { MissingTail } from './live-copy.js';
import type { Verdict } from './verdict.js';

/** ` Events 3 to 5 are lost.`, to go behind a sentence; empty where the last is before the first. */
export function lostSentence(firstEventId: number, lastEventId: number): string {
  if (lastEventId < firstEventId) return '';
  return firstEventId === lastEventId
    ? ` Event ${firstEventId} is lost.`
    : ` Events ${firstEventId} to ${lastEventId} are lost.`;
}

/** ` Events 3 to 5 are in the original only.`, of what a copy lacks; empty where it tells of none. */
export const missingSentence = ({ firstEventId, lastEventId }: MissingTail): string => {
  if (lastEventId < firstEventId) return '';
  const ids =
    firstEventId === lastEventId
      ? `Event ${firstEventId} is`
      : `Events ${firstEventId} to ${lastEventId} are`;
  return ` ${ids} in the original only.`;
};

/** A word that a shell takes as it is. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** The command that gets what is left out of a log. */
export const salvageCommand = (dir: string): string =>
  `flashstrike salvage ${shellWord(dir)} --output NEW_FOLDER`;

/** What to do about a file of a log that is damaged. */
export const restoreAdvice = (path: string): string =>
  'Nothing was changed; restore the file from a copy, or salvage what is readable: ' +
  `${salvageCommand(dirname(path))}.`;

/** What to do about a verdict of `verify`. */
export function verdictAdvice(verdict: Verdict, dir: string): string {
  switch (verdict) {
    case 'clean':
      return 'Nothing to do.';
    case 'torn-tail':
      return 'Nothing to do: the next opening of the log sets the torn tail aside.';
    case 'live-copy':
      return (
        'Nothing to do: the next opening goes on behind what was copied. What is missing is in the ' +
        'original, or in a later copy of it.'
      );
    case 'corruption':
      return (
        'Nothing was changed. Keep the folder as it is, and restore the files that are named here ' +
        `from a copy. Or save what is readable: ${salvageCommand(dir)}. Replay gives every event ` +
        'before the damage.'
      );
    case 'undecidable':
      return (
        'Restore wal.meta or the file that is named here from a copy. If the last, unfinished ' +
        "write is all that can be missing, open the log with the option recovery: 'tolerate-tail'. " +
        `Or save what is readable: ${salvageCommand(dir)}.`
      );
  }
}

/** What to do about files that are not there. */
export const putBackAdvice = (dir: string): string =>
  `Put them back, or salvage what is there: ${salvageCommand(dir)}.`;

/** What to do about a folder that looks like a copy of a log that was being written. */
export const acceptCopyAdvice = (dir: string): string =>
  'If this folder is a copy of a log that was being written, and the tail is in the original: keep ' +
  `what stands behind, ${salvageCommand(dir)}, then open it with recovery: 'accept-copy'.`;

/** What to do about a copy that `strict` refuses. */
export const openCopyAdvice =
  "Copy the original again, or open with recovery: 'default' to go on without what is missing.";

/** What to do about a log that is open, by what its recovery found. */
export function openedAdvice(
  verdict: 'new' | 'clean' | 'torn-tail' | 'live-copy',
  nextEventId: number,
  hasLosses: boolean,
): string {
  if (hasLosses) {
    return (
      `The log goes on with event ${nextEventId}, and lacks what losses names: put the files back ` +
      'from a copy as soon as you can; until then each open needs this option again.'
    );
  }
  switch (verdict) {
    case 'new':
    case 'clean':
      return 'Nothing to do.';
    case 'torn-tail':
      return `Nothing to do: the log goes on with event ${nextEventId} in a new segment.`;
    case 'live-copy':
      return (
        `The log goes on as one of its own, with event ${nextEventId}. Where the rest is needed, copy ` +
        'the original again.'
      );
  }
}
