// The two load generators, each a process beside the service: wrk, and one in Node.
import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LoadResult } from './load.js';

const run = promisify(execFile);

export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
}

export interface Generator {
  readonly name: string;
  readonly missing: string | undefined;
  drive(port: number, connections: number, seconds: number, folder: string): Promise<Load>;
}

const SCRIPT = `wrk.method = 'POST'\nwrk.body = string.rep('x', 120)\n`;
const UNIT_NS: Readonly<{ [unit: string]: number }> = { us: 1e3, ms: 1e6, s: 1e9, m: 60e9 };

function missingWrk(): string | undefined {
  try {
    execFileSync('wrk', ['-v'], { stdio: 'ignore' });
    return undefined;
  } catch (error) {
    // It ends with 1 after it has told its version.
    const isThere = (error as NodeJS.ErrnoException).code !== 'ENOENT';
    return isThere ? undefined : 'wrk is not installed';
  }
}

/** @throws Error with the whole text when it does not say what is asked for */
function numberIn(text: string, pattern: RegExp): number {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`wrk printed no ${pattern.source}:\n${text}`);
  return Number(match[1]) * (UNIT_NS[match[2] ?? ''] ?? 1);
}

/** It does not correct for coordinated omission: its latencies are those of a closed loop. */
const wrk: Generator = {
  name: 'wrk',
  missing: missingWrk(),
  async drive(port, connections, seconds, folder) {
    const script = join(folder, 'post.lua');
    writeFileSync(script, SCRIPT);
    const whole = Math.max(1, Math.round(seconds)); // it knows no shorter time
    const url = `http://127.0.0.1:${port}/`;
    const { stdout } = await run('wrk', [
      '-t1',
      `-c${connections}`,
      `-d${whole}s`,
      '--latency',
      ...['-s', script, url],
    ]);
    if (stdout.includes('Non-2xx')) throw new Error(stdout);
    return {
      requests: numberIn(stdout, /(\d+) requests in/),
      perSecond: numberIn(stdout, /Requests\/sec:\s+([\d.]+)/),
      p50Ns: numberIn(stdout, /50%\s+([\d.]+)(us|ms|s|m)/),
      p99Ns: numberIn(stdout, /99%\s+([\d.]+)(us|ms|s|m)/),
    };
  },
};

const LOAD = fileURLToPath(new URL('load.js', import.meta.url));

/** With a rate: open loop, latencies counted from when each request was due. */
export async function driveByNode(
  port: number,
  connections: number,
  seconds: number,
  rate?: number,
): Promise<LoadResult> {
  const args = [port, connections, seconds * 1e3, ...(rate === undefined ? [] : [rate])];
  const { stdout } = await run(process.execPath, [LOAD, ...args.map(String)]);
  return JSON.parse(stdout) as LoadResult;
}

const node: Generator = {
  name: 'node',
  missing: undefined,
  async drive(port, connections, seconds) {
    const { requests, elapsedMs, latency } = await driveByNode(port, connections, seconds);
    const at = (percent: number): number => new Map(latency.percentilesNs).get(percent) ?? NaN;
    return { requests, perSecond: (requests / elapsedMs) * 1e3, p50Ns: at(50), p99Ns: at(99) };
  },
};

const GENERATORS: readonly Generator[] = [wrk, node];

/** Those with these names; of none the first that is there. */
export function generatorsNamed(names: readonly string[]): readonly Generator[] {
  const unknown = names.find((name) => !GENERATORS.some((generator) => generator.name === name));
  if (unknown !== undefined) throw new Error(`there is no load generator '${unknown}'`);
  if (names.length === 0) return [GENERATORS.find(({ missing }) => missing === undefined) ?? node];
  return GENERATORS.filter(({ name }) => names.includes(name));
}
