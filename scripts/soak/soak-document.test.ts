import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runPart } from './run-part.ts';
import { sectionsOf, writeSoakDocument } from './soak-document.ts';
import { soakParts, type SoakPart } from './soak-parts.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-soak-'));
  file = path.join(folder, 'soak.md');
});
afterEach(() => rm(folder, { recursive: true }));

function part(name: string, script: string): SoakPart {
  return { name, about: 'A part.', command: ['node', '-e', script], env: { SIZE: '9' }, small: { SIZE: '1' } };
}

const [first, second] = soakParts.map(({ name }) => name) as [string, string];

describe('a long check', () => {
  it('writes its result into the document, and keeps the sections of other checks', async () => {
    const printing = `console.log('much before'); console.log('RESULT'); console.log('size ' + process.env.SIZE)`;
    const one = await runPart(part(first, printing), false);
    expect(one).toMatchObject({ passed: true, said: 'size 9' });
    await writeSoakDocument(file, [one]);
    const before = sectionsOf(await readFile(file, 'utf8')).get(first);
    await writeSoakDocument(file, [await runPart(part(second, ''), false)]);
    const sections = sectionsOf(await readFile(file, 'utf8'));
    expect([...sections.keys()]).toEqual([first, second]);
    expect(sections.get(first)).toBe(before);
    expect(before).toContain('size 9');
  });

  it('that fails is reported with the end of its output', async () => {
    const failed = await runPart(part(first, `console.error('## it broke'); process.exit(3)`), true);
    expect(failed).toMatchObject({ passed: false, env: { SIZE: '1' } });
    await writeSoakDocument(file, [failed]);
    const sections = sectionsOf(await readFile(file, 'utf8'));
    expect([...sections.keys()]).toEqual([first]);
    expect(sections.get(first)).toContain('**Failed**');
    expect(sections.get(first)).toContain('it broke');
  });

  it('that cannot be started does not stop the others', async () => {
    const outcome = await runPart({ ...part(first, ''), command: ['/no/such/program'] }, false);
    expect(outcome.passed).toBe(false);
    expect(outcome.said).toContain('ENOENT');
  });
});
