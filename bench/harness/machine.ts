// The machine on which something was measured, in one line.
import { readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { benchDirectory } from './folder.js';

const FILE_SYSTEMS: Readonly<{ [type: number]: string }> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlay',
};

const READINGS = 2_000;
const WINDOWS = 20;

/** What one reading of the clock costs here at best; it is a part of many a latency. */
export function clockReadingNs(): number {
  let bestNs = Infinity;
  for (let window = 0; window < WINDOWS; window++) {
    const startMs = performance.now();
    let lastMs = startMs;
    for (let reading = 0; reading < READINGS; reading++) lastMs = performance.now();
    bestNs = Math.min(bestNs, ((lastMs - startMs) * 1e6) / READINGS);
  }
  return bestNs;
}

function isVirtual(): boolean {
  try {
    return /^flags.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false; // only Linux tells
  }
}

export function machineLine(): string {
  const [cpu] = cpus();
  const model = cpu?.model.trim() ?? 'unknown processor';
  const type = statfsSync(benchDirectory()).type;
  return [
    `Node ${process.version}`,
    `${process.platform} ${release()}`,
    `${cpus().length} × ${model}${isVirtual() ? ' (virtual)' : ''}`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    FILE_SYSTEMS[type] ?? `file system 0x${type.toString(16)}`,
    `load ${(loadavg()[0] ?? 0).toFixed(1)}`,
    `a clock reading ${clockReadingNs().toFixed(0)} ns`,
  ].join(', ');
}
