import { z } from 'zod';
import type { Operation } from '../operation.ts';
import { operation } from '../operation-row.ts';
import { timeSchema } from '../values/wire-values.ts';
import { identitySchema } from './identity.ts';

/**
 * Operations on the identity of the caller, on sign-in links for the web page, and on download links that need no
 * credential.
 */
export const peopleOperations = {
  identify: operation({
    method: 'GET',
    path: '/api/whoami',
    action: 'identity.read',
    summary: 'Whom the credential speaks for, and what it may beyond that',
    output: identitySchema,
  }),
  createSignInLink: operation({
    method: 'POST',
    path: '/api/session/links',
    request: 'json',
    status: 201,
    action: 'credential.manage',
    summary: 'Make a link that signs a browser in to the page',
    description: 'It works once, within ten minutes, at the server that made it.',
    output: z.object({ url: z.string(), expiresAt: timeSchema }).meta({ id: 'SignInLink' }),
  }),
  createTicket: operation({
    method: 'POST',
    path: '/api/tickets',
    request: 'json',
    status: 201,
    action: 'artifact.read',
    summary: 'Make a link to the bytes of one artifact that a browser can follow without a credential',
    description:
      'GET and HEAD only, with the rights of the credential that made it, for as long as that is valid. A download starts once, within a minute, and may then resume with `Range`; a preview may be read again and again for ten minutes. Whoever has the link can use it: keep it out of logs.',
    body: z.strictObject({
      path: z.string().max(2048).meta({
        description:
          '`/api/queue/jobs/{jobId}/artifacts/{artifactId}/download` or `/api/artifacts/{artifactId}/content`.',
      }),
      kind: z.enum(['download', 'preview']).default('download'),
    }),
    output: z
      .object({
        url: z.string(),
        path: z.string().meta({ description: 'The same below the base path, without a slash at the front.' }),
        expiresAt: timeSchema,
      })
      .meta({ id: 'Ticket' }),
    errors: ['job_not_found', 'artifact_not_found', 'artifact_job_mismatch', 'artifact_expired'],
  }),
} as const satisfies Record<string, Operation>;
