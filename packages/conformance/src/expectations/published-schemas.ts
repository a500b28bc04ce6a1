import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { Mismatch } from './mismatch.ts';

/** Names of the JSON Schemas of this package. Each is in the file `schemas/<name>.schema.json`. */
export const schemaNames = ['artifact-metadata', 'deposit-answer', 'problem'] as const;
export type SchemaName = (typeof schemaNames)[number];

const ajv = new Ajv2020({ allErrors: true, strict: false, formats: { uri: isUri, 'date-time': true, uuid: true } });
const compiled = new Map<SchemaName, ValidateFunction>();

export function readSchema(name: SchemaName): object {
  return JSON.parse(readFileSync(new URL(`../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as object;
}

/**
 * Validates a document of the server against a published JSON Schema. Throws a `Mismatch` if the document is invalid.
 */
export function expectSchema(request: string, document: unknown, name: SchemaName): void {
  const validate = compiled.get(name) ?? ajv.compile(readSchema(name));
  compiled.set(name, validate);
  if (validate(document)) return;
  const objections = ajv.errorsText(validate.errors, { dataVar: 'the document' });
  throw new Mismatch({
    request,
    what: 'the document',
    expected: `one of schemas/${name}.schema.json`,
    seen: `${JSON.stringify(document).slice(0, 300)}: ${objections}`,
  });
}

const uriPattern = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;

/**
 * Returns true if the text is a URI (RFC 3986): a scheme in any case, a colon, and only characters that a URI may
 * contain.
 */
export function isUri(text: string): boolean {
  return uriPattern.test(text);
}
