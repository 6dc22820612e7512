// `check`: applies the events of a state machine again, and names the first one at which two runs
// part. The machine comes from a module of the application, which is loaded and run here.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, printable, WalError } from '../../errors.js';
import { checkMachine, type MachineCheckReport, type MachineDefinition } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { importForeign } from '../foreign-code.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatCount, formatEvents } from '../quantities.js';

interface CheckOptions {
  /** The module. */
  readonly machine: string;
  readonly every: number | undefined;
  readonly json: boolean;
}

const NAMES = ['machine', 'default'];

/** @throws WalError ERR_FLASHSTRIKE_INPUT */
async function loadMachine(path: string): Promise<MachineDefinition<object>> {
  let module: Record<string, unknown>;
  try {
    module = await importForeign(pathToFileURL(resolve(path)).href);
  } catch (error) {
    const message = `${path} cannot be loaded: ${messageOf(error)}`;
    throw new WalError('ERR_FLASHSTRIKE_INPUT', message, { path, cause: error });
  }
  const found = NAMES.map((name) => module[name]).find(isObject);
  // What is missing in it checkMachine says.
  if (found !== undefined) return found as MachineDefinition<object>;
  const message = `${path} exports neither machine nor a default, as openMachine gets it.`;
  throw new WalError('ERR_FLASHSTRIKE_INPUT', message, { path });
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

export function* renderCheck(dir: string, report: MachineCheckReport): Generator<string> {
  const { events, firstEventId, lastEventId, recordedHashes, parted } = report;
  const ids =
    events === 0 ? '' : `, ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
  const noun = recordedHashes === 1 ? 'hash' : 'hashes';
  yield `applied   ${formatEvents(events)}${ids}, twice, of ${printable(dir)}`;
  yield `compared  ${formatCount(recordedHashes)} recorded ${noun}`;
  if (parted === undefined) {
    yield 'same      all states agree';
    return;
  }
  const { kind, eventId, afterEventId } = parted;
  const where =
    eventId === afterEventId + 1
      ? `at event ${formatCount(eventId)}`
      : `between events ${formatCount(afterEventId + 1)} and ${formatCount(eventId)}`;
  if (kind === 'runs') {
    yield `PARTED    ${where}: apply goes by something else than state and event, such as a ` +
      'clock, chance, or what another run has left';
    return;
  }
  yield `PARTED    ${where} from the recorded run: apply was changed since, or went by something ` +
    'that was so only then';
}

export async function check(
  dir: string,
  { machine, every, json }: CheckOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const definition = await loadMachine(machine);
  const report = await checkMachine(dir, definition, {
    every,
    onProgress: (events) => terminal.progress(() => `${formatEvents(events)} applied`),
  });
  const lines = [...renderCheck(dir, report)];
  await writeLines(stdout, json ? formatJson(report) : `${lines.join('\n')}\n`);
  return report.ok ? EXIT.done : EXIT.failed;
}
