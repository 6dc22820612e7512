// `doctor`: what a disk and a machine do for a log, measured and looked up, and what to do about
// it. Exit 0: no problem was found, though warnings may be; 1: a promise of the log does not hold.

import type { CommandContext } from '../context.js';
import { examine } from '../doctor/examine.js';
import { collectFacts } from '../doctor/facts.js';
import { renderReport } from '../doctor/report.js';
import { thisMachine } from '../doctor/this-machine.js';
import { runTrials } from '../doctor/trials.js';
import { EXIT } from '../exit-codes.js';
import { Interruption } from '../interruption.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';

interface DoctorOptions {
  readonly json: boolean;
  /** For how long the ways of committing take turns. */
  readonly seconds: number;
  readonly sharedMemoryDirectory: string;
}

export async function doctor(
  dir: string,
  { json, seconds, sharedMemoryDirectory }: DoctorOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const machine = thisMachine();
  const facts = collectFacts(machine, dir, sharedMemoryDirectory);
  const interruption = new Interruption();
  try {
    const trial = await runTrials(machine, facts, {
      seconds,
      sharedMemoryDirectory,
      signal: interruption.signal,
      onTurn: (part) =>
        terminal.progress(() => `measuring, ${Math.round(part * 100)} % of ${seconds} s`),
    });
    const report = examine({ facts, ...trial });
    terminal.clearProgress();
    const text = json ? formatJson(report) : `${[...renderReport(report)].join('\n')}\n`;
    await writeLines(stdout, text);
    return report.findings.some(({ level }) => level === 'problem') ? EXIT.failed : EXIT.done;
  } catch (error) {
    if (error !== interruption.signal.reason || !interruption.happened) throw error;
    terminal.line('Stopped before anything was concluded.');
    return interruption.exitCode ?? EXIT.failed;
  } finally {
    interruption.dispose();
  }
}
