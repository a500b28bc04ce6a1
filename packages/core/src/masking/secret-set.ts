import { compileRules } from './scan/compiled-rules.ts';
import type { CompiledRules } from './scan/compiled-rules.ts';
import { containsKeyword } from './scan/keyword-automaton.ts';
import type { SecretRule } from './secret-rule.ts';
import type { KnownValue } from './values/known-values.ts';
import { valueForms } from './values/value-forms.ts';
import type { ValueForm } from './values/value-forms.ts';
import { indexForms } from './values/value-index.ts';
import type { ValueIndex } from './values/value-index.ts';

/** The known values and rules that a scanner searches for. A set never changes, so several streams can share it. */
export interface SecretSet {
  readonly rules: CompiledRules;
  readonly values: readonly ValueIndex[];
  /** The forms of known values that may be written in several lines. */
  readonly wrapped: readonly ValueIndex[];
}

export interface SecretSources {
  /** The known values. Values with fewer than 6 bytes are ignored. */
  readonly values?: readonly KnownValue[];
  readonly rules?: readonly SecretRule[];
}

const noRules: readonly SecretRule[] = [];
/** If there are more known values than this, their rare forms are left out. */
const manyValues = 1000;

export function compileSecrets(sources: SecretSources): SecretSet {
  const { values = [], rules = noRules } = sources;
  const forms = new Map<string, ValueForm>();
  const isMany = values.length > manyValues;
  for (const { name, value } of values) {
    for (const form of valueForms(value, `known:${name}`, { isMany })) {
      if (!forms.has(form.bytes)) forms.set(form.bytes, form);
    }
  }
  const all = [...forms.values()];
  return {
    rules: compileRules(rules),
    values: indexForms(all),
    wrapped: indexForms(all.filter((form) => form.isWrapped)),
  };
}

/**
 * Returns false if a scan of the text would find nothing: the set has no known values, and the text contains no
 * keyword of a rule. This is so for most short texts, and the test costs much less than a scan.
 */
export function mayContainSecret(set: SecretSet, text: string): boolean {
  return set.values.length > 0 || containsKeyword(set.rules.automaton, text);
}
