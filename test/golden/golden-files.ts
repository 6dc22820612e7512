// Where the golden files stand and what is to stand in them. A damaged log is stored as the files
// that differ from those of the sound one.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { goldenLogs } from './golden-logs.js';
import type { Files, GoldenLog } from './golden-parts.js';
import { goldenStructures } from './golden-structures.js';
import { decodeDump, encodeDump } from './hex-dump.js';

/** The folder that holds package.json, from wherever this was compiled to. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!readdirSync(folder).includes('package.json')) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json above the golden files');
    folder = parent;
  }
  return folder;
}

export const goldenFolder = (): string => join(repositoryRoot(), 'test', 'golden', 'v1');

const SOUND = 'closed';

/** Path under {@link goldenFolder} to bytes, as the code of today makes them. */
export function expectedFiles(): ReadonlyMap<string, Uint8Array | undefined> {
  const files = new Map<string, Uint8Array | undefined>();
  for (const [name, bytes] of goldenStructures())
    files.set(join('structures', `${name}.hex`), bytes);
  const logs = goldenLogs();
  const sound = logs.find((log) => log.name === SOUND)?.files ?? {};
  for (const log of logs) {
    for (const [name, bytes] of Object.entries(log.files)) {
      const isShared = log.name !== SOUND && isEqual(sound[name], bytes);
      if (!isShared) files.set(join(log.name, `${name}.hex`), bytes);
    }
  }
  return files;
}

const isEqual = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;

/** Paths of all committed golden files. */
export function committedPaths(): string[] {
  const folder = goldenFolder();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

export const committedDump = (path: string): string =>
  readFileSync(join(goldenFolder(), path), 'utf8');

export function committedBytes(path: string): Uint8Array {
  const bytes = decodeDump(committedDump(path));
  if (bytes === undefined) throw new RangeError(`${path} stands for no bytes`);
  return bytes;
}

/** Replaces the committed files; only by hand, and only for a new version of the format. */
export function writeGoldenFiles(): number {
  const files = expectedFiles();
  for (const [path, bytes] of files) {
    const target = join(goldenFolder(), path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, encodeDump(bytes));
  }
  return files.size;
}

/** Writes the committed bytes of a log into an existing folder, as a log to be opened. */
export function layOut(log: GoldenLog, directory: string): void {
  const paths = new Set(committedPaths());
  const names: (keyof Files)[] = Object.keys(log.files);
  for (const name of names) {
    const own = join(log.name, `${name}.hex`);
    const path = paths.has(own) ? own : join(SOUND, `${name}.hex`);
    const bytes = decodeDump(committedDump(path));
    if (bytes !== undefined) writeFileSync(join(directory, name), bytes, { mode: 0o600 });
  }
}
