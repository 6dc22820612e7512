import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { structAccess } from '../metrics/metrics-struct.js';
import { fillOf, type LogStanding, readStanding, type StandingSource } from './log-standing.js';
import { SegmentWriter } from './recorder/segment-writer-metrics.js';

class FixedSource implements StandingSource {
  readonly ringBytes = 65_536;
  readonly calls: string[] = [];
  readonly #values: Readonly<Record<string, number>>;

  constructor(values: Readonly<Record<string, number>>) {
    this.#values = values;
  }

  #read(name: string): number {
    this.calls.push(name);
    return this.#values[name] ?? 0;
  }

  state() {
    this.calls.push('state');
    return 'open' as const;
  }
  durableEventId = (): number => this.#read('durable');
  writtenEventId = (): number => this.#read('written');
  openedAtEventId = (): number => this.#read('openedAt');
  appendedEvents = (): number => this.#read('appended');
  ringCapacityBytes = (): number => this.#read('capacity');
  waitingBytes = (): number => this.#read('waiting');
}

/** What a struct of its own shows for a log that stands so. */
function lagOf(standing: LogStanding) {
  const struct = new SegmentWriter();
  const { definition, memory } = structAccess(struct);
  fillOf(definition, standing)(memory.words, memory.start);
  return [struct.durableLagEvents, struct.durableLagBytes];
}

describe('where a log stands', () => {
  it('is read from what is durable to what is appended, so that no lag comes out too short', () => {
    const source = new FixedSource({
      durable: 5,
      written: 7,
      openedAt: 2,
      appended: 9,
      waiting: 64,
    });
    const standing = readStanding(source);
    assert.equal(standing.appendedEventId, 11);
    assert.deepEqual(lagOf(standing), [6, 64]);
    const order = ['durable', 'written', 'waiting', 'appended'];
    assert.deepEqual(
      source.calls.filter((name) => order.includes(name)),
      order,
    );
  });

  it('has an event behind where bytes wait, also if a kill came before it was counted', () => {
    const source = new FixedSource({
      durable: 9,
      written: 9,
      openedAt: 0,
      appended: 9,
      waiting: 64,
    });
    assert.deepEqual(lagOf(readStanding(source)), [1, 64]);
  });

  it('has nothing behind where nothing is', () => {
    const source = new FixedSource({ durable: 9, written: 9, openedAt: 0, appended: 9 });
    assert.deepEqual(lagOf(readStanding(source)), [0, 0]);
  });

  it('does not lie before what is written, nor in a ring fuller than it can be', () => {
    const source = new FixedSource({ written: 9, waiting: 1e9 });
    const { appendedEventId, waitingBytes } = readStanding(source);
    assert.deepEqual([appendedEventId, waitingBytes], [9, 65_536]);
  });
});
