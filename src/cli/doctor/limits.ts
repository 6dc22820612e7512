// The limits of this process, as /proc/self/limits tells (proc(5)): the soft ones, which count.
import type { Machine } from './machine.js';

/** Undefined: there is no limit, or nothing tells of one. */
export interface Limits {
  readonly openFiles: number | undefined;
  readonly threads: number | undefined;
  readonly fileBytes: number | undefined;
}

export function limitsOf(machine: Machine): Limits {
  const text = machine.readText('/proc/self/limits') ?? '';
  const soft = (name: string): number | undefined => {
    const value = new RegExp(`^${name} +(\\d+)`, 'm').exec(text)?.[1];
    return value === undefined ? undefined : Number(value);
  };
  return {
    openFiles: soft('Max open files'),
    threads: soft('Max processes'),
    fileBytes: soft('Max file size'),
  };
}
