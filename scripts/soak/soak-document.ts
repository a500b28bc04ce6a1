// Writes docs/soak.md, with one section for each part and the machine on which it ran. A run of only some parts
// replaces only their sections.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import { format, resolveConfig } from 'prettier';
import type { SoakOutcome } from './run-part.ts';
import { soakParts } from './soak-parts.ts';

const intro = `# Long checks

What the long versions of the checks said when they last ran. \`npm run soak\` runs all of them and writes this page;
\`npm run soak -- --only fleet\` runs one and replaces its section, \`--small\` tries them in seconds and writes nothing. A part that
fails says so here and ends the command with an error, and the others still run. Parts are rows of
\`scripts/soak/soak-parts.ts\`.`;

export async function writeSoakDocument(file: string, outcomes: readonly SoakOutcome[]): Promise<void> {
  const sections = sectionsOf(existsSync(file) ? readFileSync(file, 'utf8') : '');
  for (const outcome of outcomes) sections.set(outcome.part.name, sectionOf(outcome));
  const ordered = soakParts.flatMap(({ name }) => sections.get(name) ?? []);
  const text = [intro, ...ordered].join('\n\n');
  writeFileSync(file, await format(`${text}\n`, { ...(await resolveConfig(file)), filepath: file }));
}

/** Returns the sections of a document, by heading. */
export function sectionsOf(document: string): Map<string, string> {
  const sections = document.split(/^(?=## )/m).slice(1);
  return new Map(sections.map((section) => [/^## (.*)$/m.exec(section)?.[1] ?? '', section.trim()]));
}

function sectionOf({ part, env, passed, seconds, said }: SoakOutcome): string {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const command = [...settings, ...part.command].join(' ');
  return [
    `## ${part.name}`,
    part.about,
    `\`${command}\``,
    `${passed ? 'Passed' : '**Failed**'} after ${String(seconds)} s on ${machine()}.`,
    ...(said === '' ? [] : [said]),
  ].join('\n\n');
}

function machine(): string {
  const memory = Math.round(os.totalmem() / 1024 ** 3);
  return `${String(os.availableParallelism())} cores, ${String(memory)} GiB, Linux ${os.release()}, Node ${process.version}`;
}
