import type { Answer } from './answer.ts';
import { expectEqual, expectHeader, expectStatus, expectThat } from './expectations.ts';
import { expectSchema } from './published-schemas.ts';

/** The closed list of problem types under `eden://error/`, each with its status. */
export const problemTypes = {
  'bad-request': 400,
  'experiment-id-mismatch': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'payload-too-large': 413,
  'already-exists': 409,
  'reserved-identifier': 409,
  'cycle-detected': 409,
  'invalid-name': 422,
} as const;
export type ProblemType = keyof typeof problemTypes;

/** Expects a complete problem document of this type: status, content type, members and instance must all be correct. */
export function expectProblem(answer: Answer, type: ProblemType): void {
  expectStatus(answer, problemTypes[type]);
  const { request } = answer;
  expectAnyProblem(answer);
  expectEqual(request, 'member type', answer.document()['type'], `eden://error/${type}`);
}

/** Expects a complete problem document of any type in the closed list. */
export function expectAnyProblem(answer: Answer): void {
  const { request } = answer;
  expectHeader(answer, 'content-type', /^application\/problem\+json; *charset="?utf-8"?$/i);
  const document = answer.document();
  for (const name of ['type', 'title', 'detail', 'instance'])
    expectThat(answer.member(name).trim() !== '', { request, what: `member ${name}`, expected: 'some text', seen: '' });
  expectSchema(request, document, 'problem');
  expectEqual(request, 'member status', document['status'], answer.status);
  const word = answer.member('type').replace(/^eden:\/\/error\//, '');
  expectThat(Object.hasOwn(problemTypes, word) && problemTypes[word as ProblemType] === answer.status, {
    request,
    what: 'type and status',
    expected: 'a pair of the closed list under eden://error/',
    seen: `${answer.member('type')} ${answer.status}`,
  });
  expectInstance(answer);
}

/**
 * Expects that the member `instance` is the URL of the request. Its origin may differ, because a proxy in front of the
 * server may have a public origin. It must end with the path and query of the request.
 */
function expectInstance(answer: Answer): void {
  const { request } = answer;
  const seen = answer.member('instance');
  const instance = URL.parse(seen);
  const asked = new URL(answer.url);
  expectThat(instance !== null && /^https?:$/.test(instance.protocol), {
    request,
    what: 'member instance',
    expected: 'an absolute http URL',
    seen,
  });
  const tail = (url: URL | null): string => `${url?.pathname ?? ''}${url?.search ?? ''}`;
  expectThat(tail(instance).endsWith(tail(asked)), {
    request,
    what: 'member instance',
    expected: `the URL of the request, ${asked.href}`,
    seen,
  });
}
