// What the compiler says about a snippet: messages are output, and are tested like output.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import ts from 'typescript';
import { projectRoot } from '../project-root.js';

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
};

/**
 * Compiles the snippets (name to text) in one program, each as a separate module in the folder
 * `src/`, so that `./memory/layout.js` is ours. Returns for each the messages in the order of the
 * text, as `marked text: message`.
 */
export function diagnostics(
  snippets: Readonly<Record<string, string>>,
  { folder = join(projectRoot(), 'src'), options = OPTIONS } = {},
): Map<string, string[]> {
  const paths = new Map(
    Object.keys(snippets).map((name) => [join(folder, `${name}.snippet.ts`), name]),
  );

  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => paths.has(path) || fileExists.call(host, path);
  host.readFile = (path) => snippets[paths.get(path) ?? ''] ?? readFile.call(host, path);
  const program = ts.createProgram([...paths.keys()], options, host);

  const messages = new Map<string, string[]>();
  for (const [path, name] of paths) {
    const file = program.getSourceFile(path);
    if (file === undefined) throw new Error(`the compiler did not read snippet ${name}`);
    const found = [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ];
    messages.set(
      name,
      found.map((diagnostic) => markedMessage(file.text, diagnostic)),
    );
  }
  return messages;
}

/** A snippet, and for each message of the compiler a part of `marked text: message`. */
export interface MessageCase {
  readonly code: string;
  readonly says: readonly string[];
}

/** Declares a test for each case, its code after `prelude`: these messages, and no others. */
export function describeMessages(
  what: string,
  prelude: string,
  cases: Readonly<Record<string, MessageCase>>,
): void {
  describe(what, () => {
    let messages = new Map<string, string[]>();
    before(() => {
      const snippets = Object.entries(cases).map(([name, { code }]) => [name, prelude + code]);
      messages = diagnostics(Object.fromEntries(snippets));
    });

    for (const [name, { says }] of Object.entries(cases)) {
      test(name, () => {
        const found = messages.get(name) ?? [];
        assert.equal(found.length, says.length, found.join('\n'));
        for (const [index, message] of found.entries()) {
          const part = says[index] ?? '';
          assert.ok(message.includes(part), `${message}\ndoes not hold\n${part}`);
        }
      });
    }
  });
}

function markedMessage(text: string, diagnostic: ts.Diagnostic): string {
  const start = diagnostic.start ?? 0;
  const marked = text.slice(start, start + (diagnostic.length ?? 0));
  return `${marked}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`;
}
