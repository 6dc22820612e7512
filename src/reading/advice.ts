// How messages about damage end: which ids are lost, and what to do next.
import { dirname } from 'node:path';
import type { MissingTail, Verdict } from '../segment/verdict.js';

/**
 * ` Events 3 to 5 are lost.`, to follow a sentence; empty where the last is before the first.
 */
export function lostSentence(firstEventId: number, lastEventId: number): string {
  if (lastEventId < firstEventId) return '';
  return firstEventId === lastEventId
    ? ` Event ${firstEventId} is lost.`
    : ` Events ${firstEventId} to ${lastEventId} are lost.`;
}

/**
 * ` Events 3 to 5 are only in the original.`, for what a copy lacks; empty where no id is known.
 */
export const missingSentence = ({ firstEventId, lastEventId }: MissingTail): string => {
  if (lastEventId < firstEventId) return '';
  const ids =
    firstEventId === lastEventId
      ? `Event ${firstEventId} is`
      : `Events ${firstEventId} to ${lastEventId} are`;
  return ` ${ids} only in the original.`;
};

/** A word that a shell takes as it is. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** The command that gets what is left out of a log. */
const salvageCommand = (dir: string): string =>
  `${ADVICE_WORDS.salvage} ${shellWord(dir)} --output NEW_FOLDER`;

/**
 * Every piece of advice about the files of a log, by the words that identify it. All advice is in
 * this file, and a test follows each piece: none may cost an event that can still be read.
 */
export const ADVICE_WORDS = {
  nothing: 'Nothing to do',
  restore: 'Nothing was changed; restore the file from a backup',
  restoreNamed: 'restore the files named here from a backup',
  restoreMeta: 'Restore wal.meta, or the file named here, from a backup',
  putBack: 'Put them back',
  renameBack: 'Rename each segment back to its own name',
  ownFile: 'Move it back to its own log',
  ownMeta: 'Put the wal.meta of this log back',
  metaBack: 'Put wal.meta back',
  beginAnew: "start an empty log with recovery: 'tolerate-tail'",
  withoutTail: "Open with recovery: 'default' to continue without them",
  withoutRing: "oldRing: 'leave' to continue without the ring, which is kept",
  acceptLoss: "To continue without what is lost, open with recovery: 'accept-loss'",
  acceptCopy: 'If this folder is a copy of a log that was being written',
  openCopy: 'Copy the original again',
  copyOpened: 'The log continues as a log in its own right',
  lossOpened: 'restore the files from a backup as soon as you can',
  salvage: 'flashstrike salvage',
} as const;

const WORDS = ADVICE_WORDS;

/** What to do about a file of a log that is damaged. */
export const restoreAdvice = (path: string): string =>
  `${WORDS.restore}, or salvage what is readable: ${salvageCommand(dirname(path))}.`;

/** What to do about a verdict of `verify`. */
export function verdictAdvice(verdict: Verdict, dir: string): string {
  switch (verdict) {
    case 'clean':
      return `${WORDS.nothing}.`;
    case 'torn-tail':
      return `${WORDS.nothing}: the next open sets the torn tail aside.`;
    case 'live-copy':
      return (
        `${WORDS.nothing}: the next open continues after the last event that was copied. What is ` +
        'missing is in the original, or in a later copy of it.'
      );
    case 'corruption':
      return (
        `Nothing was changed. Keep the folder as it is, and ${WORDS.restoreNamed}. Or salvage ` +
        `what is readable: ${salvageCommand(dir)}. Replay returns every event before the damage.`
      );
    case 'undecidable':
      return (
        `${WORDS.restoreMeta}. If only the last, unfinished write can be missing, open the log ` +
        `with the option recovery: 'tolerate-tail'. Or salvage what is readable: ` +
        `${salvageCommand(dir)}.`
      );
  }
}

/** What to do about files of a version, or with a feature, that this one does not know. */
export const newerVersionAdvice = 'Use the version that wrote it, or a newer one.';

/** What to do about files that are not there. */
export const putBackAdvice = (dir: string): string =>
  `${WORDS.putBack}, or salvage what is there: ${salvageCommand(dir)}.`;

/** What to do about a segment under the name of another one. */
export const renameBackAdvice = (path: string): string =>
  `${WORDS.renameBack}, or salvage what is readable: ${salvageCommand(dirname(path))}.`;

/** What to do about a segment of another log, which may need it. */
export const ownFileAdvice = (path: string): string =>
  `${WORDS.ownFile}, and restore this log's file of that name from a backup, or salvage what is ` +
  `readable: ${salvageCommand(dirname(path))}.`;

/** What to do about a wal.meta of another log. */
export const ownMetaAdvice = (dir: string): string =>
  `${WORDS.ownMeta}, or salvage what is readable: ${salvageCommand(dir)}.`;

/** What to do where nothing shows whether events are missing after the last one. */
export const metaBackAdvice = (nextEventId: number): string =>
  `${WORDS.metaBack}, or open with recovery: 'tolerate-tail' to continue from here with event ` +
  `${nextEventId}.`;

/** What to do about a log that has lost all its files. */
export const beginAnewAdvice = `Put the files back, or ${WORDS.beginAnew}.`;

/** What to do about a torn tail that `strict` refuses. */
export const withoutTailAdvice = (dir: string): string =>
  `${WORDS.withoutTail}; to keep the complete events in them, first run ${salvageCommand(dir)}.`;

const openWithoutRing = `open with ${WORDS.withoutRing}`;
/** What to do about a ring that cannot follow the files. */
export const withoutRingAdvice = `Put the missing files back, or ${openWithoutRing}.`;

/** How to append to a log that lacks segments. */
export const acceptLossAdvice = `${WORDS.acceptLoss}.`;

/** What to do about a folder that looks like a copy of a log that was being written. */
export const acceptCopyAdvice = (dir: string): string =>
  `${WORDS.acceptCopy}, the original has the missing events: salvage what comes after this ` +
  `point (${salvageCommand(dir)}), then open with recovery: 'accept-copy'.`;

/** What to do about a copy that `strict` refuses. */
export const openCopyAdvice = (dir: string): string =>
  `${WORDS.openCopy}, or salvage what comes after this point (${salvageCommand(dir)}), then ` +
  "open with recovery: 'default' to continue without what is missing.";

/** What to do about a log that is open, by what its recovery found. */
export function openedAdvice(
  verdict: 'new' | 'clean' | 'torn-tail' | 'live-copy',
  nextEventId: number,
  hasLosses: boolean,
): string {
  if (hasLosses) {
    return (
      `The log continues with event ${nextEventId}, without what losses lists: ` +
      `${WORDS.lossOpened}; until then every open needs this option.`
    );
  }
  switch (verdict) {
    case 'new':
    case 'clean':
      return `${WORDS.nothing}.`;
    case 'torn-tail':
      return `${WORDS.nothing}: the log continues with event ${nextEventId} in a new segment.`;
    case 'live-copy':
      return (
        `${WORDS.copyOpened}, with event ${nextEventId}. If you need the missing events, copy ` +
        'the original again.'
      );
  }
}
