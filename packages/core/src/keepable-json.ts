/** Levels of arrays and objects that a document of a client may have: deeper ones break parsers that others use. */
export const maxJsonDepth = 100;

/**
 * Why a parsed document cannot be kept and given back as it was sent, as a phrase that goes after its name; undefined when
 * it can. Never recurses: depth is what it guards against.
 */
export function objectionToJson(value: unknown): string | undefined {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    // JSON has such numbers, but no way to write them again: they would come back as null.
    if (level.includes(Infinity) || level.includes(-Infinity)) {
      return 'has a number that is larger than 64-bit floating point holds; send it as text';
    }
    const inside = level.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null);
    if (inside.length > 0 && depth >= maxJsonDepth) return `is nested deeper than ${String(maxJsonDepth)} levels`;
    level = inside.flatMap((item) => Object.values(item));
  }
  return undefined;
}
