// Measures TypeScript as the compiler sees it, so that strings and comments cannot mislead the count.
import path from 'node:path';
import ts from 'typescript';
import type { RepositoryFile } from './repository-files.ts';

export interface MeasuredFunction {
  /** `path#name`, the key of the exception list. */
  readonly key: string;
  readonly lines: number;
}

function parse(file: RepositoryFile): ts.SourceFile {
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
}

export function countLines(text: string): number {
  return text.replace(/\n$/, '').split('\n').length;
}

export function measureFunctions(file: RepositoryFile): readonly MeasuredFunction[] {
  const source = parse(file);
  const found: MeasuredFunction[] = [];
  visit(source, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
    const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
    const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
    found.push({ key: `${file.path}#${nameOf(node)}`, lines: last - first + 1 });
  });
  return found;
}

/** An anonymous function is known by what it is assigned to or called in. */
function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  const holder = node.parent;
  if (ts.isVariableDeclaration(holder) || ts.isPropertyAssignment(holder) || ts.isPropertyDeclaration(holder)) {
    return holder.name.getText();
  }
  if (ts.isCallExpression(holder)) return `${holder.expression.getText().slice(0, 60)}()`;
  return ts.isConstructorDeclaration(node) ? 'constructor' : 'anonymous';
}

/** Names that say how something is built instead of what it is: `IThing`, `ThingImpl`. */
export function emptyNames(file: RepositoryFile): readonly string[] {
  const names: string[] = [];
  visit(parse(file), (node) => {
    if (!ts.isClassDeclaration(node) && !ts.isInterfaceDeclaration(node) && !ts.isTypeAliasDeclaration(node)) return;
    const name = node.name?.text ?? '';
    if (name.endsWith('Impl') || /^I[A-Z][a-z]/.test(name)) names.push(`${file.path}: ${name}`);
  });
  return names;
}

/** Files this one needs at run time; types are gone by then and cannot make a cycle that hurts. */
export function runtimeImports(file: RepositoryFile): readonly string[] {
  return parse(file).statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const typeOnly = ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    const specifier = statement.moduleSpecifier;
    if (typeOnly || specifier === undefined || !ts.isStringLiteral(specifier)) return [];
    return specifier.text.startsWith('.') ? [path.posix.join(path.posix.dirname(file.path), specifier.text)] : [];
  });
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  node.forEachChild((child) => visit(child, look));
}
