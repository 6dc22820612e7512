// Starts the process of region-child.ts and ends it as the test wants.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { libc } from '../../src/memory/libc.js';
import type { ChildReport } from './region-child.js';

const CHILD = fileURLToPath(new URL('./region-child.js', import.meta.url));

/** Why these tests cannot run here, or false. */
export const cannotMap: string | false =
  libc() === undefined ? 'no libc is bound on this machine' : false;

/** A folder of its own, gone after the test. */
export function temporaryFolder(t: TestContext, parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'flashstrike-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Owner {
  readonly report: ChildReport;
  readonly pid: number;
  /** kill -9, and waits until the process is gone. */
  kill(): Promise<void>;
}

/** @param userId what the process becomes before it touches anything */
export async function startOwner(
  t: TestContext,
  folder: string,
  sharedMemoryDirectory: string,
  userId?: number,
): Promise<Owner> {
  const args = [CHILD, folder, sharedMemoryDirectory];
  if (userId !== undefined) args.push(String(userId));
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const kill = () => killed(child);
  t.after(kill);
  const lines = createInterface(child.stdout);
  const [line] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the child ended with ${code}`);
    }),
  ])) as [string];
  return { report: JSON.parse(line) as ChildReport, pid: child.pid ?? 0, kill };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
