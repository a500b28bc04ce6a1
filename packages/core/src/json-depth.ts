/** Levels of arrays and objects that a document of a client may have: deeper ones break parsers that others use. */
export const maxJsonDepth = 100;

/** Whether a parsed document is nested deeper than `most` levels. Never recurses: depth is what it guards against. */
export function isDeeperThan(value: unknown, most: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const inside = level.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null);
    if (inside.length > 0 && depth >= most) return true;
    level = inside.flatMap((item) => Object.values(item));
  }
  return false;
}
