// Checks names of files and folders: they are in kebab-case and describe the content. Generic names are rejected.
import path from 'node:path';

const vague = new Set(['util', 'utils', 'common', 'helper', 'helpers', 'manager', 'managers', 'misc']);
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/;

/** Returns the objection to the name of a source file, or undefined. */
export function nameObjection(file: string): string | undefined {
  if (!/\.(tsx?|js|css|html)$/.test(file)) return undefined;
  const name = path.posix.basename(file);
  if (!kebab.test(name)) return `${file}: file names are kebab-case`;
  const words = file.split('/').flatMap((part) => part.split('.')[0]?.split('-') ?? []);
  const word = words.find((each) => vague.has(each));
  if (word !== undefined) return `${file}: "${word}" does not say what is inside; name the file after its main export`;
  if (/^(types|index\.types)\.tsx?$/.test(name)) return `${file}: put a type beside the code it describes`;
  return undefined;
}
