import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLog } from '../diagnosis/fake-look.js';
import { fillBar, LogAxis } from './bars.js';

const histogramOf = (...valuesNs: readonly number[]) => {
  const log = new FakeLog();
  for (const ns of valuesNs) log.took(ns, (startNs) => log.writer.onSync(startNs));
  return log.look().recorder.segmentWriter.syncHistogram;
};

describe('bars', () => {
  it('show how full something is, and something always as something', () => {
    assert.equal(fillBar(0, 4), '░░░░');
    assert.equal(fillBar(0.001, 4), '█░░░');
    assert.equal(fillBar(0.5, 4), '██░░');
    assert.equal(fillBar(7, 4), '████');
  });

  it('stand at the place of their value on an axis from 10 ns to 1 s', () => {
    const axis = new LogAxis(8);
    assert.equal(axis.width, 8);
    const row = (...values: number[]) => axis.row(histogramOf(...values));
    assert.equal(row(20), '█       ');
    assert.equal(row(200), ' █      ');
    assert.equal(row(2_000), '  █     ');
    assert.equal(row(20_000), '   █    ');
    assert.equal(row(200_000), '    █   ');
    assert.equal(row(2e6), '     █  ');
    assert.equal(row(20e6), '      █ ');
    assert.equal(row(200e6), '       █');
  });

  it('gather at the ends what lies beyond', () => {
    const row = new LogAxis(8).row(histogramOf(0, 5, 30e9, 100e9));
    assert.equal(row, '█      █');
  });

  it('are as high as their share of the fullest', () => {
    const values = [...Array(8).fill(20), ...Array(4).fill(200), 2_000] as number[];
    assert.equal(new LogAxis(8).row(histogramOf(...values)), '█▄▁     ');
  });

  it('stand under the labels of their decades', () => {
    assert.equal(new LogAxis(16).labels, '10n 1µ  .1m 10m ');
    const row = new LogAxis(16).row(histogramOf(1_050));
    assert.equal(row.indexOf('█'), 4);
  });
});
