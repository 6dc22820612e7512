// A line of a screen as pieces of text, each with its colour, cut to the screen's width before the
// colours are put in: escape sequences have no width, and must not be cut.

import { stripVTControlCharacters } from 'node:util';

const CLEAR_LINE_END = '\u001b[K';
export const CLEAR_BELOW = '\u001b[J';

export type Tint = 'plain' | 'bold' | 'dim' | 'red' | 'yellow' | 'green';

export interface Piece {
  readonly text: string;
  readonly tint: Tint;
}

export type TextLine = readonly Piece[];

export type Painters = Readonly<Record<Exclude<Tint, 'plain'>, (text: string) => string>>;

const unpainted = (text: string): string => text;
export const NO_PAINT: Painters = {
  bold: unpainted,
  dim: unpainted,
  red: unpainted,
  yellow: unpainted,
  green: unpainted,
};

export const piece = (text: string, tint: Tint = 'plain'): Piece => ({ text, tint });

/** Characters that terminals show two columns wide. */
const WIDE_LETTER =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
const WIDE_SYMBOL = /[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const isWide = (char: string): boolean => WIDE_LETTER.test(char) || WIDE_SYMBOL.test(char);
const COMBINING = /\p{M}/u;

const widthOf = (char: string): number => (COMBINING.test(char) ? 0 : isWide(char) ? 2 : 1);

/** Columns that a text without control characters takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += widthOf(char);
  return width;
}

/** The beginning of `text` that fits into `columns`, an ellipsis at its end where it was cut. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let cut = '';
  let width = 0;
  for (const char of text) {
    width += widthOf(char);
    if (width > columns - 1) break;
    cut += char;
  }
  return columns > 0 ? `${cut}…` : '';
}

/** A space at which a line may end: not the one between a number and its unit. */
const BREAK = / (?!(?<=\d )(?:[kMGTP]?B|[nµm]?s|min|h|%)(?!\p{L}))/u;

/**
 * `text` in lines of at most `columns`, broken at spaces; a word that is longer than a line, such
 * as a path, is broken where the line ends. Nothing is left out.
 */
export function wrapText(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  const end = (): void => {
    if (line !== '') lines.push(line);
    line = '';
  };
  for (const word of text.split(BREAK)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (textWidth(longer) <= columns) {
      line = longer;
      continue;
    }
    end();
    for (const char of word) {
      if (textWidth(line + char) > columns) end();
      line += char;
    }
  }
  end();
  return lines;
}

export function paintLine(line: TextLine, columns: number, painters: Painters): string {
  let left = columns;
  let painted = '';
  for (const { text, tint } of line) {
    const shown = cutText(text, left);
    left -= textWidth(shown);
    painted += tint === 'plain' || shown === '' ? shown : painters[tint](shown);
    if (shown !== text) break;
  }
  return painted;
}

/** A painted line that takes the place of another one: nothing is blanked first. */
export function overLine(painted: string, columns: number): string {
  // Behind the last column the cursor stands on it: clearing from there would take a character.
  const isFull = textWidth(stripVTControlCharacters(painted)) >= columns;
  return isFull ? painted : painted + CLEAR_LINE_END;
}
