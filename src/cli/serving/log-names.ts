// What several logs are called where they stand beside each other.
import { basename, resolve } from 'node:path';

/** Each folder's name: its base name, or the path as it was given where another has this name. */
export function logNames(dirs: readonly string[]): Map<string, string> {
  const names = dirs.map((dir) => basename(resolve(dir)));
  const isShared = (name: string): boolean => names.filter((other) => other === name).length > 1;
  return new Map(
    dirs.map((dir, index) => {
      const name = names[index] ?? '';
      return [dir, name === '' || isShared(name) ? dir : name];
    }),
  );
}
