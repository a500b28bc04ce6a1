import { homeScript } from './home-script.ts';
import { pageShell, type Page } from './page-shell.ts';

/**
 * Returns the page at `/`. It shows the newest jobs, one job with its artifacts and events, and commands to try. A
 * review page will replace it in a later version.
 */
export function homePage(): Page {
  return pageShell(
    'Proofhouse',
    `<header><h1>Proofhouse</h1><button id="leave" type="button" hidden>Sign out</button></header>
<p class="soft">A work queue and an artifact server for fleets of AI agents and remote workers.</p>
<p id="state" role="status">Signing in…</p>
<form id="sign-in" hidden><label for="token">Token of a user or of the admin</label>
<div class="row"><input id="token" type="password" autocomplete="off" spellcheck="false" required><button>Sign in</button></div>
<p class="soft">Or open a sign-in link: <code>npx proofhouse sign-in-link</code> makes one.</p></form>
<section id="job" aria-labelledby="job-title" hidden><p><a href="#">All jobs</a></p><h2 id="job-title"></h2>
<dl id="job-fields"></dl>
<h3>Artifacts</h3><p id="no-artifacts" class="soft">None yet.</p>
<table><thead><tr><th>Name</th><th>Type</th><th>Size</th><th>Digest</th></tr></thead><tbody id="artifacts"></tbody></table>
<h3>Events</h3><ol id="events"></ol></section>
<section id="jobs-block" aria-labelledby="jobs-title" hidden><h2 id="jobs-title">Newest jobs</h2>
<table><thead><tr><th>Job</th><th>Type</th><th>Status</th><th>Attempt</th><th>Created</th></tr></thead><tbody id="jobs"></tbody></table></section>
<h2>Try it</h2>
<pre><code>export PROOFHOUSE_TOKEN=&lt;the admin token that the first start printed&gt;
npx proofhouse job create --type exec
npx proofhouse worker token create my-worker
PROOFHOUSE_TOKEN=&lt;the worker token&gt; npx proofhouse work --once -- npm --version</code></pre>
<p><a href="api/docs">The API, readable</a> · <a href="api/openapi.json">its OpenAPI document</a> ·
<a href="healthz">alive?</a> · <a href="readyz">ready?</a></p>`,
    homeScript,
  );
}
