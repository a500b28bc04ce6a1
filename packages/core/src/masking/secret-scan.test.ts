import { describe, expect, it } from 'vitest';
import { MaskingStream } from './masking-stream.ts';
import { SecretScan } from './secret-scan.ts';
import type { SecretScanOptions, SecretScanResult } from './secret-scan.ts';
import { compileSecrets, mayContainSecret } from './secret-set.ts';
import { sampleRules } from './testing/sample-rules.ts';

const set = compileSecrets({ rules: sampleRules, values: [{ name: 'V', value: 'known-value' }] });
const token = (end: string) => `tok_${'aB3'.repeat(8)}${end}`;

function scanned(bytes: Uint8Array, options?: SecretScanOptions): SecretScanResult {
  const scan = new SecretScan(set, options);
  for (const byte of bytes) scan.write(Uint8Array.of(byte));
  return scan.end();
}

describe('a scan', () => {
  it('lists rules and offsets in bytes', () => {
    const text = new TextEncoder().encode(`é known-value ${token('0')} x-key: abc123`);
    expect(scanned(text)).toEqual({
      findings: [
        { rule: 'known:V', offset: 3 },
        { rule: 'sample-token', offset: 15 },
        { rule: 'sample-header', offset: 52 },
      ],
      total: 3,
    });
  });

  it('lists only confirmed secrets on request', () => {
    const text = new TextEncoder().encode(`${token('0')} ${token('1')}`);
    expect(scanned(text).total).toBe(2);
    expect(scanned(text, { confirmed: true }).findings).toEqual([{ rule: 'sample-token', offset: 0 }]);
  });

  it('counts the findings that it does not list', () => {
    const text = new TextEncoder().encode('known-value '.repeat(20));
    const { findings, total } = scanned(text, { maxFindings: 3 });
    expect(findings).toHaveLength(3);
    expect(total).toBe(20);
  });

  it('finds nothing in masked text', () => {
    const stream = new MaskingStream(set);
    const text = `password=${token('0')} known-value pair<abcdefg/1234567> password: |\n    known-value\n`;
    const output = [stream.write(new TextEncoder().encode(text)), stream.end()];
    expect(scanned(Uint8Array.from(output.flatMap((part) => [...part]))).total).toBe(0);
  });
});

describe('the test before a scan', () => {
  const rulesOnly = compileSecrets({ rules: sampleRules });

  it('excludes texts without a keyword, and no text in which a scan finds a secret', () => {
    expect(mayContainSecret(rulesOnly, '{"command":"true"}')).toBe(false);
    expect(mayContainSecret(rulesOnly, token('0'))).toBe(true);
    expect(mayContainSecret(rulesOnly, 'X-KEY: abc123')).toBe(true);
  });

  it('excludes no text if there are known values', () => {
    expect(mayContainSecret(set, 'any text')).toBe(true);
  });
});
