// One script beneath strace, its log's telemetry as it was told in the end, and how the two are
// compared: sample by sample, and the time of each metric between two bounds.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { WalOptions } from '../../src/index.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotTrace } from '../support/strace.js';
import {
  OPENING_STEPS,
  type SeenSample,
  STEPS_OF,
  seenSamples,
  stepsOf,
  withWholeZeros,
} from './call-steps.js';
import { type Injected, type TracedCall, traced } from './traced-calls.js';

/** Why nothing of this can run here, or false. */
export const cannotCompare: string | false = cannotTrace || cannotMap;

export const EVENT_BYTES = 1000;

export const PAYLOAD = `const payload = Buffer.alloc(${EVENT_BYTES}, 7);`;
/** With spare segments there, the preparer has nothing under way that a close would cut short. */
export const END = `
// One spare at least (a wait makes them two), and none that is being made: all that were begun are
// prepared, or have failed.
const endedTries = () => segmentPreparer.preparedSegments + segmentPreparer.prepareSegment.failures;
while (
  segmentPreparer.preparedSegments <= segmentWriter.openNewSegment.samples ||
  segmentPreparer.prepareCreate.samples > endedTries()
) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
wal.append(payload);
await wal.close();
`;
export const TELL = `
const all = { ...wal.telemetry.toJSON(), recoveryManager: wal.telemetry.recovery.manager };
tell('events ' + wal.lastEventId);
tell('telemetry ' + JSON.stringify(all, (name, value) => name === 'cells' ? [] : value));
`;
/** One event after the other, until the next segment has begun. */
export const ROLL = `
{
  const { samples: segments } = segmentWriter.openNewSegment;
  do {
    wal.append(payload);
    await wal.durable();
  } while (segmentWriter.openNewSegment.samples === segments);
}
`;

interface Told {
  /** Of an operation. */
  readonly failures: number;
  /** Of a histogram. */
  readonly total: number;
  readonly samples: number;
  readonly totalNs: number;
  readonly maxNs: number;
}

type Telemetry = Readonly<Record<string, Readonly<Record<string, Told & number>>>>;

interface Run {
  readonly isClockSteady: boolean;
  readonly calls: readonly (readonly [step: string, call: TracedCall])[];
  readonly seen: Map<string, readonly SeenSample[]>;
  readonly events: number;
  readonly told: (metric: string) => Told & number;
}

export function optionsOf(t: TestContext): WalOptions {
  return { ...mappedOptions(t), preparedSegments: 1, sync: { mode: 'manual' } };
}

export async function compared(
  t: TestContext,
  text: string,
  injected: Injected = {},
  directory = temporaryFolder(t),
  options = optionsOf(t),
): Promise<Run> {
  const run = await traced(text, directory, options, injected);
  const { lines, isClockSteady } = run;
  const threads = run.threads.map(withWholeZeros);
  if (!isClockSteady) t.diagnostic('the wall clock was stepped: no upper bounds');
  const textOf = (word: string): string =>
    lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
  const telemetry = JSON.parse(textOf('telemetry')) as Telemetry;
  const calls = threads.flatMap((thread) => {
    const steps = stepsOf(directory, thread);
    return thread.calls.map((call, at) => [steps[at] ?? '', call] as const);
  });
  const told = (metric: string): Told & number => {
    const [struct = '', field = ''] = metric.split('.');
    const value = telemetry[struct]?.[field];
    assert.ok(value !== undefined, metric);
    return value;
  };
  const seen = seenSamples(directory, threads);
  return { isClockSteady, calls, seen, events: Number(textOf('events')), told };
}

/** Bytes that the calls of a step wrote. */
export const bytesOf = ({ calls }: Run, step: string): number =>
  calls.filter(([each]) => each === step).reduce((sum, [, { bytes }]) => sum + bytes, 0);

/** Calls of the system with this name. */
export const countOf = ({ calls }: Run, ...names: readonly string[]): number =>
  calls.filter(([, { name }]) => names.includes(name)).length;

export const sum = (numbers: Iterable<number>): number =>
  [...numbers].reduce((all, one) => all + one, 0);

/** Every call is one sample's: there are as many samples as strace saw, of each metric. */
export function assertCounts(
  t: TestContext,
  { calls, seen, told }: Run,
  also: readonly string[] = [],
) {
  const known = new Set([...OPENING_STEPS, ...also, ...Object.values(STEPS_OF).flat(2)]);
  assert.deepEqual(
    [...new Set(calls.map(([step]) => step))].filter((step) => !known.has(step)),
    [],
  );
  for (const [metric, samples] of seen) {
    t.diagnostic(`${metric}: ${samples.length} by strace, ${told(metric).samples} told`);
    assert.equal(told(metric).samples, samples.length, metric);
  }
}

/** No metric tells less time than its calls took, or more than passed from call to call. */
export function assertTimes(t: TestContext, { seen, told, isClockSteady }: Run): void {
  for (const [metric, samples] of seen) {
    if (samples.length === 0) continue;
    const { totalNs, maxNs } = told(metric);
    const leastNs = sum(samples.map((each) => each.leastNs));
    const mostNs = sum(samples.map((each) => each.mostNs));
    const shown = [leastNs, totalNs, mostNs].map((ns) => `${(ns / 1e6).toFixed(3)} ms`);
    t.diagnostic(`${metric}: calls ${shown[0]}, told ${shown[1]}, from call to call ${shown[2]}`);
    // The clock tells doubles: they differ from what it read by less than a microsecond.
    const roundingNs = 1000 * samples.length;
    assert.ok(totalNs >= leastNs - roundingNs, `${metric}: ${shown.join(', ')}`);
    assert.ok(maxNs >= Math.max(...samples.map((each) => each.leastNs)) - 1000, metric);
    if (!isClockSteady) continue;
    assert.ok(totalNs <= mostNs + roundingNs, `${metric}: ${shown.join(', ')}`);
    assert.ok(maxNs <= Math.max(...samples.map((each) => each.mostNs)) + 1000, metric);
  }
}
