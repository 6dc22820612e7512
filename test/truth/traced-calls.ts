// The calls that a script makes on the files of its log, from its first to its last, as strace saw
// them: the truth that metrics are held against. Each thread's calls are in their order, for strace
// writes a file per thread.
//
// strace takes its times while the thread stands still: that of a call's entry after the clock was
// read in front of it, and that of its exit before the clock is read behind it. So a call took at
// least as long as strace says, and whatever lies between two calls of a thread lies between these
// two times. Both hold on a machine that is busy.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { WalOptions } from '../../src/index.js';
import { runSound } from '../support/child-script.js';

/** All by which a log changes its files. */
const CALLS = 'openat,pwrite64,pwritev,fdatasync,fsync,rename,renameat2,fallocate';

export interface TracedCall {
  readonly name: string;
  /** Of the file in the log's folder; '' for the folder. After a rename, the new name. */
  readonly file: string;
  /** Of a write; else 0. */
  readonly offset: number;
  /** Of a write; else 0. */
  readonly bytes: number;
  readonly entryNs: number;
  readonly exitNs: number;
  /** It took at least so long, an injected delay included. */
  readonly leastNs: number;
  readonly isDelayed: boolean;
  /** It was made to fail. */
  readonly isFailed: boolean;
}

/** What one thread did to the log's files. */
export interface TracedThread {
  readonly calls: readonly TracedCall[];
  /** When the process was first seen, and the thread last. */
  readonly beginNs: number;
  readonly endNs: number;
}

export interface TracedRun {
  /** False: the wall clock was stepped, and what passed between two calls is not known. */
  readonly isClockSteady: boolean;
  readonly threads: readonly TracedThread[];
  /** Lines that the script told. */
  readonly lines: readonly string[];
}

/** Strace dates calls by the wall clock; by how much that may leave the other one in a run. */
const STEP_MS = 1;

const LINE = /^(\d+)\.(\d{9}) (\w+)\((.*)\) += (-?\d+)(.*) <(\d+)\.(\d{9})>$/;
const TIME = /^(\d+)\.(\d{9}) /;
const LAST_NUMBER = /(\d+)$/;

/** Relative to a second near it: nanoseconds since 1970 are no exact double. */
const nsOf = (seconds = '0', fraction = '0', origin = 0): number =>
  (Number(seconds) - origin) * 1e9 + Number(fraction);

/** The file that a call is about, as a path; undefined where it has none. */
function pathOf(name: string, given: string, result: string): string | undefined {
  // What stands behind a descriptor is the file's path of that moment.
  if (name === 'openat') return /^<(.*)>/.exec(result)?.[1];
  if (!name.startsWith('rename')) return /^\d+<([^>]*)>/.exec(given)?.[1];
  return [...given.matchAll(/"([^"]*)"/g)].at(-1)?.[1];
}

export interface Injected {
  /** In microseconds: all calls of a name are held back. */
  readonly delays?: Readonly<Record<string, number>>;
  /** What strace makes of some calls of a name: `error=EIO:when=3..4`, counted in each thread. */
  readonly errors?: Readonly<Record<string, string>>;
}

function callOf(
  line: string,
  { directory, delays = {} }: Injected & { readonly directory: string },
  originS: number,
): TracedCall | undefined {
  const parts = LINE.exec(line);
  if (parts === null) return undefined;
  const [, seconds, fraction, name = '', given = '', returned, result = '', tookS, tookNs] = parts;
  // Who opens a file that is there changes nothing.
  if (name === 'openat' && !given.includes('O_CREAT')) return undefined;
  const path = pathOf(name, given, result);
  // A log names its own files through a descriptor of its folder, and nobody else does here.
  const isOfLog = path?.startsWith(directory) === true || path?.startsWith('/proc/self/fd/');
  if (path === undefined || !isOfLog) return undefined;
  const isWrite = name.startsWith('pwrite');
  const entryNs = nsOf(seconds, fraction, originS);
  const ns = nsOf(tookS, tookNs);
  const isFailed = result.includes('(INJECTED)');
  // One that failed by itself changed nothing: the log tried what is not there, or is.
  if (Number(returned) < 0 && !isFailed) return undefined;
  const isDelayed = result.includes('(DELAYED)');
  return {
    name,
    file: path === directory ? '' : basename(path),
    offset: isWrite ? Number(LAST_NUMBER.exec(given)?.[1]) : 0,
    bytes: isWrite ? Number(returned) : 0,
    entryNs,
    exitNs: entryNs + ns,
    // Strace waits from a little before it looks at the clock.
    leastNs: isDelayed ? Math.max(ns, (delays[name] ?? 0) * 1000) : ns,
    isDelayed,
    isFailed,
  };
}

function threadsIn(
  folder: string,
  traced: Injected & { readonly directory: string },
): TracedThread[] {
  const threads = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean))
    .filter((lines) => lines.length > 0);
  const timesOf = (line = ''): string[] => [...(TIME.exec(line) ?? [])].slice(1);
  const originS = Math.min(...threads.map(([first]) => Number(timesOf(first)[0])));
  const timeOf = (line = ''): number => {
    const [seconds, fraction] = timesOf(line);
    return nsOf(seconds, fraction, originS);
  };
  const beginNs = Math.min(...threads.map(([first]) => timeOf(first)));
  return threads.map((lines) => ({
    calls: lines.flatMap((line) => callOf(line, traced, originS) ?? []),
    beginNs,
    endNs: timeOf(lines.at(-1)),
  }));
}

/** Runs a script beneath strace, from its start to its end. */
export async function traced(
  text: string,
  directory: string,
  options: WalOptions,
  injected: Injected = {},
): Promise<TracedRun> {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-strace-'));
  try {
    const { delays = {}, errors = {} } = injected;
    const faults = [
      ...Object.entries(delays).map(([call, delayUs]) => `${call}:delay_enter=${delayUs}`),
      ...Object.entries(errors).map(([call, error]) => `${call}:${error}`),
    ];
    const times = ['--syscall-times=ns', '--absolute-timestamps=format:unix,precision:ns'];
    // With `-qq` strace would not tell when a thread ended.
    const told = ['-q', '-y', '-s', '0', '-e', 'signal=none', ...times];
    const under = ['strace', '-ff', ...told, '-o', join(folder, 'thread')];
    const apartMs = (): number => performance.timeOrigin + performance.now() - Date.now();
    const beforeMs = apartMs();
    const lines = await runSound(text, directory, options, {
      under: [
        ...[...under, '--seccomp-bpf', '-e', `trace=${CALLS}`],
        ...faults.flatMap((fault) => ['-e', `inject=${fault}`]),
      ],
    });
    const threads = threadsIn(folder, { directory, ...injected }).filter(
      ({ calls }) => calls.length > 0,
    );
    assert.ok(threads.length > 0, 'the log was seen at work');
    return { isClockSteady: Math.abs(apartMs() - beforeMs) <= STEP_MS, threads, lines };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
