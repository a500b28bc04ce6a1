import { visibleText } from '@proofhouse/core';
import { pino, type Logger } from 'pino';
import { withoutSecrets } from './house-secrets.ts';

export type { Logger } from 'pino';

/** Paths of the fields whose values are masked in every log line. */
const redacted = [
  'headers.authorization',
  'headers.cookie',
  'headers["x-worker-token"]',
  'headers["x-moonmind-worker-token"]',
  'headers["proofhouse-page-secret"]',
  '*.authorization',
  '*.token',
  '*.secret',
  '*.password',
];

/**
 * Returns a logger that writes JSON lines to standard error, because standard output has only the address of the
 * server. Hidden characters that a client sent are escaped, so that a terminal can show the log safely. Secrets are
 * masked in every line, because paths and errors may contain text of clients.
 */
export function makeLogger(level: string, destination: NodeJS.WritableStream = process.stderr): Logger {
  const escaped = { write: (line: string) => void destination.write(visibleText(withoutSecrets(line))) };
  return pino({ level, base: null, redact: { paths: redacted, censor: '***MASKED***' } }, escaped);
}
