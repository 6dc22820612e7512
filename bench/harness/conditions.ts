// What a benchmark's process runs under or beside.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Condition } from './options.js';

const SLOWER_SYNC_US = 1000;
const SYNC_CALLS = 'fsync,fdatasync,sync_file_range,msync';
const GROUPS = '/sys/fs/cgroup';
const PERIOD_US = 100_000;

export interface Surroundings {
  /** The command that runs `command` so. */
  wrap(command: readonly string[]): readonly string[];
  end(): void;
}

const NOTHING: Surroundings = { wrap: (command) => command, end: () => undefined };

function hasCommand(name: string): boolean {
  try {
    execFileSync(name, ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function crowded(): Surroundings {
  const busy: ChildProcess = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  return { ...NOTHING, end: () => void busy.kill('SIGKILL') };
}

/** With --seccomp-bpf all other system calls run at full speed. */
function slowDisk(): Surroundings | string {
  if (!hasCommand('strace')) return 'strace is not installed';
  const inject = `${SYNC_CALLS}:delay_exit=${SLOWER_SYNC_US}`;
  const options = ['-f', '--seccomp-bpf', '-qq', '-o', '/dev/null'];
  const tracer = ['strace', ...options, '-e', `trace=${SYNC_CALLS}`, '-e', `inject=${inject}`];
  return { ...NOTHING, wrap: (command) => [...tracer, ...command] };
}

function oneCore(): Surroundings | string {
  if (!hasCommand('taskset')) return 'taskset is not installed';
  return { ...NOTHING, wrap: (command) => ['taskset', '-c', '0', ...command] };
}

function halfCore(): Surroundings | string {
  // Version 2 has one tree for all controllers, version 1 a tree each.
  const isSecond = existsSync(join(GROUPS, 'cgroup.controllers'));
  const group = join(GROUPS, isSecond ? '' : 'cpu', `flashstrike-bench-${process.pid}`);
  try {
    mkdirSync(group);
    if (isSecond) writeFileSync(join(group, 'cpu.max'), `${PERIOD_US / 2} ${PERIOD_US}`);
    else {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(PERIOD_US / 2));
    }
  } catch (error) {
    return `no control group with a quota can be made (${(error as Error).message})`;
  }
  // The shell moves itself into the group, and then becomes the benchmark.
  const script = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
  return {
    wrap: (command) => ['sh', '-c', script, group, ...command],
    end: () => rmdirSync(group),
  };
}

const MAKERS: Readonly<Record<Condition, () => Surroundings | string>> = {
  quiet: () => NOTHING,
  crowded,
  'slow-disk': slowDisk,
  'one-core': oneCore,
  'half-core': halfCore,
};

/** A text says why this condition cannot be had here. */
export const surroundingsOf = (condition: Condition): Surroundings | string => MAKERS[condition]();
