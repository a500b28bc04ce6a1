import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { TestServer } from './test-server.ts';

/**
 * Expects that no log line and no file below the data folder contains a secret. The files are the database, its WAL, the
 * blobs and the job view. `more` are other folders to search.
 */
export function expectNowhere(t: TestServer, secrets: readonly string[], more: readonly string[] = []): void {
  // JSON escapes line ends. So if a secret has several lines, the search is for its longest line.
  const lines = secrets.map((secret) => secret.split('\n').toSorted((a, b) => b.length - a.length)[0] ?? '');
  for (const file of [t.folder, ...more].flatMap(filesBelow)) {
    const bytes = readFileSync(file);
    expect(
      lines.filter((line) => bytes.includes(line)),
      file,
    ).toEqual([]);
  }
  const log = t.logLines.join('');
  expect(lines.filter((line) => log.includes(line))).toEqual([]);
}

export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}
