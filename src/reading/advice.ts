// What messages about damage say at their end: which ids are lost, and what to do next.
import { dirname } from 'node:path';
import type { MissingTail, Verdict } from '../segment/verdict.js';

/**
 * ` Events 3 to 5 are lost.`, to go behind a sentence; empty where the last is before the first.
 */
export function lostSentence(firstEventId: number, lastEventId: number): string {
  if (lastEventId < firstEventId) return '';
  return firstEventId === lastEventId
    ? ` Event ${firstEventId} is lost.`
    : ` Events ${firstEventId} to ${lastEventId} are lost.`;
}

/**
 * ` Events 3 to 5 are in the original only.`, of what a copy lacks; empty where it tells of none.
 */
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
const salvageCommand = (dir: string): string =>
  `${ADVICE_WORDS.salvage} ${shellWord(dir)} --output NEW_FOLDER`;

/**
 * Every advice that is given about the files of a log, by the words that it begins with. All that
 * is told to do stands in this file, and a test obeys each: none may cost an event that can be
 * read.
 */
export const ADVICE_WORDS = {
  nothing: 'Nothing to do',
  restore: 'Nothing was changed; restore the file from a copy',
  restoreNamed: 'restore the files that are named here from a copy',
  restoreMeta: 'Restore wal.meta or the file that is named here from a copy',
  putBack: 'Put them back',
  renameBack: 'Give each segment its own name back',
  ownFile: 'Keep it where its own log can have it back',
  ownMeta: 'Put the wal.meta of this log back',
  metaBack: 'Put wal.meta back',
  beginAnew: "begin anew with recovery: 'tolerate-tail'",
  withoutTail: "Open with recovery: 'default' to go on without them",
  withoutRing: "oldRing: 'leave' to go on without the ring, which stays where it is",
  acceptLoss: "To append on without what is lost: recovery: 'accept-loss'",
  acceptCopy: 'If this folder is a copy of a log that was being written',
  openCopy: 'Copy the original again',
  copyOpened: 'The log goes on as one of its own',
  lossOpened: 'put the files back from a copy as soon as you can',
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
      return `${WORDS.nothing}: the next opening of the log sets the torn tail aside.`;
    case 'live-copy':
      return (
        `${WORDS.nothing}: the next opening goes on behind what was copied. What is missing is ` +
        'in the original, or in a later copy of it.'
      );
    case 'corruption':
      return (
        `Nothing was changed. Keep the folder as it is, and ${WORDS.restoreNamed}. Or save what ` +
        `is readable: ${salvageCommand(dir)}. Replay gives every event before the damage.`
      );
    case 'undecidable':
      return (
        `${WORDS.restoreMeta}. If the last, unfinished write is all that can be missing, open ` +
        `the log with the option recovery: 'tolerate-tail'. Or save what is readable: ` +
        `${salvageCommand(dir)}.`
      );
  }
}

/** What to do about files that are not there. */
export const putBackAdvice = (dir: string): string =>
  `${WORDS.putBack}, or salvage what is there: ${salvageCommand(dir)}.`;

/** What to do about a segment under the name of another one. */
export const renameBackAdvice = (path: string): string =>
  `${WORDS.renameBack}, or salvage: ${salvageCommand(dirname(path))}.`;

/** What to do about a segment of another log, which may be missed there. */
export const ownFileAdvice = (path: string): string =>
  `${WORDS.ownFile}, and restore this log's file of that name from a copy, or salvage what is ` +
  `readable: ${salvageCommand(dirname(path))}.`;

/** What to do about a wal.meta of another log. */
export const ownMetaAdvice = (dir: string): string =>
  `${WORDS.ownMeta}, or salvage what is readable: ${salvageCommand(dir)}.`;

/** What to do where nothing tells whether events are missing behind the last one. */
export const metaBackAdvice = (nextEventId: number): string =>
  `${WORDS.metaBack}, or open with recovery: 'tolerate-tail' to go on from here with event ` +
  `${nextEventId}.`;

/** What to do about a log of which no file is left. */
export const beginAnewAdvice = `Put the files back, or ${WORDS.beginAnew}.`;

/** What to do about a torn tail that `strict` refuses. */
export const withoutTailAdvice = (dir: string): string =>
  `${WORDS.withoutTail}; what of them is whole, ${salvageCommand(dir)} saves before.`;

const openWithoutRing = `open with ${WORDS.withoutRing}`;
/** What to do about a ring that cannot follow the files. */
export const withoutRingAdvice = `Put back the files that are missing, or ${openWithoutRing}.`;

/** How to append to a log that lacks segments. */
export const acceptLossAdvice = `${WORDS.acceptLoss}.`;

/** What to do about a folder that looks like a copy of a log that was being written. */
export const acceptCopyAdvice = (dir: string): string =>
  `${WORDS.acceptCopy}, and the tail is in the original: save what stands behind, ` +
  `${salvageCommand(dir)}, and then open with recovery: 'accept-copy'.`;

/** What to do about a copy that `strict` refuses. */
export const openCopyAdvice = (dir: string): string =>
  `${WORDS.openCopy}, or save what stands behind, ${salvageCommand(dir)}, and then open with ` +
  "recovery: 'default' to go on without what is missing.";

/** What to do about a log that is open, by what its recovery found. */
export function openedAdvice(
  verdict: 'new' | 'clean' | 'torn-tail' | 'live-copy',
  nextEventId: number,
  hasLosses: boolean,
): string {
  if (hasLosses) {
    return (
      `The log goes on with event ${nextEventId}, and lacks what losses names: ` +
      `${WORDS.lossOpened}; until then each open needs this option again.`
    );
  }
  switch (verdict) {
    case 'new':
    case 'clean':
      return `${WORDS.nothing}.`;
    case 'torn-tail':
      return `${WORDS.nothing}: the log goes on with event ${nextEventId} in a new segment.`;
    case 'live-copy':
      return (
        `${WORDS.copyOpened}, with event ${nextEventId}. Where the rest is needed, copy the ` +
        'original again.'
      );
  }
}
