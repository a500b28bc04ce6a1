// Lists and loads the fuzz targets by the names of their files.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { FuzzTarget } from './fuzz-target.ts';

const folder = path.join(import.meta.dirname, 'targets');

/** Folder of the inputs that the repository keeps. Each input reaches code that the others do not reach. */
export const corpusFolder = path.join(import.meta.dirname, 'corpus');

export const targetNames: readonly string[] = readdirSync(folder)
  .map((file) => path.basename(file, '.ts'))
  .toSorted();

export function targetFile(name: string): string {
  return path.join(folder, `${name}.ts`);
}

export async function loadTarget(name: string): Promise<FuzzTarget> {
  return (await import(targetFile(name))) as FuzzTarget;
}
