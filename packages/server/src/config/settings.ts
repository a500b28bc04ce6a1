import { isIP } from 'node:net';
import { z } from 'zod';
import { experimentIdPattern, jobTypePattern, jobTypeRule, parseRetentionDays } from '@proofhouse/core';
import { isSafeIssuerUrl, parseAllowedHost } from '../kernel/host-name.ts';
import { parseLoadLimits } from './load-limits.ts';
import { parseRoleMap } from './oidc.ts';

const truth = z
  .enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'])
  .transform((word) => /^(true|1|yes|on)$/.test(word));
const bytes = z
  .string()
  .regex(/^\d+(\.\d+)?\s*([KMGT]i?B?|B)?$/i, 'must be a size such as 1073741824, 512MiB or 1GiB')
  .transform(parseBytes)
  .pipe(z.int().min(1));
const hours = z
  .string()
  .regex(/^\d{1,4}$/, 'must be a whole number of hours')
  .transform(Number);
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const publicUrl = z
  .string()
  .refine((text) => !/[,;\s]/.test(text), {
    message: 'must be one URL; further names that the server is reached by go into PROOFHOUSE_ALLOWED_HOSTS',
    abort: true,
  })
  .pipe(z.url({ protocol: /^https?$/, error: 'must be a URL such as https://proofhouse.example.org' }))
  .refine((text) => !/[?#]|^[^/]*\/\/[^/]*@/.test(text), 'must have no credentials, query or fragment');

/** One setting of the server: the sources of its value, its valid values, and its text in the generated reference. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** Names of the environment variable. The first is the main name, the others are aliases. */
  readonly env: readonly [string, ...string[]];
  /** Name of the flag of `proofhouse serve`, without dashes. */
  readonly flag?: string;
  /** The schema that parses the value, which is a text from the file, the environment or the flag. */
  readonly schema: Schema;
  /** The default value, as text for the generated reference. */
  readonly usual: string;
  readonly secret?: boolean;
  readonly doc: string;
}

function setting<Schema extends z.ZodType>(row: Setting<Schema>): Setting<Schema> {
  return row;
}

export const settings = {
  host: setting({
    env: ['PROOFHOUSE_HOST'],
    flag: 'host',
    schema: z.string().min(1),
    usual: '127.0.0.1',
    doc: 'Address to listen on. Anything but loopback makes the mode `production`.',
  }),
  port: setting({
    env: ['PROOFHOUSE_PORT', 'PORT'],
    flag: 'port',
    schema: z.string().regex(/^\d+$/, 'must be a number').transform(Number).pipe(z.int().max(65_535)),
    usual: '8750',
    doc: 'Port to listen on; 0 picks a free one.',
  }),
  dataDir: setting({
    env: ['PROOFHOUSE_DATA_DIR'],
    flag: 'data-dir',
    schema: z.string().min(1),
    usual: './var',
    doc: 'Folder of everything kept by default: the SQLite file, the blobs, the job view.',
  }),
  databaseUrl: setting({
    env: ['PROOFHOUSE_DATABASE_URL'],
    flag: 'database-url',
    schema: z.string().min(1),
    usual: 'sqlite:<dataDir>/proofhouse.db',
    secret: true,
    doc: 'Metadata store: `sqlite:<path>`, `sqlite::memory:` or `postgres://…`.',
  }),
  blobUrl: setting({
    env: ['PROOFHOUSE_BLOB_URL'],
    flag: 'blob-url',
    schema: z.string().min(1),
    usual: 'file:<dataDir>/blobs',
    secret: true,
    doc: 'Blob store: `file:<folder>` or `memory:` (tests and demos only).',
  }),
  jobArtifactRoot: setting({
    env: ['AGENT_JOB_ARTIFACT_ROOT'],
    schema: z.string().min(1),
    usual: '<dataDir>/artifacts/agent_jobs',
    doc: 'The job view: `<root>/<jobId>/<name>` holds the newest bytes of each job artifact (filesystem blobs only).',
  }),
  artifactRoot: setting({
    env: ['ARTIFACT_ROOT'],
    schema: z.string().min(1),
    usual: 'not set',
    doc: 'When only this is set, the job view is `<ARTIFACT_ROOT>/agent_jobs`.',
  }),
  maxArtifactBytes: setting({
    env: ['PROOFHOUSE_MAX_ARTIFACT_BYTES'],
    flag: 'max-artifact-bytes',
    schema: bytes,
    usual: '1GiB',
    doc: 'Largest artifact, at every door.',
  }),
  jobArtifactMaxBytes: setting({
    env: ['AGENT_JOB_ARTIFACT_MAX_BYTES'],
    schema: bytes,
    usual: 'as PROOFHOUSE_MAX_ARTIFACT_BYTES',
    doc: 'Largest job artifact, when it differs.',
  }),
  adminToken: setting({
    env: ['PROOFHOUSE_ADMIN_TOKEN'],
    schema: z
      .string()
      .min(16, 'must have at least 16 characters')
      .regex(/^[\x21-\x39\x3b-\x7e]+$/, 'must be printable ASCII without spaces and colons'),
    usual: 'made at first start, printed once',
    secret: true,
    doc: "The admin's token. Setting it replaces the one before.",
  }),
  auth: setting({
    env: ['PROOFHOUSE_AUTH'],
    flag: 'auth',
    schema: z.enum(['required', 'disabled']),
    usual: 'required',
    doc: '`disabled` makes every caller the admin; only on loopback.',
  }),
  oidcIssuer: setting({
    env: ['PROOFHOUSE_OIDC_ISSUER'],
    schema: z
      .string()
      .refine(isSafeIssuerUrl, 'must be an https URL (http only on loopback) without query or fragment'),
    usual: 'none',
    doc: 'OpenID Connect provider whose tokens are accepted, exactly as the claim `iss` of its tokens.',
  }),
  oidcAudience: setting({
    env: ['PROOFHOUSE_OIDC_AUDIENCE'],
    schema: z.string().min(1).max(1000),
    usual: 'none; needed with PROOFHOUSE_OIDC_ISSUER',
    doc: 'Value that the claim `aud` of a token must have or contain.',
  }),
  oidcRoleClaim: setting({
    env: ['PROOFHOUSE_OIDC_ROLE_CLAIM'],
    schema: z.string().min(1).max(1000),
    usual: 'roles',
    doc: 'Claim with the roles of the caller, a text or a list of texts. A name with dots is also read as a path, such as `realm_access.roles`.',
  }),
  oidcRoleMap: setting({
    env: ['PROOFHOUSE_OIDC_ROLE_MAP'],
    schema: z.string().transform((text, context) => {
      const parsed = parseRoleMap(text);
      if (typeof parsed !== 'string') return parsed;
      context.addIssue({ code: 'custom', message: parsed });
      return z.NEVER;
    }),
    usual: 'none; needed with PROOFHOUSE_OIDC_ISSUER',
    doc: 'Role for each value of that claim (comma-separated): `platform-admins=admin,engineers=operator,staff=read-only`. Of several the highest counts; a token without one is refused.',
  }),
  mode: setting({
    env: ['PROOFHOUSE_MODE'],
    schema: z.enum(['local', 'test', 'production']),
    usual: 'local on loopback, else production',
    doc: 'In production the memory backends are refused, a filesystem needs PROOFHOUSE_DURABLE_FILESYSTEM, and files of the machine (`local-dev:`) are not registered.',
  }),
  publicUrl: setting({
    env: ['PROOFHOUSE_PUBLIC_URL'],
    flag: 'public-url',
    schema: publicUrl,
    usual: 'the bound address',
    doc: 'How browsers and workers reach the server, one URL; its host is accepted in Host and Origin.',
  }),
  allowedHosts: setting({
    env: ['PROOFHOUSE_ALLOWED_HOSTS'],
    schema: list.pipe(z.array(z.string().transform(allowedHost))),
    usual: 'none',
    doc: 'Further names (comma-separated) that are accepted in Host: `work.example.org`, `10.0.0.7:8750`, `[fd00::1]`, or `.example.org` for the name and its subdomains. Without a port, any port.',
  }),
  basePath: setting({
    env: ['PROOFHOUSE_BASE_PATH'],
    schema: z
      .string()
      .regex(/^(\/[A-Za-z0-9._~-]+)*\/?$/, 'must be a path such as /work')
      .transform((path) => path.replace(/\/$/, '')),
    usual: 'none',
    doc: 'Prefix of every address, when a broker mounts the server below one: `/work` gives `/work/api/…`.',
  }),
  trustProxy: setting({
    env: ['PROOFHOUSE_TRUST_PROXY'],
    schema: list.pipe(z.array(z.string().refine(isNetwork, 'must be addresses or networks such as 10.0.0.0/8'))),
    usual: 'none',
    doc: 'Addresses or networks (comma-separated) whose X-Forwarded headers count.',
  }),
  durableFilesystem: setting({
    env: ['PROOFHOUSE_DURABLE_FILESYSTEM'],
    schema: truth,
    usual: 'false',
    doc: 'Says that the disk under `file:` survives the machine; needed in production.',
  }),
  lambdaFunction: setting({
    env: ['AWS_LAMBDA_FUNCTION_NAME'],
    schema: z.string().min(1),
    usual: 'not set',
    doc: 'Set by AWS Lambda, where no folder outlives the call: `file:` and SQLite files are refused there.',
  }),
  secretPolicy: setting({
    env: ['PROOFHOUSE_SECRET_POLICY'],
    schema: z.enum(['off', 'flag', 'reject']),
    usual: 'flag',
    doc: 'What the server does with a secret in an upload, a payload, an event or a text field: `flag` stores it and marks the record, `reject` answers `secret_found` and stores nothing, `off` scans nothing.',
  }),
  distinctReviewer: setting({
    env: ['PROOFHOUSE_DISTINCT_REVIEWER'],
    schema: truth,
    usual: 'false',
    doc: 'Whether nobody may approve an artifact that they made themselves.',
  }),
  retention: setting({
    env: ['PROOFHOUSE_RETENTION'],
    schema: z.enum(['on', 'off']),
    usual: 'off',
    doc: 'Whether the bytes of old artifacts expire (docs/storage.md says which). Records stay.',
  }),
  retentionDays: setting({
    env: ['PROOFHOUSE_RETENTION_DAYS'],
    schema: z.string().transform((text, context) => {
      const parsed = parseRetentionDays(text);
      if (typeof parsed !== 'string') return parsed;
      context.addIssue({ code: 'custom', message: parsed });
      return z.NEVER;
    }),
    usual: 'diff=30,log=7,test-result=14',
    doc: 'Days that bytes are kept, by artifact type, when retention is on. Types that are not named never expire.',
  }),
  collectGraceHours: setting({
    env: ['PROOFHOUSE_COLLECT_GRACE_HOURS'],
    schema: hours.pipe(z.int().min(1).max(2400)),
    usual: '24',
    doc: 'Bytes that no record names are left alone for so long. An upload must be done within half of it.',
  }),
  collectEveryHours: setting({
    env: ['PROOFHOUSE_COLLECT_EVERY_HOURS'],
    schema: hours.pipe(z.int().max(500)),
    usual: '0',
    doc: 'How often the server collects by itself; 0: only `proofhouse storage gc` does.',
  }),
  storageQuotaBytes: setting({
    env: ['PROOFHOUSE_STORAGE_QUOTA_BYTES'],
    schema: bytes,
    usual: 'none',
    doc: 'Bytes that artifacts may have together; above, new ones are refused with `storage_full`.',
  }),
  storageWarnPercent: setting({
    env: ['PROOFHOUSE_STORAGE_WARN_PERCENT'],
    schema: z
      .string()
      .regex(/^\d{1,3}$/, 'must be a number')
      .transform(Number)
      .pipe(z.int().min(1).max(100)),
    usual: '80',
    doc: 'Share of the quota from which the log warns.',
  }),
  jobTypes: setting({
    env: ['PROOFHOUSE_JOB_TYPES'],
    schema: list.pipe(z.array(z.string().regex(jobTypePattern, jobTypeRule))),
    usual: 'none',
    doc: 'Further job types (comma-separated) beside task, exec, codex_exec and codex_skill.',
  }),
  experiment: setting({
    env: ['PROOFHOUSE_EXPERIMENT'],
    flag: 'experiment',
    schema: z.string().regex(experimentIdPattern, 'must be exp_ and 26 characters of lower-case base32'),
    usual: 'none',
    doc: 'Experiment to make at start when it is not there. Commands of the client mean it when none is named.',
  }),
  logLevel: setting({
    env: ['PROOFHOUSE_LOG_LEVEL'],
    flag: 'log-level',
    schema: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    usual: 'info',
    doc: 'Lines of JSON on standard error from this level up.',
  }),
  loadLimits: setting({
    env: ['PROOFHOUSE_LOAD_LIMITS'],
    schema: z.string().transform((text, context) => {
      const parsed = parseLoadLimits(text);
      if (typeof parsed !== 'string') return parsed;
      context.addIssue({ code: 'custom', message: parsed });
      return z.NEVER;
    }),
    usual: 'requests=500/5000,streams=100/2000,downloads=64/512,excerpts=8/64',
    doc: 'How many may be open at once, for one credential / in all; more are answered 429 `too_busy`. Health and metrics are never refused.',
  }),
  maxConnections: setting({
    env: ['PROOFHOUSE_MAX_CONNECTIONS'],
    schema: z
      .string()
      .regex(/^\d{1,7}$/, 'must be a number')
      .transform(Number)
      .pipe(z.int().min(16)),
    usual: '10000',
    doc: 'Connections open at once; fewer where the limit of open files (`ulimit -n`) is lower: two descriptors each and a reserve.',
  }),
  stalledSeconds: setting({
    env: ['PROOFHOUSE_STALLED_SECONDS'],
    schema: z
      .string()
      .regex(/^\d{1,5}$/, 'must be a number')
      .transform(Number)
      .pipe(z.int().min(40).max(3600)),
    usual: '120',
    doc: 'A connection on which nothing moves in the middle of a request, such as a download that nobody reads, is closed after this time. More than the longest poll of 30 s.',
  }),
  keepAliveSeconds: setting({
    env: ['PROOFHOUSE_KEEP_ALIVE_SECONDS'],
    schema: z.string().regex(/^\d+$/, 'must be a number').transform(Number).pipe(z.int().min(1).max(3600)),
    usual: '72',
    doc: 'How long a connection without a request is kept open. Longer than the time of a proxy in front, so that the proxy closes first.',
  }),
  shutdownSeconds: setting({
    env: ['PROOFHOUSE_SHUTDOWN_SECONDS'],
    schema: z.string().regex(/^\d+$/, 'must be a number').transform(Number).pipe(z.int().min(0).max(3600)),
    usual: '30',
    doc: 'How long a stopping server lets running uploads and downloads finish.',
  }),
} as const;

export type SettingName = keyof typeof settings;
export type GivenSettings = { [Name in SettingName]?: z.output<(typeof settings)[Name]['schema']> };

/**
 * Variables with the prefix `PROOFHOUSE_` that only the client and the command line read. The server ignores them,
 * because the shell that starts it may have them.
 */
export const clientVariables = [
  'PROOFHOUSE_URL',
  'PROOFHOUSE_TOKEN',
  'PROOFHOUSE_PROFILE',
  'PROOFHOUSE_CONFIG',
] as const;

/**
 * Variables that a worker sets for the command of a job. The server refuses to start with them, because it was then
 * started inside a job by mistake.
 */
export const jobVariables = [
  'PROOFHOUSE_JOB_FILE',
  'PROOFHOUSE_JOB_ID',
  'PROOFHOUSE_JOB_TYPE',
  'PROOFHOUSE_LEASE_ID',
  'PROOFHOUSE_OUTPUT_DIR',
] as const;

function allowedHost(text: string, context: z.RefinementCtx<string>) {
  const parsed = parseAllowedHost(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({
    code: 'custom',
    message: `${text} is no host name, address or .domain, with or without a port (no URL, no *)`,
  });
  return z.NEVER;
}

function isNetwork(text: string): boolean {
  const [address = '', prefix = '0', ...rest] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  return isIP(address) !== 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}

function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?$/i.exec(text);
  const power = ' KMGT'.indexOf((match?.[2] ?? '').toUpperCase() || ' ');
  return Math.floor(Number(match?.[1]) * (match?.[3] === '' && power > 0 ? 1000 : 1024) ** power);
}
