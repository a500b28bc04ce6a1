// The detectors that are compared. Each returns the spans that it would mask, with the rule that found each span.
import { lintSource } from '@secretlint/core';
import { creator as recommended } from '@secretlint/secretlint-rule-preset-recommend';
import { compileSecrets, maskText, secretRules, SecretScan, type SecretClass } from '@proofhouse/core';
import type { Sample, Span } from './corpus/sample.ts';
import { maskedSpans } from './masked-spans.ts';

export interface FoundSpan extends Span {
  readonly rule: string;
  readonly class: SecretClass;
}

export interface Detector {
  readonly name: string;
  detect(sample: Sample): Promise<FoundSpan[]>;
}

export function proofhouse(): Detector {
  const set = compileSecrets({ rules: secretRules });
  const classes = new Map(secretRules.map((rule) => [rule.id, rule.class]));
  const detect = (sample: Sample): FoundSpan[] => {
    const masked = latin1(maskText(set, sample.text).text);
    const scan = new SecretScan(set);
    scan.write(Buffer.from(sample.text));
    const { findings } = scan.end();
    return maskedSpans(latin1(sample.text), masked).map((span) => {
      // A secret of several lines has one finding, but one span for each line. So a span gets the rule of the last
      // finding at or before it.
      const rule = findings.findLast(({ offset }) => offset <= span.from)?.rule ?? '';
      return { ...span, rule, class: classes.get(rule) ?? 'generic' };
    });
  };
  return { name: 'Proofhouse', detect: async (sample) => detect(sample) };
}

const contextRules = /basicauth|npm/;

export function secretlint(): Detector {
  const id = '@secretlint/secretlint-rule-preset-recommend';
  const config = { rules: [{ id, rule: recommended }] };
  return {
    name: 'secretlint',
    detect: async ({ file, text }) => {
      const ext = file.includes('.') ? file.slice(file.lastIndexOf('.')) : '';
      const source = { filePath: `/corpus/${file}`, content: text, ext, contentType: 'text' as const };
      const { messages } = await lintSource({ source, options: { config } });
      const offset = (characters: number): number => Buffer.byteLength(text.slice(0, characters));
      return messages.map(({ range: [from, to], ruleId }) => ({
        from: offset(from),
        to: offset(to),
        rule: ruleId,
        class: contextRules.test(ruleId) ? ('context' as const) : ('structured' as const),
      }));
    },
  };
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
