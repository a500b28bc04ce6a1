import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { maskContent } from '../../masking/mask-content.ts';
import { SecretMask } from '../../masking/secret-mask.ts';
import { addedValue, deployToken, secretForms, shownSecrets, type SecretForm } from '../../testing/secret-forms.ts';
import { CapturedLog } from './captured-log.ts';
import { LogCapture } from './log-capture.ts';

const mask = new SecretMask({ env: { DEPLOY_TOKEN: deployToken } });
mask.add(addedValue);
const forms = secretForms.map((form) => [form.name, form] as const);

/** Yields a text with a secret in several divisions: into two pieces at every position, and into single bytes. */
function* splits({ text }: SecretForm): Generator<readonly Buffer[]> {
  const bytes = Buffer.from(`before\n${text}\nafter\n`);
  for (let at = 1; at < bytes.length; at += 1) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (byte) => Buffer.from([byte]));
}

async function logOf(pieces: readonly Buffer[]): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'log-capture-'));
  const log = await CapturedLog.create(path.join(folder, 'log'), 1_000_000);
  try {
    const capture = LogCapture.begin(log, mask);
    for (const piece of pieces) capture.write(piece);
    const { maskFailure, masked } = await capture.end();
    expect(maskFailure).toBeUndefined();
    expect(masked?.masked.length).toBeGreaterThan(0);
    const found: Buffer[] = [];
    for await (const piece of log.read({ from: 0, to: log.sizeBytes })) found.push(piece);
    return Buffer.concat(found).toString();
  } finally {
    await log.close();
    rmSync(folder, { recursive: true });
  }
}

async function depositOf(pieces: readonly Buffer[]): Promise<string> {
  async function* read() {
    yield* pieces;
  }
  const signal = new AbortController().signal;
  const content = await maskContent({ read }, 'detect', { mask, allowBinary: false, scratch: tmpdir(), signal });
  const found: Uint8Array[] = [];
  for await (const piece of content.read()) found.push(piece);
  const bytes = Buffer.concat(found);
  expect(content.sizeBytes).toBe(bytes.length);
  return bytes.toString();
}

describe('a secret that arrives in two pieces or byte by byte', () => {
  for (const [sink, maskedBy] of [
    ['the captured log', logOf],
    ['a deposited text', depositOf],
  ] as const) {
    test.each(forms)(`is masked in ${sink}: %s`, async (_name, form) => {
      const outputs = new Set<string>();
      for (const pieces of splits(form)) outputs.add(await maskedBy(pieces));
      expect([...outputs].flatMap(shownSecrets)).toEqual([]);
      // All divisions of the text must give the same output.
      expect(outputs.size).toBe(1);
    });
  }
});

test('nothing more is captured after masking failed, and the log says why', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'log-capture-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const log = await CapturedLog.create(path.join(folder, 'log'), 1000);
  onTestFinished(() => log.close());
  const failing = new SecretMask();
  const capture = LogCapture.begin(log, failing);
  capture.write(Buffer.from('first\n'));
  await capture.settled();
  const before = log.sizeBytes;
  const read = (): never => {
    throw new Error('unreadable');
  };
  failing.follow({ read } as never);
  capture.write(Buffer.from('second\n'));
  const { maskFailure } = await capture.end();
  expect(maskFailure?.message).toBe('masking failed: unreadable');
  expect(log.sizeBytes).toBe(before);
});
