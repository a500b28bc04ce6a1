// Lists the targets by file name.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { FuzzTarget } from './fuzz-target.ts';

const folder = path.join(import.meta.dirname, 'targets');

/** Kept inputs. Each of them reaches code that the others do not. */
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
