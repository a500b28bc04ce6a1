/** Where a command finds its job: the names are part of the contract with commands. */
export interface CommandVariables {
  readonly PROOFHOUSE_JOB_FILE: string;
  readonly PROOFHOUSE_JOB_ID: string;
  readonly PROOFHOUSE_JOB_TYPE: string;
  readonly PROOFHOUSE_URL: string;
  readonly PROOFHOUSE_OUTPUT_DIR: string;
  readonly PROOFHOUSE_TOKEN?: string;
  readonly PROOFHOUSE_LEASE_ID?: string;
}

/** Secrets of the worker, or of a server started by the same user: never a command's by inheritance. */
const neverInherited = ['PROOFHOUSE_TOKEN', 'PROOFHOUSE_LEASE_ID', 'PROOFHOUSE_ADMIN_TOKEN', 'ARTIFACT_STORE_API_KEY'];

export function withoutSecrets(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !neverInherited.includes(entry[0]),
  );
  return Object.fromEntries(kept);
}

export function commandEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  variables: CommandVariables,
): Record<string, string> {
  return { ...withoutSecrets(env), ...variables };
}
