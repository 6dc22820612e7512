// Keeps a result in docs/benchmarks/, with its plots, and writes docs/BENCHMARKS.md anew.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Result } from '../harness/result.js';
import { README, withComparison } from './comparison.js';
import { DOCUMENT, nameOf, plotsOf, RESULTS, readResults, withResults } from './document.js';

export function saveResult(result: Result): void {
  mkdirSync(RESULTS, { recursive: true });
  const text = `${JSON.stringify(result, rounded, 1)}\n`;
  writeFileSync(new URL(`${nameOf(result)}.json`, RESULTS), text);
  writeDocument();
}

const KEPT_DIGITS = 5;

/** More digits are noise. */
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(KEPT_DIGITS)) : value;

/** All plots, the document, and the comparison in README, from the results that are kept. */
export function writeDocument(): void {
  for (const name of readdirSync(RESULTS)) {
    if (name.endsWith('.svg')) rmSync(new URL(name, RESULTS));
  }
  const results = readResults();
  for (const result of results) {
    for (const [name, svg] of plotsOf(result)) writeFileSync(new URL(name, RESULTS), svg);
  }
  writeFileSync(DOCUMENT, withResults(readFileSync(DOCUMENT, 'utf8'), results));
  writeFileSync(README, withComparison(readFileSync(README, 'utf8'), results));
}
