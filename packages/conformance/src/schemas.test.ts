// Checks that the published JSON Schemas equal the schemas in `@proofhouse/core`, which the server uses. After a change
// of these schemas, write the files again with `npx vitest run --project packages schemas -u`.
import { artifactSchema, depositSchema, v0ProblemSchema } from '@proofhouse/core';
import { format } from 'prettier';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { problemTypes } from './expectations/problem-expectations.ts';
import { expectSchema, readSchema, schemaNames, type SchemaName } from './expectations/published-schemas.ts';

const models: Readonly<Record<SchemaName, z.ZodType>> = {
  'artifact-metadata': artifactSchema,
  'deposit-answer': depositSchema,
  problem: v0ProblemSchema,
};

/** Returns the JSON Schema of a model as one complete schema, whose top level is the definition of the model. */
function published(name: SchemaName): object {
  const { $schema, $defs = {} } = z.toJSONSchema(models[name], { target: 'draft-2020-12', io: 'output' });
  const [[title, definition] = ['', {}], ...others] = Object.entries($defs);
  expect(others).toEqual([]);
  const { additionalProperties, ...schema } = { $schema, title, ...definition };
  // A client must ignore unknown members of a problem document (RFC 9457 section 3.2). So this schema allows them.
  return name === 'problem' ? schema : { ...schema, additionalProperties };
}

test.each(schemaNames)('schemas/%s.schema.json is that of the model', async (name) => {
  const text = await format(JSON.stringify(published(name)), { parser: 'json', printWidth: 120 });
  await expect(text).toMatchFileSnapshot(`schemas/${name}.schema.json`);
  expect(readSchema(name)).toEqual(published(name));
});

test('the schema of a problem lists every type that the kit knows', () => {
  const { properties } = readSchema('problem') as { properties: { type: { enum: string[] } } };
  const known = Object.keys(problemTypes).map((type) => `eden://error/${type}`);
  expect(properties.type.enum.toSorted()).toEqual([...known, 'about:blank'].toSorted());
});

const problem = {
  type: 'eden://error/not-found',
  title: 'There is nothing there.',
  status: 404,
  detail: 'There is no such worker.',
  instance: 'http://127.0.0.1/v0/experiments/exp_0/workers/wkr_0',
};
const answer = { artifacts_uri: 'URN:x:1', size_bytes: 0, content_type: 'text/plain' };

test.each([
  ['problem', problem, true],
  ['problem', { ...problem, more: 1 }, true],
  ['problem', { ...problem, detail: '' }, false],
  ['problem', { ...problem, instance: 'not a uri' }, false],
  ['problem', { ...problem, type: 'eden://error/payload-too-large', status: 413 }, true],
  ['problem', { ...problem, type: 'eden://error/payload-too-big', status: 413 }, false],
  ['problem', { ...problem, type: 'about:blank', status: 503 }, true],
  ['deposit-answer', answer, true],
  ['deposit-answer', { ...answer, artifacts_uri: 's3://bucket/key?v=1' }, true],
  ['deposit-answer', { ...answer, artifacts_uri: 'no-scheme' }, false],
  ['deposit-answer', { ...answer, created_by: 'admin' }, false],
  ['deposit-answer', { ...answer, size_bytes: -1 }, false],
] as const)('%s: %j is told right from wrong', (name, document, fits) => {
  const look = () => expectSchema('GET /', document, name);
  if (fits) expect(look).not.toThrow();
  else expect(look).toThrow(/schema/);
});
