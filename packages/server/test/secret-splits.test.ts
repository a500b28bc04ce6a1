// Sends secrets under the policy `reject`. The bodies arrive in pieces, with a cut at every position of the secret.
import { inject, expect, it } from 'vitest';
import { expectNowhere } from './support/expect-nowhere.ts';
import { forAnyStore } from './support/for-each-store.ts';
import { fieldsAndFile, formBody, formType } from './support/form.ts';
import { usualSamples } from './support/secret-samples.ts';
import type { Answer, TestServer } from './support/test-server.ts';
import { WireExperiment } from './support/wire-experiment.ts';

interface Places {
  readonly t: TestServer;
  readonly jobId: string;
  readonly experiment: WireExperiment;
}

const headers = { 'content-type': formType };

/** Calls that upload a content in pieces. */
const doors: Readonly<Record<string, (places: Places, pieces: readonly Buffer[]) => Promise<Answer>>> = {
  'a PUT': ({ t, jobId }, pieces) => t.call('PUT', `/api/queue/jobs/${jobId}/artifacts/a`, { pieces }),
  'a form': ({ t, jobId }, pieces) =>
    t.call('POST', `/api/queue/jobs/${jobId}/artifacts/upload`, { headers, pieces: inForm({ name: 'a' }, pieces) }),
  'a deposit on /v0': ({ experiment }, pieces) =>
    experiment.call('POST', '/artifacts', { headers, pieces: inForm({}, pieces) }),
};

function inForm(fields: Readonly<Record<string, string>>, pieces: readonly Buffer[]): Buffer[] {
  const mark = 'the-content';
  const form = formBody(fieldsAndFile(fields, mark));
  const at = form.indexOf(mark);
  return [form.subarray(0, at), ...pieces, form.subarray(at + mark.length)];
}

/** A text that is too long to be scanned on the event loop, so it is scanned in a thread. */
const filler = 'a line of text\n'.repeat(600);

/** Distance between the positions of the cuts. `npm run test:long` cuts at every position in all calls. */
function stepOf(door: string, before: string): number {
  return inject('isLongRun') === true || (door === 'a PUT' && before === '') ? 1 : 9;
}

forAnyStore(
  'the policy reject, with a body in pieces',
  (harness) => {
    const samples = usualSamples();

    it.each(
      Object.entries(doors).flatMap(([door, send]) =>
        ['', filler].map((before) => ({ door, send, before, kind: before === '' ? 'short' : 'long' })),
      ),
    )('refuses a secret at every position of the cut in a $kind content of $door', async ({ door, send, before }) => {
      const t = harness();
      const places = { t, jobId: (await t.enqueue()).id, experiment: await WireExperiment.make(t) };
      const files = t.files().length;
      for (const { rule, text } of samples) {
        const bytes = Buffer.from(text);
        const cuts = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
        const inTwo = cuts
          .filter((cut) => cut % stepOf(door, before) === 0)
          .map((cut) => [bytes.subarray(0, cut), bytes.subarray(cut)]);
        const byteByByte = Array.from(bytes, (byte) => Buffer.of(byte));
        for (const pieces of [...inTwo, byteByByte]) {
          const start = before === '' ? [] : [Buffer.from(before)];
          const answer = await send(places, [...start, ...pieces]);
          expect(answer.status, `${rule}, ${pieces.length} pieces, ${pieces[0]?.length ?? 0}: ${answer.text}`).toBe(
            422,
          );
        }
      }
      expect(t.files()).toHaveLength(files);
    });

    it('leaves no value of these secrets anywhere', () => {
      expectNowhere(
        harness(),
        samples.map(({ secret }) => secret),
      );
    });
  },
  { settings: { secretPolicy: 'reject' } },
);
