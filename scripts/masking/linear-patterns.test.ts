// Proves that regular expressions take linear time, with the automaton method of `recheck`. It checks the patterns of
// all masking rules. It also checks every regular expression in the code that tests a found value.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import recheck from 'recheck/lib/browser.js';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { secretRules } from '@proofhouse/core';

const sources = path.join(import.meta.dirname, '../../packages/core/src/masking');

function statusOf(source: string, flags: string): string {
  // recheck does not support the flag `d`. The flag is removed, because it does not change what a pattern matches.
  return recheck.checkSync(source, flags.replace('d', ''), { checker: 'automaton', timeout: 10_000 }).status;
}

const patterns = secretRules.flatMap(({ id, pattern, block }) => [
  { id, pattern },
  ...(block === undefined ? [] : [block.piece, block.end].map((part) => ({ id: `${id} (block)`, pattern: part }))),
]);

/** The regular expressions in the text of one source file. */
function literalsIn(file: string): readonly string[] {
  const parsed = ts.createSourceFile(
    file,
    readFileSync(path.join(sources, file), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return found;
}

describe('the patterns of the secret rules', () => {
  it('are linear', { timeout: 60_000 }, () => {
    expect(patterns.length).toBeGreaterThan(secretRules.length);
    const statuses = patterns.map(({ id, pattern }) => `${id}: ${statusOf(pattern.source, pattern.flags)}`);
    expect(statuses.filter((line) => !line.endsWith(': safe'))).toEqual([]);
  });

  it('have bounded quantifiers only', () => {
    const unbounded = patterns.filter(({ pattern }) => {
      const withoutClasses = pattern.source.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]/g, 'x');
      return /[*+]|\{\d+,\}/.test(withoutClasses);
    });
    expect(unbounded).toEqual([]);
  });

  it('would be refused if one took exponential or quadratic time', () => {
    expect(statusOf('(?:a|a)*b', 'y')).toBe('vulnerable');
    expect(statusOf(String.raw`x\w*\w*=`, 'y')).toBe('vulnerable');
  });

  it('are accompanied by linear tests of values', { timeout: 60_000 }, () => {
    const literals = globSync('{*,rules/*}.ts', { cwd: sources })
      .filter((file) => !file.endsWith('.test.ts'))
      .flatMap((file) => literalsIn(file));
    expect(literals.length).toBeGreaterThan(50);
    const doubtful = literals.filter((literal) => {
      const end = literal.lastIndexOf('/');
      return statusOf(literal.slice(1, end), literal.slice(end + 1)) !== 'safe';
    });
    expect(doubtful).toEqual([]);
  });
});
