// A metric that no thread of this version records would be a lie. Which fields the
// calls of an updater move is tried on a struct that stands alone; who makes these calls is read in
// the sources.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FakeCollector } from '../../src/metrics/fake-collector.js';
import type { MetricsStruct } from '../../src/metrics/metrics-struct.js';
import { ALL_STRUCTS } from '../../src/telemetry/catalogue.js';
import * as recorder from '../../src/telemetry/recorder/index.js';
import * as recovery from '../../src/telemetry/recovery/index.js';
import { projectRoot } from '../project-root.js';

type Call = (...values: readonly unknown[]) => unknown;
type UpdaterClass = new (metrics: MetricsStruct) => Readonly<Record<string, Call>>;

/** What is passed to each call, one after the other: between them they reach every field. */
const ARGUMENTS: readonly (readonly unknown[])[] = [
  [1, 1, 1, 1],
  [1, 'waited', 1],
  [1, 'failed', 1],
  ...['header', 'block', 'chain', 'validation'].map((failure) => [failure]),
];

const updaters = (side: object): readonly (readonly [string, UpdaterClass])[] =>
  Object.entries(side).filter(([name]) => name.endsWith('Updater')) as never;

/** The calls of the updaters of a struct, each with the fields that it moves. */
function callsOf({ system, Struct }: (typeof ALL_STRUCTS)[number]): Map<string, string[]> {
  const calls = new Map<string, string[]>();
  for (const [, Updater] of updaters(system === 'wal_recorder' ? recorder : recovery)) {
    if (!records(Updater, new Struct())) continue;
    const names = Object.getOwnPropertyNames(Updater.prototype);
    for (const name of names.filter((each) => /^(on|set)/.test(each))) {
      // Its argument is an array that only the log makes; onAppendEvent is the same.
      if (name === 'onAppendEventSince') continue;
      const moved = new Set<string>();
      for (const values of ARGUMENTS) {
        const struct = new Struct();
        const before = struct.toJSON();
        new Updater(struct)[name]?.(...values);
        for (const [field, reading] of Object.entries(struct.toJSON())) {
          if (JSON.stringify(reading) !== JSON.stringify(before[field])) moved.add(field);
        }
      }
      calls.set(name, [...moved]);
    }
  }
  return calls;
}

function records(Updater: UpdaterClass, struct: MetricsStruct): boolean {
  try {
    return new Updater(struct) !== undefined;
  } catch {
    return false;
  }
}

/** The sources of the product: without tests, the updaters themselves, and made-up screens. */
const sources = readdirSync(join(projectRoot(), 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !/\.test\.ts$|(^|\/)fake-|^telemetry\//.test(path))
  .map((path) => readFileSync(join(projectRoot(), 'src', path), 'utf8'));

const isMade = (call: string): boolean => sources.some((text) => text.includes(`.${call}(`));

describe('the fields of a struct', () => {
  for (const listed of ALL_STRUCTS) {
    const { prefix, definition } = listed;
    it(`of ${prefix} are fed: a thread makes one of their calls`, () => {
      const calls = callsOf(listed);
      assert.ok(calls.size > 0);
      for (const [field, { kind }] of Object.entries(definition.fields)) {
        if (kind === 'journal') continue;
        const feeding = [...calls].filter(([, moved]) => moved.includes(field));
        // What no call moves, the ring's producer counts by itself.
        const made = feeding.length === 0 || feeding.some(([call]) => isMade(call));
        assert.ok(made, `${field}: ${feeding.map(([call]) => call).join(', ')}`);
      }
    });
  }

  it('that no log has to record are in no dump, text or JSON of a log, and those of a struct have all', () => {
    for (const telemetry of [new recorder.Telemetry(), new recovery.Telemetry()]) {
      let dump = '';
      telemetry.dump('', { write: (text) => (dump += text) });
      const collector = new FakeCollector();
      telemetry.collect('p', collector);
      const told = `${dump}${collector.names.join('\n')}${JSON.stringify(telemetry)}`;
      assert.doesNotMatch(told, /preload/i);
    }
    const alone = new FakeCollector();
    new recovery.SegmentPreloader().collect('p', alone);
    assert.ok(alone.names.includes('p_preload_segment_failures_total'));
  });
});
