import type { SettingStore } from '../../../kernel/setting-store.ts';
import type { SqlEngine } from '../engine/sql-engine.ts';
import { statement } from '../engine/statement.ts';
import { first, put } from '../engine/verb.ts';

export const findSetting = statement<{ name: string }>()((db, p) =>
  db.selectFrom('settings').select('value').where('name', '=', p.name),
);

const insert = statement<{ name: string; value: string }>()((db, p) =>
  db
    .insertInto('settings')
    .values({ name: p.name, value: p.value })
    .onConflict((on) => on.column('name').doNothing()),
);

export const replaceSetting = statement<{ name: string; value: string }>()((db, p) =>
  db
    .insertInto('settings')
    .values({ name: p.name, value: p.value })
    .onConflict((on) => on.column('name').doUpdateSet((eb) => ({ value: eb.ref('excluded.value') }))),
);

export class SqlSettingStore implements SettingStore {
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  get(name: string): Promise<string | undefined> {
    return this.#engine.look(function* () {
      return (yield* first(findSetting, { name }))?.value;
    });
  }

  putIfAbsent(name: string, value: string): Promise<string> {
    return this.#engine.write(function* () {
      yield* put(insert, { name, value });
      return (yield* first(findSetting, { name }))?.value ?? value;
    });
  }

  put(name: string, value: string): Promise<void> {
    return this.#engine.write(() => put(replaceSetting, { name, value }));
  }
}
