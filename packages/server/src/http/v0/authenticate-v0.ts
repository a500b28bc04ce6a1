import type { IncomingHttpHeaders } from 'node:http';
import { AppError, experimentHeader, experimentIdPattern, isAppError, type Principal } from '@proofhouse/core';
import type { Experiments } from '../../experiments/experiments.ts';
import { sha256Hex } from '../../kernel/secret.ts';
import { notBroker } from '../../users/users.ts';
import { actorIn, principalOf, tokenCredential, type AuthenticateParts } from '../authenticate.ts';

/**
 * Returns the principal of a /v0 request. Only the Authorization header is read: `Bearer admin:<admin token>`, `Bearer
 * <workerId>:<registration token>` or `Bearer <userId>:<user token or JWT>`, split at the first colon. A token of another
 * experiment than `experimentId` is refused. If authentication is disabled, tokens of the admin and of workers are not
 * checked, and a request without the header is a request of the admin. `Proofhouse-Actor` is accepted as on /api.
 * Errors: `unauthenticated`, `forbidden`.
 */
export async function authenticateV0(
  headers: IncomingHttpHeaders,
  experimentId: string | undefined,
  parts: AuthenticateParts,
): Promise<Principal> {
  const actor = actorIn(headers);
  const [, name, secret] = /^bearer +([^\s:]+):(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  const credential = secret === undefined ? undefined : tokenCredential(name, secret);
  const isOfUser = credential?.isUserToken === true || (credential?.jwt !== undefined && parts.jwts !== undefined);
  if (credential !== undefined && isOfUser && name !== 'admin') return principalOf({ ...credential, actor }, parts);
  const principal = await adminOrWorker(headers, experimentId, parts);
  if (actor !== undefined) throw notBroker();
  return principal;
}

async function adminOrWorker(
  headers: IncomingHttpHeaders,
  experimentId: string | undefined,
  parts: AuthenticateParts,
): Promise<Principal> {
  if (headers.authorization === undefined && !parts.required) return { kind: 'admin' };
  const match = /^bearer +([^\s:]+):(\S+) *$/i.exec(headers.authorization ?? '');
  const [, name = '', secret = ''] = match ?? [];
  if (match === null) throw unauthenticated('Send "Authorization: Bearer <admin, worker or user id>:<token>".');
  if (name === 'admin') {
    if (parts.required && !parts.adminToken.matchesHash(sha256Hex(secret))) throw unknownToken();
    return { kind: 'admin' };
  }
  const worker = parts.required
    ? await registeredWorker(name, secret, parts)
    : await namedWorker(name, experimentId, parts);
  if (worker === undefined || (experimentId !== undefined && worker.experimentId !== experimentId))
    throw unknownToken();
  const membership = await parts.groups.membershipOf(worker.experimentId, name);
  return { ...worker.principal, membership };
}

interface RegisteredWorker {
  readonly principal: Principal & { readonly kind: 'worker' };
  readonly experimentId: string;
}

async function registeredWorker(
  workerId: string,
  secret: string,
  { workers }: AuthenticateParts,
): Promise<RegisteredWorker | undefined> {
  const found = await workers.authenticate(secret, workerId);
  if (found === undefined || found.registeredIn === null) return undefined;
  return { principal: found.principal, experimentId: found.registeredIn };
}

async function namedWorker(
  workerId: string,
  experimentId: string | undefined,
  { workers }: AuthenticateParts,
): Promise<RegisteredWorker | undefined> {
  if (experimentId === undefined) return undefined;
  try {
    await workers.getRegistered(experimentId, workerId);
  } catch (error) {
    if (isAppError(error, 'not_found')) return undefined;
    throw error;
  }
  return { principal: { kind: 'worker', workerId, policy: {} }, experimentId };
}

/**
 * Throws `experiment_id_mismatch` when the header `X-Eden-Experiment-Id` and the experiment id in the path differ, or
 * when the experiment does not exist.
 */
export async function requireExperiment(
  headers: IncomingHttpHeaders,
  experimentId: string,
  principal: Principal,
  experiments: Experiments,
): Promise<void> {
  const named = headers[experimentHeader];
  if (named === undefined) throw mismatch('The header X-Eden-Experiment-Id is missing.');
  if (named !== experimentId) throw mismatch('X-Eden-Experiment-Id names another experiment than the path.');
  // A registration token exists only for an existing experiment, and experiments are never deleted. So a worker needs
  // no query here.
  if (principal.kind === 'worker') return;
  const exists = experimentIdPattern.test(experimentId) && (await experiments.find(experimentId)) !== undefined;
  if (!exists) throw mismatch('There is no such experiment; the admin makes one with POST /api/experiments.');
}

function mismatch(message: string): AppError {
  return new AppError('experiment_id_mismatch', message);
}

function unauthenticated(message: string): AppError {
  return new AppError('unauthenticated', message);
}

function unknownToken(): AppError {
  return unauthenticated('The token is unknown, revoked, or no registration of this worker in this experiment.');
}
