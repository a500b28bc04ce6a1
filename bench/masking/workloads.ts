// Texts for the measurement of rates. All are made from seeds and from the sources of this repository.
import { readFileSync, globSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from './corpus/seeded-random.ts';

const root = path.resolve(import.meta.dirname, '../..');
const mebibyte = 2 ** 20;

export interface Workload {
  readonly name: string;
  readonly make: (bytes: number) => Buffer;
}

export const ordinary: readonly Workload[] = [
  { name: 'clean log', make: (bytes) => filled(bytes, logLine) },
  { name: 'agent transcript', make: (bytes) => filled(bytes, transcriptLine(sourceLines())) },
  { name: 'source diff', make: (bytes) => filled(bytes, diffHunk(sourceLines())) },
];

export const hostile: readonly Workload[] = [
  { name: '`a`', make: (bytes) => Buffer.alloc(bytes, 'a') },
  { name: '`password=`', make: (bytes) => Buffer.alloc(bytes, 'password=') },
  { name: '`-----BEGIN` and a space', make: (bytes) => Buffer.alloc(bytes, ['-----BEG', 'IN '].join('')) },
  { name: '`SECRETACCESSKEY=`', make: (bytes) => Buffer.alloc(bytes, 'SECRETACCESSKEY=') },
  { name: '`cookie=`', make: (bytes) => Buffer.alloc(bytes, 'cookie=') },
  { name: '`ghs_`', make: (bytes) => Buffer.alloc(bytes, 'ghs_') },
  { name: '`ghp_`', make: (bytes) => Buffer.alloc(bytes, 'ghp_') },
  { name: '`SECRET="`', make: (bytes) => Buffer.alloc(bytes, 'SECRET="') },
  { name: '`token:"`', make: (bytes) => Buffer.alloc(bytes, 'token:"') },
  { name: '`secret_access_key=`', make: (bytes) => Buffer.alloc(bytes, 'secret_access_key=') },
  { name: '`SECRETACCESSKEY=` and a number', make: (bytes) => filled(bytes, numbered('SECRETACCESSKEY=')) },
  { name: '`TOKEN=` and a placeholder on each line', make: (bytes) => Buffer.alloc(bytes, 'TOKEN=***MASKED***\n') },
  { name: 'base64 without line ends', make: (bytes) => filled(bytes, (random) => random.base64(3072)) },
];

/**
 * Repeats a generated text of 4 MiB. Generating the whole text would take longer. A text of 4 MiB does not fit into a
 * processor cache.
 */
function filled(bytes: number, line: (random: SeededRandom) => string): Buffer {
  const random = new SeededRandom(4);
  const parts: string[] = [];
  for (let length = 0; length < Math.min(bytes, 4 * mebibyte);) {
    const part = line(random);
    parts.push(part);
    length += part.length;
  }
  return Buffer.alloc(bytes, Buffer.from(parts.join('')));
}

function numbered(text: string): () => string {
  let count = 0;
  return () => `${text}${String(count++)}`;
}

function logLine(random: SeededRandom): string {
  const at = `2026-02-03T04:${String(random.integer(10, 59))}:${String(random.integer(10, 59))}.${random.text('digits', 3)}Z`;
  const kind = random.pick(['request', 'build', 'test', 'npm', 'compile', 'auth'] as const);
  const lines = {
    request: `${at} INFO  GET /api/items/${random.uuid()} 200 ${String(random.integer(1, 900))}ms request_id=${random.text('hex', 16)}\n`,
    build: `${at} DEBUG [worker-${String(random.integer(1, 32))}] resolved module ./src/components/keyboard-layout.tsx (cached)\n`,
    test: ` ✓ packages/core/src/tasks/gate.test.ts > the gate > opens when all proofs are there ${String(random.integer(1, 90))}ms\n`,
    npm: `npm http fetch GET 200 https://packages.service.dev/@scope%2fname ${String(random.integer(10, 900))}ms (cache hit)\n`,
    compile: `src/auth/token-counter.ts(${String(random.integer(1, 400))},7): warning TS6133: 'tokens' is declared but never read.\n`,
    auth: `${at} INFO  session opened user=worker-${random.text('digits', 3)} from=10.0.0.${String(random.integer(1, 254))} key_count=3\n`,
  };
  return lines[kind];
}

function sourceLines(): string[] {
  const files = globSync('packages/{core,client}/src/**/*.ts', { cwd: root })
    .filter((file) => !/masking|\.test\.|testing/.test(file))
    .sort();
  return files.flatMap((file) => readFileSync(path.join(root, file), 'utf8').split('\n'));
}

function excerpt(lines: readonly string[], random: SeededRandom, count: number): string[] {
  const from = random.integer(0, lines.length - count);
  return lines.slice(from, from + count);
}

function transcriptLine(lines: readonly string[]): (random: SeededRandom) => string {
  return (random) => {
    const content = excerpt(lines, random, random.integer(5, 60)).join('\n');
    const usage = { input_tokens: random.integer(1, 90_000), output_tokens: random.integer(1, 900) };
    const message = { id: `msg_${random.text('base62', 22)}`, usage, content: [{ type: 'tool_result', content }] };
    return `${JSON.stringify({ type: 'user', uuid: random.uuid(), timestamp: '2026-02-03T04:05:06.789Z', message })}\n`;
  };
}

function diffHunk(lines: readonly string[]): (random: SeededRandom) => string {
  return (random) => {
    const body = excerpt(lines, random, 12).map((line) => `${random.pick([' ', ' ', '+', '-'])}${line}\n`);
    const head = `diff --git a/src/a.ts b/src/a.ts\nindex ${random.text('hex', 10)}..${random.text('hex', 10)} 100644\n`;
    return `${head}--- a/src/a.ts\n+++ b/src/a.ts\n@@ -${String(random.integer(1, 900))},12 +1,12 @@\n${body.join('')}`;
  };
}
