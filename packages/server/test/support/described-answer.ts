import { expect } from 'vitest';
import { openApiDocument } from '../../src/http/openapi/openapi.ts';
import type { Answer } from './test-server.ts';

interface Described {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, DescribedAnswer>>;
}

interface DescribedAnswer {
  readonly description: string;
  readonly headers?: object;
  readonly content?: object;
}

/**
 * The paths of the OpenAPI document. A path without parameters comes before a path with parameters that also matches.
 */
const templates = Object.entries(openApiDocument().paths ?? {})
  .map(([path, item]) => ({ pattern: patternOf(path), names: path.split('{').length, item }))
  .toSorted((a, b) => a.names - b.names);

function patternOf(path: string): RegExp {
  const rest = path.endsWith('/artifacts/{name}') ? '.+' : '[^/]+';
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, (_, at: number) => (at + 6 === path.length ? rest : '[^/]+'))}$`);
}

/** Returns the operation of a request, or undefined if the OpenAPI document does not contain it. */
export function describedOperation(method: string, url: string): Described | undefined {
  const path = url.split('?', 1)[0] ?? '';
  const verb = (method === 'HEAD' ? 'GET' : method).toLowerCase();
  const found = templates.find(({ pattern, item }) => pattern.test(path) && Object.hasOwn(item, verb));
  return found && (found.item as Record<string, Described>)[verb];
}

/** Expects that an answer matches its operation in the OpenAPI document: status, media type, headers and error code. */
export function expectDescribed(
  method: string,
  url: string,
  answer: Pick<Answer, 'status' | 'headers' | 'json'>,
): void {
  const operation = describedOperation(method, url);
  if (operation === undefined) return;
  const what = `${operation.operationId} answered ${String(answer.status)}`;
  const described = operation.responses[String(answer.status)];
  if (described === undefined) throw new Error(`${what}, which its OpenAPI entry does not have`);
  const type = answer.headers['content-type']?.split(';', 1)[0];
  const types = Object.keys(described.content ?? {});
  if (!types.includes('*/*'))
    expect(type === undefined ? [] : [type], what).toEqual(method === 'HEAD' ? [type] : types);
  for (const header of Object.keys(described.headers ?? {})) expect(answer.headers, what).toHaveProperty([header]);
  if (answer.status < 400 || method === 'HEAD') return;
  const { code, type: problem } = answer.json as { code?: string; type: string };
  expect(described.description, what).toContain(`\`${code ?? problem}\``);
}
