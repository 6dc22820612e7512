// What the compiler says about a snippet: messages are output, and are tested like output.
import { join } from 'node:path';
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

function markedMessage(text: string, diagnostic: ts.Diagnostic): string {
  const start = diagnostic.start ?? 0;
  const marked = text.slice(start, start + (diagnostic.length ?? 0));
  return `${marked}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`;
}
