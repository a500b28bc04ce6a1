import { DummyDriver, Kysely, type Dialect } from 'kysely';
import type { Queries } from '../engine/schema.ts';

/** Returns a query builder that builds and compiles queries of a dialect without a connection. */
export function compileOnly(parts: Omit<Dialect, 'createDriver'>): Queries {
  return new Kysely({ dialect: { ...parts, createDriver: () => new DummyDriver() } });
}
