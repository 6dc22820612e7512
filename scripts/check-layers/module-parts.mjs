// What a file of TypeScript imports and exports, read from its syntax alone.
import ts from 'typescript';

/** Of an import: whatever the module exports may be used. */
export const ALL = '*';

/**
 * `imports`: every module that the file names, with the line and the names that are taken from it:
 * by static, dynamic and type imports, re-exports, `require`, and
 * `new URL('./worker.js', import.meta.url)`, which is how a thread's module is named. `exports`:
 * the names that it exports, with their lines.
 */
export function partsOf(text) {
  const file = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, false);
  const imports = [];
  const exports = [];
  const lineOf = (node) => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
  const take = (literal, names) => {
    if (literal === undefined || !ts.isStringLiteralLike(literal)) return;
    imports.push({ specifier: literal.text, line: lineOf(literal), names });
  };
  const give = (name) => exports.push({ name: name.text, line: lineOf(name) });
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) take(node.moduleSpecifier, importedNames(node.importClause));
    else if (ts.isExportDeclaration(node)) take(node.moduleSpecifier, exportedNames(node));
    else if (ts.isImportTypeNode(node)) take(node.argument.literal, typeNames(node.qualifier));
    else if (ts.isCallExpression(node) && isLoad(node)) take(node.arguments[0], [ALL]);
    else if (ts.isNewExpression(node)) take(moduleUrl(file, node), []);
    ts.forEachChild(node, visit);
  };
  visit(file);
  for (const statement of file.statements) giveNames(statement, give);
  return { imports, exports };
}

function importedNames(clause) {
  if (clause === undefined) return [];
  const names = clause.name === undefined ? [] : ['default'];
  const bindings = clause.namedBindings;
  if (bindings === undefined) return names;
  return [...names, ...(ts.isNamedImports(bindings) ? bindings.elements.map(sourceName) : [ALL])];
}

const exportedNames = ({ exportClause }) =>
  exportClause !== undefined && ts.isNamedExports(exportClause)
    ? exportClause.elements.map(sourceName)
    : [ALL];

const sourceName = ({ propertyName, name }) => (propertyName ?? name).text;

/** `A` of `import('./x.js').A.B`. */
function typeNames(qualifier) {
  let name = qualifier;
  while (name !== undefined && ts.isQualifiedName(name)) name = name.left;
  return [name?.text ?? ALL];
}

/** Calls `give` with each name that a statement exports. */
function giveNames(statement, give) {
  if (ts.isExportDeclaration(statement)) {
    const clause = statement.exportClause;
    if (clause === undefined) return;
    if (ts.isNamedExports(clause)) for (const { name } of clause.elements) give(name);
    else give(clause.name);
  } else if (statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) {
    if (!ts.isVariableStatement(statement)) give(statement.name);
    else for (const { name } of statement.declarationList.declarations) giveBinding(name, give);
  }
}

function giveBinding(name, give) {
  if (ts.isIdentifier(name)) give(name);
  else for (const element of name.elements) if (element.name) giveBinding(element.name, give);
}

/** `import(…)`, `require(…)`, or what `createRequire(…)` returned, called at once. */
function isLoad({ expression }) {
  if (expression.kind === ts.SyntaxKind.ImportKeyword) return true;
  const called = ts.isCallExpression(expression) ? expression.expression : expression;
  return (
    ts.isIdentifier(called) && called.text === (called === expression ? 'require' : 'createRequire')
  );
}

/** `'./x.js'` of `new URL('./x.js', import.meta.url)`; other files than modules are not ours. */
function moduleUrl(file, { expression, arguments: values }) {
  if (!ts.isIdentifier(expression) || expression.text !== 'URL') return undefined;
  if (values?.[1]?.getText(file) !== 'import.meta.url') return undefined;
  return ts.isStringLiteralLike(values[0]) && values[0].text.endsWith('.js')
    ? values[0]
    : undefined;
}
