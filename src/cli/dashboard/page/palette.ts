// Colours for what is drawn: those of the styles, so that light and dark are decided in one place.

type Colour =
  | 'ink'
  | 'muted'
  | 'grid'
  | 'panel'
  | 'accent'
  | 'accent-soft'
  | 'heat'
  | 'warning'
  | 'error'
  | 'quiet';

const found = new Map<Colour, string>();
const dark = matchMedia('(prefers-color-scheme: dark)');

export function colour(name: Colour): string {
  const known = found.get(name);
  if (known !== undefined) return known;
  const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  found.set(name, value);
  return value;
}

/** Calls `redraw` when the system goes from light to dark, or back. */
export function onColoursChanged(redraw: () => void): void {
  dark.addEventListener('change', () => {
    found.clear();
    redraw();
  });
}
