// What messages about damage say at their end: which ids are lost, and what to do next.
import { dirname } from 'node:path';
import type { Verdict } from './verdict.js';

/** ` Events 3 to 5 are lost.`, to go behind a sentence; empty where the last is before the first. */
export function lostSentence(firstEventId: number, lastEventId: number): string {
  if (lastEventId < firstEventId) return '';
  return firstEventId === lastEventId
    ? ` Event ${firstEventId} is lost.`
    : ` Events ${firstEventId} to ${lastEventId} are lost.`;
}

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
