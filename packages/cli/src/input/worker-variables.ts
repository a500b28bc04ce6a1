import type { ConnectionOptions } from '../connected-command.ts';

/**
 * Returns `headline`, followed by shell commands for the worker's machine that set the URL, the experiment and the new
 * token.
 */
export function workerVariables(
  { url, experiment }: ConnectionOptions & { readonly experiment: string },
  issued: { readonly worker_id: string; readonly registration_token: string },
  headline: string,
): string {
  return [
    headline,
    'Where the worker runs:',
    '',
    `  export PROOFHOUSE_URL=${url}`,
    `  export PROOFHOUSE_EXPERIMENT=${experiment}`,
    `  export PROOFHOUSE_TOKEN=${issued.worker_id}:${issued.registration_token}`,
    '',
    'Next: proofhouse whoami',
    '',
  ].join('\n');
}
