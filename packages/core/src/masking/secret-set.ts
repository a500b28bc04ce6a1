import { compileRules } from './scan/compiled-rules.ts';
import type { CompiledRules } from './scan/compiled-rules.ts';
import type { SecretRule } from './secret-rule.ts';
import type { KnownValue } from './values/known-values.ts';
import { valueForms } from './values/value-forms.ts';
import { ValueIndex } from './values/value-index.ts';
import type { IndexedForm } from './values/value-index.ts';

/** Everything that a scanner looks for. Immutable, so that streams may share it. */
export interface SecretSet {
  readonly rules: CompiledRules;
  /** Undefined when there is no known value. */
  readonly values: ValueIndex | undefined;
}

export interface SecretSources {
  /** Values with fewer than 6 bytes are ignored. */
  readonly values?: readonly KnownValue[];
  readonly rules?: readonly SecretRule[];
}

const noRules: readonly SecretRule[] = [];

export function compileSecrets(sources: SecretSources): SecretSet {
  const forms = new Map<string, IndexedForm>();
  for (const { name, value } of sources.values ?? []) {
    for (const form of valueForms(value)) {
      if (!forms.has(form.bytes)) forms.set(form.bytes, { ...form, rule: `known:${name}` });
    }
  }
  return {
    rules: compileRules(sources.rules ?? noRules),
    values: forms.size === 0 ? undefined : new ValueIndex([...forms.values()]),
  };
}
