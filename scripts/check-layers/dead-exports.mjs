// Names that a file exports and no other file imports.
import { ALL } from './module-parts.mjs';

/**
 * @param modules for each file what it imports from which other (`uses`) and what it exports
 * @param isExempt whether a file is an entry point, or is for tests: anything may use what it
 * exports
 * @returns `{ path, line, name }` of each dead name
 */
export function deadExports(modules, isUser, isExempt) {
  const used = new Set();
  for (const [path, { uses }] of modules) {
    if (!isUser(path)) continue;
    for (const { module, names } of uses) for (const name of names) used.add(`${module}#${name}`);
  }
  const dead = [];
  for (const [path, { exports }] of modules) {
    if (isExempt(path) || used.has(`${path}#${ALL}`)) continue;
    for (const { name, line } of exports) {
      if (!used.has(`${path}#${name}`)) dead.push({ path, line, name });
    }
  }
  return dead;
}
