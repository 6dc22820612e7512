// Where a folder is mounted, as /proc/self/mountinfo tells (proc(5)).
import type { Machine } from './machine.js';

export interface Mount {
  /** `major:minor`. */
  readonly device: string;
  /** What of the file system is seen here: `/` is all of it. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly source: string;
  /** Those of the mount and those of the file system. */
  readonly options: readonly string[];
}

/** Blanks and the like stand there as octal numbers. */
const plain = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );

function parseLine(line: string): Mount | undefined {
  const [before = '', behind] = line.split(' - ', 2);
  const [, , device, root, point, options = ''] = before.split(' ');
  const [type, source, superOptions = ''] = behind?.split(' ') ?? [];
  if (device === undefined || root === undefined || point === undefined) return undefined;
  if (type === undefined || source === undefined) return undefined;
  const all = [...options.split(','), ...superOptions.split(',')].filter((each) => each !== '');
  return {
    device,
    root: plain(root),
    point: plain(point),
    type,
    source: plain(source),
    options: [...new Set(all)],
  };
}

export const mountsOf = (machine: Machine): Mount[] =>
  (machine.readText('/proc/self/mountinfo') ?? '')
    .split('\n')
    .map(parseLine)
    .filter((mount) => mount !== undefined);

const isBelow = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`);

/** The innermost mount; of several in one place the one on top. `path` has no links in it. */
export function mountAt(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    if (isBelow(path, mount.point) && mount.point.length >= (best?.point.length ?? 0)) {
      best = mount;
    }
  }
  return best;
}

/** The value of `name=value`, an empty text for a bare name, undefined where it is not there. */
export function optionOf(mount: Mount | undefined, name: string): string | undefined {
  for (const option of mount?.options ?? []) {
    if (option === name) return '';
    if (option.startsWith(`${name}=`)) return option.slice(name.length + 1);
  }
  return undefined;
}
