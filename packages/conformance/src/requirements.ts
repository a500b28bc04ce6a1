import type { Requirement } from './requirement.ts';

/** The list so far; each protocol area adds its own. */
export const requirements: readonly Requirement[] = [
  {
    id: 'queue.auth.missing',
    level: 'must',
    text: 'A queue call without a credential is answered 401 with a problem document.',
    source: 'queue contract, "Who calls"; RFC 9457',
  },
  {
    id: 'queue.lifecycle.enqueue',
    level: 'must',
    text: 'A created job is queued, has an id, and can be read back.',
    source: 'queue contract, "Jobs"',
  },
];
