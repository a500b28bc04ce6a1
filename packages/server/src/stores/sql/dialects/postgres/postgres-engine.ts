import type { SqlEngine } from '../../sql-engine.ts';
export async function openPostgresEngine(_url: string, _options: object): Promise<SqlEngine> {
  throw new Error('not yet');
}
