import { visibleText } from '@proofhouse/core';
import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** What must never reach a line, wherever it turns up. */
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
 * Lines of JSON on standard error; standard output carries the one listening line only. Hidden characters that a client
 * sent are escapes in them, so that reading the log in a terminal is safe.
 */
export function makeLogger(level: string, destination: NodeJS.WritableStream = process.stderr): Logger {
  const escaped = { write: (line: string) => void destination.write(visibleText(line)) };
  return pino({ level, base: null, redact: { paths: redacted, censor: '***MASKED***' } }, escaped);
}
