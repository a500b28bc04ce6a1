/** The variables that describe a job to its command. Commands may rely on these names. */
export interface CommandVariables {
  readonly PROOFHOUSE_JOB_FILE: string;
  readonly PROOFHOUSE_JOB_ID: string;
  readonly PROOFHOUSE_JOB_TYPE: string;
  readonly PROOFHOUSE_URL: string;
  readonly PROOFHOUSE_OUTPUT_DIR: string;
  /** File to which `proofhouse mask add` writes values that must be masked. Missing if the worker masks nothing. */
  readonly PROOFHOUSE_MASK_FILE?: string;
  /**
   * The marks of the runs to which a process belongs, comma-separated. A mark is the unguessable id of one run. There
   * can be several marks, because the command of a job may itself be a worker.
   */
  readonly PROOFHOUSE_RUN: string;
  readonly PROOFHOUSE_TOKEN?: string;
  readonly PROOFHOUSE_LEASE_ID?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Prefix of the environment variables of a server or a worker. Commands do not get them, because some contain secrets
 * and later versions may add others.
 */
const ownPrefix = /^PROOFHOUSE_/i;
/**
 * Variables with this prefix that commands get nevertheless. They are no secrets, and a command needs them to call the
 * server.
 */
const inherited = ['PROOFHOUSE_EXPERIMENT'];
const otherSecrets = ['ARTIFACT_STORE_API_KEY'];
/**
 * Variables that commands do not get if the environment also contains PROOFHOUSE_DATABASE_URL. They are then settings
 * of a server. Without PROOFHOUSE_DATABASE_URL they may be meant for the command.
 */
const databaseSecrets = ['PGPASSWORD', 'PGPASSFILE', 'PGSERVICE', 'PGSERVICEFILE'];

/**
 * Returns the environment without the settings and secrets of the worker, and without those of a server. A server may
 * have been started with the same environment.
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
