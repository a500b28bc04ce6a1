/** The variables that describe the job to its command. Their names are part of the contract with commands. */
export interface CommandVariables {
  readonly PROOFHOUSE_JOB_FILE: string;
  readonly PROOFHOUSE_JOB_ID: string;
  readonly PROOFHOUSE_JOB_TYPE: string;
  readonly PROOFHOUSE_URL: string;
  readonly PROOFHOUSE_OUTPUT_DIR: string;
  /**
   * Marks of the runs that a process belongs to, comma-separated. There can be several: a worker may itself be the
   * command of a job.
   */
  readonly PROOFHOUSE_RUN: string;
  readonly PROOFHOUSE_TOKEN?: string;
  readonly PROOFHOUSE_LEASE_ID?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Prefix of every setting of a server or a worker. Some are secrets, and future ones may be. */
const ownPrefix = /^PROOFHOUSE_/i;
/** Settings that are no secrets and that a command needs to call the server itself. */
const inherited = ['PROOFHOUSE_EXPERIMENT'];
const otherSecrets = ['ARTIFACT_STORE_API_KEY'];
/**
 * Removed when the environment also names a server's database, since they are the server's then. Else they may be meant
 * for the command.
 */
const databaseSecrets = ['PGPASSWORD', 'PGPASSFILE', 'PGSERVICE', 'PGSERVICEFILE'];

/**
 * Returns an environment without the settings of the worker, and of a server that was started in the same environment.
 */
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
