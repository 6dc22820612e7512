// Refuses what a merge leaves in files where two sides changed the same lines. Compilers see that
// in code; nothing else looks at Markdown, YAML and the like. Reads every tracked text file, prints
// each mark as `file:line conflict mark`, and ends with 1 if there is one.
//
//     node scripts/check-conflicts.mjs [FOLDER]      the checkout in FOLDER, by default this one
import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Ours, the ancestor, theirs. A line of `=` alone may as well underline a title. */
const MARK = /^(?:<{7}|\|{7}|>{7})(?: |\r?$)/;

/** Tracked files, those that are merged just now included; each once. */
function trackedFiles(root) {
  const listed = execFileSync('git', ['ls-files', '-z', '--full-name'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split('\0'))].filter((path) => path !== '');
}

/** Its bytes, or undefined: it is a link, a submodule, or was removed and that is not staged. */
function contentOf(path) {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isFile() ? readFileSync(path) : undefined;
}

export function check(root) {
  const problems = [];
  let files = 0;
  for (const path of trackedFiles(root)) {
    const content = contentOf(join(root, path));
    // As git tells text from the rest.
    if (content === undefined || content.subarray(0, 8000).includes(0)) continue;
    files++;
    for (const [index, line] of content.toString('utf8').split('\n').entries()) {
      if (MARK.test(line)) problems.push(`${path}:${index + 1} conflict mark`);
    }
  }
  return { problems, files };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const project = dirname(dirname(fileURLToPath(import.meta.url)));
  const { problems, files } = check(resolve(process.argv[2] ?? project));
  for (const problem of problems) console.error(problem);
  const verdict = problems.length === 0 ? 'none' : `${problems.length}`;
  console.error(`conflict marks in ${files} files: ${verdict}`);
  process.exitCode = problems.length === 0 && files > 0 ? 0 : 1;
}
