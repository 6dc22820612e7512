// Makes one file of the page of the dashboard: its document with styles and scripts in it, and the
// chart library. A browser that has it asks for nothing else.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';

const FOLDER = join('src', 'cli', 'dashboard', 'page');
const LIBRARY = 'uplot';

/** Comments and indentation are for those who write the styles. */
const shorter = (css) =>
  css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s*\n\s*/g, '\n')
    .trim();

async function scriptOf(project) {
  const build = await rolldown({
    input: join(project, FOLDER, 'main.ts'),
    platform: 'browser',
    tsconfig: join(project, FOLDER, 'tsconfig.json'),
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    // What browsers of the last years run.
    transform: { target: 'es2022' },
  });
  const { output } = await build.generate({ format: 'iife', minify: true });
  await build.close();
  const [{ code }, ...others] = output;
  if (others.length > 0) throw new Error('bundle: the page is not one script');
  return code.trim();
}

/** The notice that each copy of the library has to keep. */
function noticeOf(library) {
  const { version } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'));
  const licence = readFileSync(join(library, 'LICENSE'), 'utf8').trim();
  return `/*! This page contains uPlot ${version}.\n\n${licence}\n*/`;
}

export async function bundlePage(project) {
  const folder = join(project, FOLDER);
  const library = join(project, 'node_modules', LIBRARY);
  const styles = readdirSync(folder)
    .filter((name) => name.endsWith('.css'))
    .sort()
    .map((name) => join(folder, name));
  const css = [join(library, 'dist', 'uPlot.min.css'), ...styles]
    .map((path) => shorter(readFileSync(path, 'utf8')))
    .join('\n');
  const script = `${noticeOf(library)}\n${await scriptOf(project)}`;
  if (/<\/(?:script|style)/i.test(script + css)) throw new Error('bundle: a tag ends too early');
  const parts = { styles: `<style>${css}</style>`, script: `<script>${script}</script>` };
  const html = readFileSync(join(folder, 'index.html'), 'utf8').replace(
    /<!-- (styles|script) -->/g,
    (_all, name) => parts[name],
  );
  const target = join(project, 'dist', 'src', 'cli', 'dashboard', 'page.html');
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, html);
}
