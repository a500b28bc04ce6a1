// A client with a fake server, and the error of a call.
import { AppError } from '@proofhouse/core';
import { expect, onTestFinished } from 'vitest';
import { ProofhouseClient, type ClientOptions } from '../index.ts';
import { FakeServer } from './fake-server.ts';

/** The back-off of a client that repeats calls at once. */
export const quick = { baseDelayMs: 1, maxDelayMs: 2 };

export async function setUp(options: Partial<ClientOptions> = {}) {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const client = new ProofhouseClient({ url: server.url, token: 'phw_secret', retry: quick, ...options });
  return { server, client };
}

export async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}
