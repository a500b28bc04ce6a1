/** The kinds of queued work the server knows without being configured (seed 003 FR-001, FR-002). */
export const builtInJobTypes = ['task', 'exec', 'codex_exec', 'codex_skill', 'manifest'] as const;

/** Pages and event readers show manifest runs apart from other work (seed 003 FR-012). */
export type JobCategory = 'manifest' | 'work';

export function categoryOf(type: string): JobCategory {
  return type === 'manifest' ? 'manifest' : 'work';
}

/** What a configured job type may be called. */
export const jobTypePattern = /^[a-z][a-z0-9_-]{0,63}$/;
export const jobTypeRule = 'must be lower-case letters, digits, "_" and "-" after a first letter, at most 64';

/** What is wrong with a type that a server does not know; `known` are those that it does. */
export function unknownJobType(type: string, known: readonly string[]): string {
  const shown = JSON.stringify(type.slice(0, 80));
  return `unknown job type ${shown}; known: ${known.join(', ')} (PROOFHOUSE_JOB_TYPES of the server adds others)`;
}
