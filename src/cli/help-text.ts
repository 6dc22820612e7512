// Help that fits its terminal: paragraphs are filled anew, what is indented keeps its column.
// Commands to be copied stay as they are, however long.

import { stripVTControlCharacters } from 'node:util';

const COMMAND = /^ +\$ /;
/** Up to where the second column of a line begins, or its text. */
const FIRST_COLUMN = /^ *(?:\S+(?: \S+)* {2,})?/;
/** Beside a first column that leaves less room the text goes back to the left. */
const ROOM_MIN = 12;

/** Colours take no room. */
const widthOf = (text: string): number => stripVTControlCharacters(text).length;

/** Words from column `at` on, the first line continuing `before`. */
function filled(before: string, text: string, at: number, columns: number): string[] {
  const lines: string[] = [];
  let line = before;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && widthOf(line) + 1 + widthOf(word) > columns) {
      lines.push(line);
      line = ' '.repeat(at);
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** One line in lines of at most so many characters, which begin where its text begins. */
export function fitLine(line: string, columns: number): string[] {
  if (widthOf(line) <= columns || COMMAND.test(line)) return [line];
  const column = FIRST_COLUMN.exec(line)?.[0] ?? '';
  const isNarrow = columns - column.length < ROOM_MIN;
  const before = isNarrow ? (/^ */.exec(line)?.[0] ?? '') : column;
  return filled(before, line.slice(before.length), before.length, columns);
}

/** `text` in lines of at most so many characters. */
export function fitted(text: string, columns: number): string {
  const lines: string[] = [];
  let paragraph: string[] = [];
  const endParagraph = (): void => {
    if (paragraph.length > 0) lines.push(...filled('', paragraph.join(' '), 0, columns));
    paragraph = [];
  };
  for (const line of text.split('\n')) {
    if (line !== '' && !line.startsWith(' ')) {
      paragraph.push(line);
      continue;
    }
    endParagraph();
    lines.push(...fitLine(line, columns));
  }
  endParagraph();
  return lines.join('\n');
}
