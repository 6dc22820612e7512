// Whether anything has happened in a log since it was last looked at, for a small part of what it
// costs to read everything: one reading of the file, and the words of it that move with whatever is
// recorded. What threads do at rest is nothing that happens: turns of their loops that found no
// work, and the room on the disk, which others use as well.
import { wordOf } from '../memory/layout.js';
import type { MetricDescription, MetricKind, StructDefinition } from '../metrics/catalogue.js';
import { Counter64 } from '../metrics/counter64.js';
import { HEAD } from '../metrics/journal.js';
import { LifeCycle } from '../metrics/life-cycle.js';
import type { RegionFile } from '../region/region-file.js';
import { controlWords } from '../ring/ring-control.js';
import { ALL_STRUCTS } from '../telemetry/catalogue.js';
import { Manager } from '../telemetry/recorder/manager-metrics.js';
import { header, STALL_AREA_BYTES, STALL_HEADER_BYTES } from '../telemetry/stalls/area-layout.js';
import { placeOf } from '../telemetry/telemetry-layout.js';

/** Two words of a value. */
const valueAt = (line: number, offset: number = Counter64.offset.value): readonly number[] => [
  line + wordOf(offset),
  line + wordOf(offset) + 1,
];

/** What is set again and again, mostly to what it was: only another value is something new. */
const SET = new Set<MetricKind | undefined>(['gauge64', 'constant64', 'age64', 'life_cycle']);
/** Others use the disk as well. */
const OF_OTHERS = new Set<MetricDescription | undefined>([
  Manager.definition.fields['diskFreeBytes'],
]);
/** Since when something is so that ends by itself, or is looked into at once. */
const LASTS = new Set([
  'ringStallAge',
  'durableWaitAge',
  'getNextSegmentAge',
  'unsyncedAge',
  'unwatermarkedAge',
  'engineWaitAge',
]);

/** Words of the telemetry section that move when something is recorded. */
function movingIn({ fields, groups, layout }: StructDefinition, start: number): readonly number[] {
  const counters = groups.flatMap(({ name, at, journalAt }) => {
    if (SET.has(fields[name]?.kind)) return [];
    return journalAt === undefined ? [start + at] : [start + at, start + journalAt + HEAD];
  });
  const values = Object.entries(fields).flatMap(([field, description]) => {
    const line = start + wordOf(layout.offset[field] as number);
    const { kind } = description;
    if (kind === 'life_cycle') return valueAt(line, LifeCycle.offset.activeCycles);
    const isSet = kind === 'gauge64' || kind === 'constant64';
    return isSet && !OF_OTHERS.has(description) ? valueAt(line) : [];
  });
  return [...counters, ...values];
}

/** Those that are 0 unless something lasts. */
function lastingIn({ fields, layout }: StructDefinition, start: number): readonly number[] {
  return Object.keys(fields).flatMap((field) =>
    LASTS.has(field) ? valueAt(start + wordOf(layout.offset[field] as number)) : [],
  );
}

const inAllStructs = (
  find: (definition: StructDefinition, start: number) => readonly number[],
): readonly number[] =>
  ALL_STRUCTS.flatMap(({ definition }) => find(definition, wordOf(placeOf(definition))));

const MOVING = inAllStructs(movingIn);
const LASTING = inAllStructs(lastingIn);

const control = controlWords(0);
/** Of a latch it is the counter that moves. */
const MOVING_IN_CONTROL = [
  control.appended,
  control.written,
  control.writtenEventId,
  control.durablePoint,
  control.state,
  control.geometry,
];
const CONTROL_BYTES = 4 * (1 + Math.max(...MOVING_IN_CONTROL, control.writerDoes));

/** Some words of a section, as they were at the last look. */
class Section {
  readonly #file: RegionFile;
  readonly #name: 'telemetry' | 'control';
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #moving: readonly number[];
  readonly #lasting: readonly number[];
  readonly #seen: Int32Array;

  constructor(
    file: RegionFile,
    name: 'telemetry' | 'control',
    byteLength: number,
    moving: readonly number[],
    lasting: readonly number[],
  ) {
    this.#file = file;
    this.#name = name;
    this.#bytes = new Uint8Array(byteLength);
    this.#words = new Int32Array(this.#bytes.buffer);
    this.#moving = moving;
    this.#lasting = lasting;
    this.#seen = new Int32Array(moving.length);
  }

  /** Whether it is as it was at the last look, and nothing lasts. */
  look(): boolean {
    this.#file.readSectionInto(this.#name, 0, this.#bytes, this.#bytes.length);
    let isSame = true;
    for (let index = 0; index < this.#moving.length; index++) {
      const word = this.#words[this.#moving[index] as number] as number;
      if (this.#seen[index] !== word) isSame = false;
      this.#seen[index] = word;
    }
    return isSame && this.#lasting.every((at) => this.#words[at] === 0);
  }
}

export class RestWatch {
  readonly #sections: readonly Section[];

  /** @param file whose telemetry has this version's layout */
  constructor(file: RegionFile) {
    const areaAt = file.header.sections.telemetry.byteLength - STALL_AREA_BYTES;
    const areaWord = (offset: number): number => wordOf(areaAt + offset);
    const moving = [...MOVING, areaWord(header.stalls)];
    const lasting = [...LASTING, ...valueAt(areaWord(0), header.windowStartMs)];
    this.#sections = [
      new Section(file, 'telemetry', areaAt + STALL_HEADER_BYTES, moving, lasting),
      new Section(file, 'control', CONTROL_BYTES, MOVING_IN_CONTROL, [control.writerDoes]),
    ];
  }

  /**
   * Whether nothing has happened since the last call: all that was read in between is still so.
   * With the first call something has, as everything is new.
   */
  look(): boolean {
    // All of them: what has moved is known afterwards.
    return this.#sections.map((section) => section.look()).every(Boolean);
  }
}
