import { pageShell, type Page } from './page-shell.ts';

/** Stands where the review desk will be: says what runs here and what to try. */
export function homePage(): Page {
  return pageShell(
    'Proofhouse',
    `<h1>Proofhouse</h1>
<p class="soft">A work queue and an artifact server for fleets of AI agents and remote workers. This server is running.</p>
<h2>Try it</h2>
<pre><code>export PROOFHOUSE_TOKEN=&lt;the admin token that the first start printed&gt;
npx proofhouse job create --type exec --payload '{"note":"first job"}'
npx proofhouse job list
npx proofhouse work --once -- npm --version</code></pre>
<h2>Look around</h2>
<p><a href="api/docs">The API, readable</a> · <a href="api/openapi.json">its OpenAPI document</a> ·
<a href="healthz">alive?</a> · <a href="readyz">ready?</a></p>
<p class="soft">The review desk itself is not part of this version.</p>`,
  );
}
