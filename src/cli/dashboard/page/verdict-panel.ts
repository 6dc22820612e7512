// What is wrong with the log and what to do, in the words of `top`; when it was wrong, and a line
// of the time that is shown. What begins or ends is announced once, whatever its figures do.

import type { Trouble } from '../../diagnosis/trouble.js';
import type { Incident, LogNow } from '../wire.js';
import { byId, Keyed, make, setAttribute, setClass, setText } from './dom.js';
import type { Window } from './model.js';
import { colour } from './palette.js';
import { clockTime, counted, rangeText } from './words.js';

export class VerdictPanel {
  readonly #panel = byId('verdict', HTMLElement);
  readonly #title = byId('verdict-title', HTMLElement);
  readonly #strip = byId('strip', HTMLCanvasElement);
  readonly #announcement = byId('announcement', HTMLElement);
  readonly #troubles = new Keyed<Trouble, HTMLLIElement>(
    byId('troubles', HTMLElement),
    () => make('li', '', make('span', 'what'), make('span', 'remedy')),
    (row, { severity, text, remedy }) => {
      setClass(row, severity);
      setText(row.children[0] as Node, `${text}.`);
      setText(row.children[1] as Node, `${remedy}.`);
    },
  );
  readonly #incidents = new Keyed<Incident, HTMLLIElement>(
    byId('incidents', HTMLElement),
    () => make('li', '', make('time'), make('span')),
    (row, { severity, text, fromMs, toMs }) => {
      setClass(row, toMs === undefined ? `${severity} lasting` : severity);
      const from = clockTime(fromMs / 1000);
      const to = toMs === undefined ? 'now' : clockTime(toMs / 1000);
      setText(row.children[0] as Node, `${from} – ${to}`);
      setText(row.children[1] as Node, text);
    },
  );
  #announced = '';
  #window: Window | undefined;

  show({ name, standing, state, troubles, incidents }: LogNow): void {
    setClass(this.#panel, `verdict ${standing}`);
    setText(this.#title, titleOf(standing, state, troubles));
    this.#troubles.show(troubles, ({ kind, severity, text }) =>
      // Of one kind there may be two: of two threads.
      troubles.filter((other) => other.kind === kind).length > 1 ? text : kind + severity,
    );
    this.#incidents.show(incidents, ({ kind, fromMs }) => kind + fromMs);
    byId('no-incidents', HTMLElement).hidden = incidents.length > 0;
    const kinds = `${name} ${standing} ${troubles.map(({ kind }) => kind).join()}`;
    if (kinds === this.#announced) return;
    this.#announced = kinds;
    const [first] = troubles;
    setText(this.#announcement, `${name}: ${first === undefined ? 'all is well' : first.text}`);
  }

  showWindow(window: Window): void {
    this.#window = window;
    this.redraw();
  }

  redraw(): void {
    if (this.#window === undefined) return;
    const { buckets, fromSeconds, toSeconds, stepSeconds } = this.#window;
    const canvas = this.#strip;
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext('2d');
    if (context === null) return;
    const scale = width / (toSeconds - fromSeconds);
    const colours = [colour('quiet'), colour('warning'), colour('error')];
    context.clearRect(0, 0, width, height);
    for (const { at, severity } of buckets) {
      const left = Math.round((at - fromSeconds) * scale);
      const right = Math.round((at + stepSeconds - fromSeconds) * scale);
      context.fillStyle = colours[severity] ?? '';
      context.fillRect(left, 0, Math.max(1, right - left), height);
    }
    setAttribute(canvas, 'aria-label', stripText(this.#window));
  }
}

function titleOf(
  standing: LogNow['standing'],
  state: string,
  troubles: readonly Trouble[],
): string {
  if (troubles.length === 0) return standing === 'well' ? 'All is well' : state;
  const errors = troubles.filter(({ severity }) => severity === 'error').length;
  const warnings = troubles.length - errors;
  const parts = [
    errors > 0 ? counted(errors, 'problem') : '',
    warnings > 0 ? counted(warnings, 'warning') : '',
  ];
  return parts.filter((text) => text !== '').join(', ');
}

function stripText({ buckets, fromSeconds, toSeconds, stepSeconds }: Window): string {
  const seconds = (severity: number): number =>
    buckets.filter((bucket) => bucket.severity === severity).length * stepSeconds;
  return (
    `The last ${rangeText(toSeconds - fromSeconds)}: ${counted(seconds(2), 'second')} with ` +
    `problems, ${counted(seconds(1), 'second')} with warnings`
  );
}
