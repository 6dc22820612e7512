// Makes the site: the guides, and every public type, call and error from the code, as static files.
// Ends with 1 if typedoc has a warning: a name that is not public, a link that leads nowhere, a
// comment that is wrong.
//
//     node scripts/docs.mjs [FOLDER]      by default into .site/
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { writePages } from './docs/pages.mjs';

/** Parts of public types that nobody has to name: their shape is told where they are used. */
const HELPERS = [
  'AppliedEvent',
  'ApplyChange',
  'ApplyNote',
  'DumpOptions',
  'EmptyResource',
  'ExponentialHistogramData',
  'Failure',
  'FamilyType',
  'GaugeData',
  'HeartName',
  'HistogramData',
  'INTERVAL_FIELDS',
  'Label',
  'Layout',
  'LogElsewhere',
  'MetricMemory',
  'MetricReading',
  'MetricsStruct',
  'NumberKind',
  'OpeningPhase',
  'POLICIES',
  'RegisteredMetric',
  'ShownValue',
  'SIDES',
  'StreamsStanding',
  'StructDefinition',
  'StructsOf',
  'SumData',
  'Typed',
  'ValidatorResult',
  'WAIT_KINDS',
  'WalErrorDetails',
];
const ENTRIES = ['index', 'telemetry', 'prometheus', 'opentelemetry', 'replication', 'nats', 's3'];

const project = dirname(dirname(fileURLToPath(import.meta.url)));

/** Resolves with the warnings and errors, in words; the site is in `out`. */
export async function makeSite(out) {
  const { Application, LogLevel } = await import('typedoc').catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('typedoc is not installed here: npm ci', { cause: error });
  });
  const { repository, version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  const source = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-docs-'));
  try {
    const [readme, ...guides] = writePages(project, folder, source).map((path) =>
      join(folder, path),
    );
    const app = await Application.bootstrap({
      name: 'Flashstrike',
      includeVersion: false,
      basePath: folder,
      displayBasePath: project,
      entryPoints: ENTRIES.map((entry) => join(project, 'src', `${entry}.ts`)),
      tsconfig: join(project, 'scripts', 'docs', 'tsconfig.json'),
      readme,
      projectDocuments: guides,
      out,
      excludeExternals: true,
      excludeInternal: true,
      excludePrivate: true,
      // The build checks the types.
      skipErrorChecking: true,
      intentionallyNotExported: HELPERS,
      sourceLinkTemplate: `${source}/blob/main/{path}#L{line}`,
      disableGit: true,
      gitRevision: 'main',
      sort: ['documents-first', 'kind', 'alphabetical'],
      groupOrder: ['Begin', 'Build', 'Run', 'Understand', 'Modules', '*'],
      navigation: { includeGroups: true },
      navigationLinks: { Source: source },
      customFooterHtml: `Flashstrike ${version}`,
      hideGenerator: true,
      logLevel: LogLevel.Warn,
    });
    const told = [];
    const { logger } = app;
    logger.log = (message, level) => {
      if (level >= LogLevel.Warn) told.push(stripVTControlCharacters(message));
    };
    const model = await app.convert();
    if (model === undefined) return [...told, 'typedoc could not read the code'];
    for (const module of model.children ?? [])
      module.name = module.name.replace(/^src\b/, 'flashstrike');
    app.validate(model);
    await app.generateOutputs(model);
    return told;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const out = resolve(process.argv[2] ?? join(project, '.site'));
  const told = await makeSite(out);
  for (const message of told) console.error(message);
  if (told.length > 0 || !existsSync(join(out, 'index.html'))) {
    console.error(`docs: ${told.length} warnings; the site is not as it should be`);
    process.exitCode = 1;
  } else {
    console.error(`docs: ${join(out, 'index.html')}`);
  }
}
