// Measures TypeScript with the compiler's parser, so that strings and comments are not counted as code.
import path from 'node:path';
import ts from 'typescript';
import type { RepositoryFile } from './repository-files.ts';

export interface Measured {
  /** The key in the lists of exceptions: the path of a file or folder, or `path#name` for a function. */
  readonly key: string;
  readonly size: number;
}

function parse(file: RepositoryFile): ts.SourceFile {
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
}

export function countLines(text: string): number {
  return text.replace(/\n$/, '').split('\n').length;
}

/**
 * Returns the number of source files in each folder, without subfolders. Omits folders of migrations, whose number of
 * files can only grow.
 */
export function folderSizes(files: readonly { readonly path: string }[]): readonly Measured[] {
  const sizes = new Map<string, number>();
  for (const file of files) {
    const folder = path.posix.dirname(file.path);
    if (path.posix.basename(folder) !== 'migrations') sizes.set(folder, (sizes.get(folder) ?? 0) + 1);
  }
  return [...sizes].map(([key, size]) => ({ key, size }));
}

export function measureFunctions(file: RepositoryFile): readonly Measured[] {
  const source = parse(file);
  const found: Measured[] = [];
  visit(source, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
    const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
    const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
    found.push({ key: `${file.path}#${nameOf(node)}`, size: last - first + 1 });
  });
  return found;
}

/**
 * Returns the name of a function. An anonymous function has the name of its variable, or of the call to which it is
 * passed.
 */
function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  const holder = node.parent;
  if (ts.isVariableDeclaration(holder) || ts.isPropertyAssignment(holder) || ts.isPropertyDeclaration(holder)) {
    return holder.name.getText();
  }
  if (ts.isCallExpression(holder)) return `${holder.expression.getText().slice(0, 60)}()`;
  return ts.isConstructorDeclaration(node) ? 'constructor' : 'anonymous';
}

/** Returns names that say how a type is built and not what it means: `IThing`, `ThingImpl`. */
export function emptyNames(file: RepositoryFile): readonly string[] {
  const names: string[] = [];
  visit(parse(file), (node) => {
    if (!ts.isClassDeclaration(node) && !ts.isInterfaceDeclaration(node) && !ts.isTypeAliasDeclaration(node)) return;
    const name = node.name?.text ?? '';
    if (name.endsWith('Impl') || /^I[A-Z][a-z]/.test(name)) names.push(`${file.path}: ${name}`);
  });
  return names;
}

/** Returns the files that a file imports by a relative path. Imports of types count too. */
export function relativeImports(file: RepositoryFile): readonly string[] {
  return parse(file).statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const specifier = statement.moduleSpecifier;
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return [];
    return specifier.text.startsWith('.') ? [path.posix.join(path.posix.dirname(file.path), specifier.text)] : [];
  });
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  node.forEachChild((child) => visit(child, look));
}
