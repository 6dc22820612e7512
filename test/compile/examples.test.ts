// What users read and copy: every public name has a documentation comment, the examples in these
// comments compile, and so does the code in the documents, with the options of a strict project.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { projectRoot } from '../project-root.js';
import { diagnostics } from './diagnostics.js';

const ENTRIES = [
  'index',
  'telemetry',
  'prometheus',
  'opentelemetry',
  'replication',
  'nats',
  's3',
] as const;
const DOCUMENTS = [
  'README.md',
  'docs/QUICK-START.md',
  'docs/API.md',
  'docs/CONSUMERS.md',
  'docs/OPERATIONS.md',
  'docs/TUNING.md',
  'docs/EVENTS.md',
  'docs/METRICS.md',
  'docs/STATE-MACHINE.md',
  'docs/REPLICATION.md',
] as const;
/** As in a strict project, with what README says that it needs: no `lib` but that of ES2022. */
const STRICT: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  noEmit: true,
};

const entryPath = (entry: string): string =>
  fileURLToPath(new URL(`../../src/${entry}.d.ts`, import.meta.url));
const DECLARATIONS = fileURLToPath(new URL('../../src/', import.meta.url));

const program = ts.createProgram(ENTRIES.map(entryPath), STRICT);
const checker = program.getTypeChecker();

type Named = readonly [name: string, symbol: ts.Symbol];

/** The names of a module, including those of the namespaces that it exports. */
function namesOf(module: ts.Symbol, prefix: string): Named[] {
  return checker.getExportsOfModule(module).flatMap((exported): Named[] => {
    const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
    const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
    const name = `${prefix}${exported.name}`;
    const isNamespace = (symbol.flags & ts.SymbolFlags.ValueModule) !== 0;
    return isNamespace ? namesOf(symbol, `${name}.`) : [[name, symbol]];
  });
}

/** The public members of a class or an interface that this package declares. */
function membersOf([name, symbol]: Named): Named[] {
  if ((symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) === 0) return [];
  const isPublic = (declaration: ts.Declaration): boolean =>
    declaration.getSourceFile().fileName.startsWith(DECLARATIONS) &&
    !declaration.getText().startsWith('#') &&
    (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.NonPublicAccessibilityModifier) ===
      0;
  return checker
    .getDeclaredTypeOfSymbol(symbol)
    .getProperties()
    .filter((member) => member.declarations?.some(isPublic))
    .map((member) => [`${name}.${member.name}`, member]);
}

const NAMES = ENTRIES.flatMap((entry) => {
  const file = program.getSourceFile(entryPath(entry));
  const module = file && checker.getSymbolAtLocation(file);
  assert.ok(module !== undefined, `${entryPath(entry)} is built`);
  return namesOf(module, `${entry}.`);
});

/** A name is explained by its own comment, or by that of the class that it is an instance of. */
function isDocumented(symbol: ts.Symbol): boolean {
  if (symbol.getDocumentationComment(checker).length > 0) return true;
  const type = checker.getTypeOfSymbol(symbol).getSymbol();
  const isInstance = type !== undefined && (type.flags & ts.SymbolFlags.Class) !== 0;
  return isInstance && type.getDocumentationComment(checker).length > 0;
}

/** Of a metric and of the call that records it, docs/METRICS.md has the meaning. */
const isMetric = (name: string): boolean => /^telemetry\.(recorder|recovery)\.\w+\./.test(name);

/** `example 2 of index.Wal.open` → code. */
function examplesOf([name, symbol]: Named): [string, string][] {
  const examples = symbol.getJsDocTags(checker).filter((tag) => tag.name === 'example');
  return examples.map(({ text }, index) => [
    `example ${index + 1} of ${name}`,
    ts.displayPartsToString(text),
  ]);
}

/** `README.md:60` → code, for each block of JavaScript or TypeScript. */
function blocksOf(document: string): [string, string][] {
  const text = readFileSync(join(projectRoot(), document), 'utf8');
  return Array.from(text.matchAll(/^```(?:js|ts)\n(.*?)^```$/gms), ({ 1: code = '', index }) => {
    const line = text.slice(0, index).split('\n').length + 1;
    return [`${document.replace('/', '-')} line ${line}`, code];
  });
}

describe('the public names', () => {
  test('and their members have a documentation comment each', () => {
    const undocumented = NAMES.flatMap((named) => [named, ...membersOf(named)])
      .filter(([name]) => !isMetric(name))
      .filter(([, symbol]) => !isDocumented(symbol))
      .map(([name]) => name);
    assert.deepEqual(undocumented, []);
  });

  test('are declared without errors for a strict project with the lib of ES2022', () => {
    const files = program
      .getSourceFiles()
      .filter(({ fileName }) => fileName.startsWith(DECLARATIONS));
    assert.ok(files.length > ENTRIES.length);
    const found = files.flatMap((file) => program.getSemanticDiagnostics(file));
    assert.deepEqual(
      found.map(({ file, messageText }) => [file?.fileName, messageText]),
      [],
    );
  });
});

test('the examples in documentation comments and the code in documents compile', () => {
  const snippets = Object.fromEntries([
    ...NAMES.flatMap((named) => [named, ...membersOf(named)]).flatMap(examplesOf),
    ...DOCUMENTS.flatMap(blocksOf),
  ]);
  assert.ok(Object.keys(snippets).length > 15);
  const found = diagnostics(snippets, { folder: projectRoot(), options: STRICT });
  const wrong = [...found].filter(([, messages]) => messages.length > 0);
  assert.deepEqual(Object.fromEntries(wrong), {});
});
