/**
 * Metadata of a field that a schema accepts only to refuse it with a reason. Generated descriptions omit such fields.
 */
export const refusedField = { refused: true } as const;

/** Returns a JSON Schema, or a document that contains some, without the fields that are always refused. */
export function withoutRefused<Json>(json: Json): Json {
  if (Array.isArray(json)) return json.map((each) => withoutRefused(each as unknown)) as Json;
  if (typeof json !== 'object' || json === null) return json;
  const kept = Object.entries(json).filter(([, value]) => !isRefused(value));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutRefused(value as unknown)])) as Json;
}

function isRefused(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && 'refused' in schema && schema.refused === true;
}
