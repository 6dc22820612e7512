// The segments of the log, from those that are gone to those that are made ahead. A segment keeps
// its place while it lives: prepared, then written to, then finished, compressed, and freed.

import { formatBytes, formatCount } from '../../quantities.js';
import type { SegmentMap } from '../wire.js';
import { byId, Keyed, make, setAttribute, setClass, setText } from './dom.js';

type Life = 'freed' | 'cold' | 'hot' | 'active' | 'ready' | 'making';

interface Place {
  readonly index: number;
  readonly life: Life;
  readonly title: string;
}

/** Those that went last are remembered. */
const FREED_SHOWN = 8;

const WORDS: Readonly<Record<Life, string>> = {
  freed: 'freed',
  cold: 'cold (compressed)',
  hot: 'hot (finished)',
  active: 'active',
  ready: 'prepared',
  making: 'being prepared',
};

export class SegmentsPanel {
  readonly #map = byId('segments', HTMLElement);
  readonly #note = byId('segments-note', HTMLElement);
  readonly #places = new Keyed<Place, HTMLElement>(
    this.#map,
    () => make('i'),
    (element, { life, title }) => {
      setClass(element, life);
      setAttribute(element, 'title', title);
    },
  );
  readonly #key = new Keyed<readonly [Life, number], HTMLElement>(
    byId('segments-key', HTMLElement),
    ([life]) => make('li', '', make('i', life), make('b'), ` ${WORDS[life]}`),
    (element, [, count]) => setText(element.children[1] as Node, formatCount(count)),
  );

  show(map: SegmentMap | undefined): void {
    this.#places.show(map === undefined ? [] : placesOf(map), ({ index }) => String(index));
    const counts = map === undefined ? [] : countsOf(map);
    this.#key.show(counts, ([life]) => life);
    const words = counts.map(([life, count]) => `${formatCount(count)} ${WORDS[life]}`);
    setAttribute(this.#map, 'aria-label', `Segments: ${words.join(', ') || 'not known'}`);
    setText(this.#note, map === undefined ? 'the folder cannot be read' : noteOf(map));
  }
}

function noteOf({ shown, hot, cold, bytes }: SegmentMap): string {
  const active = shown.find(({ state }) => state === 'active');
  const all = hot + cold + (active === undefined ? 0 : 1);
  const older = all - shown.length;
  return [
    `${formatBytes(bytes)} in files`,
    active === undefined ? '' : `writing to segment ${formatCount(active.index)}`,
    older > 0 ? `the ${formatCount(older)} oldest are not drawn` : '',
  ]
    .filter((text) => text !== '')
    .join(', ');
}

function placesOf({ shown, freed, ready, making }: SegmentMap): Place[] {
  const first = Math.max(1, freed + 1 - FREED_SHOWN);
  const last = shown.at(-1)?.index ?? freed;
  const place = (index: number, life: Life, bytes?: number): Place => ({
    index,
    life,
    title:
      `segment ${formatCount(index)}: ${WORDS[life]}` +
      (bytes === undefined ? '' : `, ${formatBytes(bytes)}`),
  });
  const range = (from: number, count: number, life: Life): Place[] =>
    Array.from({ length: count }, (_none, step) => place(from + step, life));
  return [
    ...range(first, freed + 1 - first, 'freed'),
    ...shown.map(({ index, state, bytes }) => place(index, state, bytes)),
    ...range(last + 1, ready, 'ready'),
    ...range(last + 1 + ready, making, 'making'),
  ];
}

const countsOf = ({ shown, hot, cold, freed, ready, making }: SegmentMap) => {
  const active = shown.filter(({ state }) => state === 'active').length;
  return [
    ['freed', freed],
    ['cold', cold],
    ['hot', hot],
    ['active', active],
    ['ready', ready],
    ['making', making],
  ] as const satisfies readonly (readonly [Life, number])[];
};
