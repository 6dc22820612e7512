// What every benchmark shares: the machine it ran on, where it writes, how it prints. A benchmark
// runs small inside the tests (FLASHSTRIKE_BENCH_SCALE below 1) and large on demand.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { NS_PER_MS } from '../src/units.js';

/** Scales the work of a benchmark: 1 by default. */
export const scale = Number(process.env['FLASHSTRIKE_BENCH_SCALE'] ?? '1');

export const scaled = (count: number): number => Math.max(1, Math.round(count * scale));

export function printMachine(title: string): void {
  const [cpu] = cpus();
  const memoryGiB = (totalmem() / 2 ** 30).toFixed(0);
  console.log(title);
  console.log(
    `Node ${process.version}, ${process.platform} ${release()}, ${cpus().length} × ` +
      `${cpu?.model.trim() ?? 'unknown processor'}, ${memoryGiB} GiB, scale ${scale}`,
  );
}

/** Runs `body` with a fresh folder on the disk of the current folder (a tmpfs has no syncs). */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const parent = resolve(process.env['FLASHSTRIKE_BENCH_DIRECTORY'] ?? '.');
  const folder = mkdtempSync(join(parent, 'flashstrike-bench-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The value below which a share `quantile` of the sorted samples lies. */
export function percentile(sorted: Float64Array, quantile: number): number {
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * quantile));
  return sorted[index] ?? Number.NaN;
}

export function printLatencies(name: string, samplesNs: Float64Array): void {
  const sorted = samplesNs.slice().sort();
  const at = (quantile: number): string => `${(percentile(sorted, quantile) / 1e3).toFixed(1)} µs`;
  console.log(
    `${name.padEnd(44)} p50 ${at(0.5)}  p90 ${at(0.9)}  p99 ${at(0.99)}  p99.9 ${at(0.999)}  ` +
      `max ${at(1)}  (${samplesNs.length} samples)`,
  );
}

export function printRate(name: string, events: number, elapsedMs: number): number {
  const perSecond = (events / elapsedMs) * 1e3;
  const nsEach = (elapsedMs * NS_PER_MS) / events;
  console.log(
    `${name.padEnd(44)} ${(perSecond / 1e6).toFixed(2).padStart(8)} M/s ` +
      `${nsEach.toFixed(1).padStart(9)} ns each`,
  );
  return perSecond;
}
