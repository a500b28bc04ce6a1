/**
 * Metadata of a schema field that the server always refuses. The field is in the schema only so that the error can give
 * the reason. Generated documentation omits it.
 */
export const refusedField = { refused: true } as const;

/** Returns a JSON Schema, or a document that contains JSON Schemas, without the fields that have `refusedField`. */
export function withoutRefused<Json>(json: Json): Json {
  if (Array.isArray(json)) return json.map((each) => withoutRefused(each as unknown)) as Json;
  if (typeof json !== 'object' || json === null) return json;
  const kept = Object.entries(json).filter(([, value]) => !isRefused(value));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutRefused(value as unknown)])) as Json;
}

function isRefused(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && 'refused' in schema && schema.refused === true;
}
