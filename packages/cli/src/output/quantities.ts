const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Returns a number with its noun: `1 finding`, `2 findings`, `0 findings`. The plural of the noun must end in s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function bytesText(sizeBytes: number): string {
  const power = sizeBytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(sizeBytes) / 10));
  const value = sizeBytes / 1024 ** power;
  return `${power === 0 ? String(value) : value.toFixed(1)} ${units[power] ?? ''}`;
}

const steps: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
  [1, 's'],
];

/** Returns a time relative to `now` (epoch milliseconds), such as `3m ago` or `in 15s`. Returns an empty text for null. */
export function relativeTime(iso: string | null, now: number): string {
  if (iso === null) return '';
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const size = Math.abs(seconds);
  const [step, unit] = steps.find(([least]) => size >= least) ?? [1, 's'];
  const text = `${Math.floor(size / step)}${unit}`;
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}
