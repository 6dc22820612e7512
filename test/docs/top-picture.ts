// A screen of `flashstrike top` as a picture: text in an SVG, as a dark terminal shows it.
import type { Painters } from '../../src/cli/top/text-line.js';

/** In units of the picture, as monospaced fonts of 13 have them. */
const COLUMN = 7.8;
const ROW = 17;
const MARGIN = 14;
const BACKGROUND = '#0d1117';
const PLAIN = '#d0d7de';
const STYLES: Readonly<Record<keyof Painters, string>> = {
  bold: 'fill="#ffffff" font-weight="bold"',
  dim: 'fill="#8b949e"',
  red: 'fill="#ff7b72"',
  yellow: 'fill="#e3b341"',
  green: 'fill="#7ee787"',
};

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Between a screen's text and the picture: what is painted stands between two such characters. */
const BEGIN = '\ue000';
const END = '\ue001';
const KINDS = Object.keys(STYLES) as (keyof Painters)[];
export const MARKING = Object.fromEntries(
  KINDS.map((kind, index) => [kind, (text: string) => `${BEGIN}${index}${text}${END}`]),
) as unknown as Painters;
const PAINTED = new RegExp(`${BEGIN}(\\d)([^${END}]*)${END}`, 'g');
const textOf = (line: string): string => line.replace(PAINTED, '$2');

function row(line: string, index: number): string {
  // Each run of characters at the column that it has in a terminal, whatever the font is.
  const runs: string[] = [];
  let column = 0;
  const add = (text: string, style: string): void => {
    // Pictures show several spaces as one.
    for (const { 0: shown, index: at } of text.matchAll(/\S+(?: \S+)*/g)) {
      const x = (MARGIN + (column + at) * COLUMN).toFixed(1);
      const width = (shown.length * COLUMN).toFixed(1);
      const y = MARGIN + (index + 1) * ROW - 4;
      const place = `x="${x}" y="${y}" textLength="${width}" lengthAdjust="spacingAndGlyphs"`;
      runs.push(`<text ${place}${style === '' ? '' : ` ${style}`}>${escaped(shown)}</text>`);
    }
    column += text.length;
  };
  let end = 0;
  for (const match of line.matchAll(PAINTED)) {
    add(line.slice(end, match.index), '');
    const kind = KINDS[Number(match[1])];
    add(match[2] ?? '', kind === undefined ? '' : STYLES[kind]);
    end = match.index + match[0].length;
  }
  add(line.slice(end), '');
  return runs.join('\n');
}

/** `lines` are painted with MARKING. */
export function pictureOf(lines: readonly string[], columns: number, title: string): string {
  const width = Math.ceil(columns * COLUMN + 2 * MARGIN);
  const height = Math.ceil(lines.length * ROW + 2 * MARGIN);
  const rows = lines.map(row).filter((text) => text !== '');
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}"
  width="${width}" height="${height}" font-size="13" fill="${PLAIN}"
  font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>
${rows.join('\n')}
</svg>
`;
}

/** What is in the picture, as text: a test compares it with the screen. */
export const plainText = (lines: readonly string[]): string[] => lines.map(textOf);
