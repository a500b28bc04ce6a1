import { expect } from 'vitest';
import type { Answer, TestServer } from './test-server.ts';

/**
 * Makes an upload that must be refused. Checks that it left nothing: no row, no blob, no staged file and no file in the
 * job view.
 */
export async function refusedWithoutTrace(
  harness: TestServer,
  jobId: string,
  upload: () => Promise<Pick<Answer, 'status' | 'json'>>,
): Promise<Pick<Answer, 'status' | 'json'>> {
  const before = { files: harness.files(), artifacts: await harness.artifacts(jobId) };
  const answer = await upload();
  await expectNothingLeft(harness, jobId, before);
  return answer;
}

/**
 * Expects the same files and rows as before. After a closed connection, the server removes staged files a moment later.
 * So this function polls the files.
 */
export async function expectNothingLeft(
  harness: TestServer,
  jobId: string,
  before: { files: readonly string[]; artifacts: readonly unknown[] },
): Promise<void> {
  await expect.poll(() => harness.files(), { interval: 5 }).toEqual(before.files);
  expect(await harness.artifacts(jobId)).toEqual(before.artifacts);
}
