// `report`: one file for a bug report, of a log that is open, closed, broken or left by a kill.
// Reads only; what it must not tell is taken out before anything is written.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { codeOf, printable, WalError } from '../../errors.js';
import type { CommandContext } from '../context.js';
import { thisMachine } from '../doctor/this-machine.js';
import { EXIT } from '../exit-codes.js';
import { formatJson } from '../json.js';
import { printableLines } from '../output.js';
import { collectReport, type ReportOptions } from '../report/collect.js';
import { renderReport } from '../report/render.js';
import { toWalError } from '../report-error.js';

interface ReportCommandOptions extends ReportOptions {
  readonly json: boolean;
  /** Undefined: a name of its own in the current folder. */
  readonly output: string | undefined;
}

export async function report(
  dir: string,
  { json, output, ...options }: ReportCommandOptions,
  { terminal }: CommandContext,
): Promise<number> {
  const { report: document, logId } = await collectReport(dir, options, thisMachine());
  // Whatever a damaged file put into a text steers no terminal on which the report is looked at.
  const text = json ? formatJson(document) : printableLines(renderReport(document));
  const path = output ?? `${nameOf(logId, document.createdAt)}.${json ? 'json' : 'txt'}`;
  try {
    // For this user alone, until it is sent.
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw toWalError(error, path);
    const message = `${path} is there already, and is not overwritten. Give another --output.`;
    throw new WalError('ERR_FLASHSTRIKE_INVALID_ARGUMENT', message, { path, cause: error });
  }
  terminal.line(`written: ${printable(resolve(path))}; read it before you send it`);
  return EXIT.done;
}

/** `flashstrike-report-0123456789abcdef-20261130T120000Z` */
const nameOf = (logId: string | undefined, createdAt: string): string =>
  `flashstrike-report-${logId ?? 'unknown'}-${createdAt.replace(/[-:]|\.\d+/g, '')}`;
