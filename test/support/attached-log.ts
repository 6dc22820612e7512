// A log that another process has open, and looks at its shared region from outside.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { removeFolder } from '../../bench/harness/remove-folder.js';
import { mappedOptions } from './adapters.js';
import { Script } from './child-script.js';

/** Appends `options.events` events, makes them durable, and closes when told to. */
const OWNER = `
const { events, ...walOptions } = options;
const wal = await Wal.open(directory, walOptions);
for (let id = 1; id <= events; id++) wal.append(Buffer.from('event ' + id));
await wal.durable();
tell('open');
await told();
await wal.close();
tell('closed');
`;

export const EVENTS = 3000;

export interface OwnedLog {
  readonly directory: string;
  readonly options: ReturnType<typeof mappedOptions>;
  readonly owner: Script;
  /** The file of the shared region. */
  readonly regionPath: string;
}

export function temporaryLog(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'flashstrike-attach-'));
  context.after(() => removeFolder(directory));
  return directory;
}

/** Starts a process that opens the log in `directory`; resolves once its events are durable. */
export async function openElsewhere(
  context: TestContext,
  directory = temporaryLog(context),
  options = mappedOptions(context),
): Promise<OwnedLog> {
  const owner = Script.start(context, OWNER, directory, { ...options, events: EVENTS });
  await owner.tells('open');
  const [region, ...others] = readdirSync(options.sharedMemoryDirectory);
  assert.ok(region !== undefined && others.length === 0, 'the process has one region');
  return { directory, options, owner, regionPath: join(options.sharedMemoryDirectory, region) };
}

/** The same, and then the process is killed. */
export async function leftByKill(context: TestContext): Promise<OwnedLog> {
  const log = await openElsewhere(context);
  const { signal } = await log.owner.kill();
  assert.equal(signal, 'SIGKILL');
  return log;
}
