// Lines that are too long to be read beside each other.

export const LONGEST_LINE = 100;
/** The title of a test is one literal: docs/DURABILITY.md and docs/METRICS.md name tests by it. */
const TITLE = /^\s*(?:await )?(?:\w+\.)?(?:test|it|describe)(?:\.\w+)?\(/;
/** An import of one name is one line, however far away its file is. */
const IMPORT = /^\s*(?:import|export|\}) .*from '[^']+';$/;

/** The numbers of the lines that are too long, with their lengths. */
export function longLines(text) {
  const found = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.length <= LONGEST_LINE) continue;
    const characters = [...line].length;
    if (characters <= LONGEST_LINE || TITLE.test(line) || IMPORT.test(line)) continue;
    found.push({ line: index + 1, characters });
  }
  return found;
}
