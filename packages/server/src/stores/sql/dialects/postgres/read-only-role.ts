import { AppError } from '@proofhouse/core';
import pg from 'pg';
import { postgresError, postgresPlace } from './postgres-errors.ts';

/**
 * Columns that a read-only role must not read: hashes of secrets, and values of settings. All other columns are
 * granted.
 */
export const secretColumns: Readonly<Record<string, readonly string[]>> = {
  credentials: ['secret_sha256'],
  sessions: ['sha256', 'page_sha256', 'admin_key'],
  settings: ['value'],
  sign_in_codes: ['sha256', 'admin_key'],
  user_tokens: ['sha256'],
};

const settingName = 'read_only_roles';

/**
 * Acquires the advisory lock of grants, because two concurrent grants would fail on the same rows of the system
 * catalogue. The key is "Prof" in ASCII and a number.
 */
const acquireGrantLock = `select pg_advisory_xact_lock(${String(0x50726f66_0002)})`;

type Queryable = Pick<pg.Client, 'query'>;

const connectWithinMs = 10_000;
/** Statement timeout in ms, equal to that of the engine. */
const statementWithinMs = 30_000;

/**
 * Grants read access; see `grantReadOnly`. Opens a connection of its own for this. Errors: `not_found`,
 * `invalid_request`, `unavailable`, `internal`.
 */
export async function grantReadOnlyAt(url: string, role: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectWithinMs,
    statement_timeout: statementWithinMs,
    application_name: 'proofhouse doctor',
  });
  // A broken connection emits the event `error`. Without a listener, this event would end the process. The pending
  // query is rejected as well.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await grantAndStore(client, role);
  } catch (error) {
    throw postgresError(error, postgresPlace(url));
  } finally {
    await client.end();
  }
}

/**
 * Grants read access, and stores the name of the role. Each start of a server then grants again. Errors: `not_found`,
 * `invalid_request`.
 */
async function grantAndStore(client: Queryable, role: string): Promise<void> {
  await inTurn(client, async () => {
    await requirePlainRole(client, role);
    await grantTo(client, role);
    await requireBlind(client, role);
    const roles = [...new Set([...(await rememberedRoles(client)), role])];
    const keep = 'insert into settings values ($1, $2) on conflict (name) do update set value = excluded.value';
    await client.query(keep, [settingName, JSON.stringify(roles)]);
  });
}

/** Grants every stored role read access to the tables and columns that migrations added. Skips roles that were dropped. */
export async function renewReadOnly(client: Queryable): Promise<void> {
  if ((await rememberedRoles(client)).length === 0) return;
  await inTurn(client, async () => {
    for (const role of await rememberedRoles(client)) {
      if ((await findRole(client, role)) !== undefined) await grantTo(client, role);
    }
  });
}

async function inTurn(client: Queryable, action: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    await client.query(acquireGrantLock);
    await action();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function rememberedRoles(client: Queryable): Promise<string[]> {
  const kept = await client.query<{ value: string }>('select value from settings where name = $1', [settingName]);
  return JSON.parse(kept.rows[0]?.value ?? '[]') as string[];
}

// Selects all tables of the schema that this database user owns. The installation gives the whole schema to Proofhouse,
// so a table that the same user created for another purpose is granted too.
const ownTables = `
  select class.oid, class.relname as name, class.relowner as owner from pg_class class
  where class.relnamespace = current_schema()::regnamespace and class.relkind in ('r', 'p')
    and pg_has_role(class.relowner, 'usage')`;

/**
 * Finds a role by its whole name. In a `grant` statement, Postgres would cut a longer name to 63 bytes, and the grant
 * could go to another role.
 */
async function findRole(client: Queryable, role: string): Promise<{ rules: boolean } | undefined> {
  if (role.includes('\0')) return undefined;
  const rules = `rolsuper or exists (select 1 from (${ownTables}) own where pg_has_role(pg_roles.oid, own.owner, 'usage'))`;
  const found = await client.query<{ rules: boolean }>(
    `select ${rules} as rules from pg_roles where rolname::text = $1::text`,
    [role],
  );
  return found.rows[0];
}

async function requirePlainRole(client: Queryable, role: string): Promise<void> {
  const found = await findRole(client, role);
  if (found === undefined) {
    const message = `The database has no role ${JSON.stringify(role)}; create it first (create role … login).`;
    throw new AppError('not_found', message);
  }
  if (found.rules) {
    const message = `The role ${JSON.stringify(role)} owns the tables or is a superuser, and reads everything; name another.`;
    throw new AppError('invalid_request', message);
  }
}

async function grantTo(client: Queryable, role: string): Promise<void> {
  const to = pg.escapeIdentifier(role);
  const { rows: places } = await client.query<{ schema: string }>('select current_schema()::text as schema');
  for (const { schema } of places) await client.query(`grant usage on schema ${pg.escapeIdentifier(schema)} to ${to}`);
  const { rows: tables } = await client.query<{ oid: number; name: string }>(`${ownTables} order by class.relname`);
  for (const { oid, name } of tables) {
    const table = pg.escapeIdentifier(name);
    const secret = Object.hasOwn(secretColumns, name) ? secretColumns[name] : undefined;
    if (secret === undefined) {
      await client.query(`grant select on ${table} to ${to}`);
      continue;
    }
    // An older grant on the whole table would still allow the role to read every column.
    await client.query(`revoke select on ${table} from ${to}`);
    const columns = (await columnsOf(client, oid)).filter((column) => !secret.includes(column));
    const list = columns.map((column) => pg.escapeIdentifier(column)).join(', ');
    await client.query(`grant select (${list}) on ${table} to ${to}`);
  }
}

async function columnsOf(client: Queryable, table: number): Promise<string[]> {
  const columns = await client.query<{ name: string }>(
    'select attname as name from pg_attribute where attrelid = $1 and attnum > 0 and not attisdropped order by attnum',
    [table],
  );
  return columns.rows.map(({ name }) => name);
}

/**
 * Throws `invalid_request` if the role can still read an excluded column. It could have that right through PUBLIC or
 * through another role of which it is a member.
 */
async function requireBlind(client: Queryable, role: string): Promise<void> {
  const sees = 'select has_column_privilege($1::name, $2::text, $3::text, $4) as sees';
  for (const [table, columns] of Object.entries(secretColumns)) {
    for (const column of columns) {
      const answer = await client.query<{ sees: boolean }>(sees, [role, pg.escapeIdentifier(table), column, 'select']);
      if (answer.rows[0]?.sees !== true) continue;
      const message = `The role ${JSON.stringify(role)} may read ${table}.${column} through another grant; take that away first.`;
      throw new AppError('invalid_request', message);
    }
  }
}
