// Records the statements that this process passes to a database driver (better-sqlite3 or pg).
import Database from 'better-sqlite3';
import pg from 'pg';

export interface Recorded {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface Recording {
  /**
   * Returns the recorded select, insert, update and delete statements: one for each text, with the values of its last
   * execution.
   */
  readonly seen: () => Recorded[];
  readonly stop: () => void;
}

type Query = (this: unknown, ...args: unknown[]) => unknown;

export function recordStatements(): Recording {
  const seen = new Map<string, Recorded>();
  const note = (text: unknown, values: unknown): void => {
    if (typeof text !== 'string' || !/^\s*(with|select|update|delete|insert)\b/i.test(text)) return;
    seen.set(text, { text, values: Array.isArray(values) ? values : [] });
  };
  const sqlite = Database.prototype as { prepare: Query };
  const postgres = pg.Client.prototype as unknown as { query: Query };
  const { prepare } = sqlite;
  const { query } = postgres;
  sqlite.prepare = function (...args) {
    note(args[0], []);
    return prepare.apply(this, args);
  };
  postgres.query = function (...args) {
    const [asked, values] = args as [string | { text?: unknown; values?: unknown }, unknown];
    if (typeof asked === 'string') note(asked, values);
    else note(asked.text, asked.values ?? values);
    return query.apply(this, args);
  };
  return {
    seen: () => [...seen.values()],
    stop: () => {
      sqlite.prepare = prepare;
      postgres.query = query;
    },
  };
}
