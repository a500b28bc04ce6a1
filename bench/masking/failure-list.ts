// Formats the failures of the development half, which are used to correct the rules. The held-out half has no such
// list. If it were used to correct a rule, the figures of the held-out half would mean nothing.
import type { Failure } from './score-corpus.ts';

const samplesPerGroup = 4;

export function failureList(failures: readonly Failure[]): string {
  const groups = Map.groupBy(
    failures,
    ({ kind, sample, rule }) => `${kind}: ${sample.class}, ${sample.family} ${rule}`,
  );
  const sections = [...groups]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([title, items]) => {
      const places = [...Map.groupBy(items, ({ sample }) => sample.context)].map(
        ([context, those]) => `${context} (${String(those.length)})`,
      );
      const shown = items
        .slice(0, samplesPerGroup)
        .map(({ sample, part }) => `- ${sample.context}\n${quoted(sample.text, part)}`);
      return `## ${title}: ${String(items.length)}\n\nIn ${places.slice(0, 20).join(', ')}\n\n${shown.join('\n')}\n`;
    });
  return `# Failures of the development half: ${String(failures.length)}\n\n${sections.join('\n')}`;
}

/** Returns `part`, quoted, with some of the text around it. */
function quoted(text: string, part: string): string {
  const at = text.indexOf(part);
  const excerpt = text.slice(Math.max(0, at - 150), at + Math.min(part.length, 300) + 60);
  return `\n  part: ${JSON.stringify(part.slice(0, 300))}\n  text: ${JSON.stringify(excerpt)}\n`;
}
