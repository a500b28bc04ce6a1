/** Where a command finds its job: the names are part of the contract with commands. */
export interface CommandVariables {
  readonly PROOFHOUSE_JOB_FILE: string;
  readonly PROOFHOUSE_JOB_ID: string;
  readonly PROOFHOUSE_JOB_TYPE: string;
  readonly PROOFHOUSE_URL: string;
  readonly PROOFHOUSE_OUTPUT_DIR: string;
  /** Marks of the runs that a process belongs to, comma-separated: a worker may itself be the command of a job. */
  readonly PROOFHOUSE_RUN: string;
  readonly PROOFHOUSE_TOKEN?: string;
  readonly PROOFHOUSE_LEASE_ID?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Every setting of a server or a worker begins so: some are secrets, and those to come may be. */
const ownPrefix = /^PROOFHOUSE_/i;
/** No secrets, and of use to a command that calls the server itself. */
const inherited = ['PROOFHOUSE_EXPERIMENT'];
const otherSecrets = ['ARTIFACT_STORE_API_KEY'];
/** The server's, where the server's database is named beside them; elsewhere they may be meant for the command. */
const databaseSecrets = ['PGPASSWORD', 'PGPASSFILE', 'PGSERVICE', 'PGSERVICEFILE'];

/** An environment less the settings of the worker, and of a server that was started in the same one. */
export function withoutSecrets(env: Environment): Record<string, string> {
  const isServers = env['PROOFHOUSE_DATABASE_URL'] !== undefined;
  const isKept = (name: string): boolean =>
    inherited.includes(name) ||
    !(ownPrefix.test(name) || otherSecrets.includes(name) || (isServers && databaseSecrets.includes(name)));
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && isKept(entry[0])),
  );
}

export function commandEnvironment(env: Environment, variables: CommandVariables): Record<string, string> {
  const outer = env['PROOFHOUSE_RUN'];
  const marks = outer === undefined ? variables.PROOFHOUSE_RUN : `${outer},${variables.PROOFHOUSE_RUN}`;
  return { ...withoutSecrets(env), ...variables, PROOFHOUSE_RUN: marks };
}
