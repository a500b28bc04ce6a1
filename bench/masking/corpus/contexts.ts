// Templates of texts that contain a named value: settings, source code, data and messages. Templates at an even index
// belong to the development half of the corpus, the others to the held-out half. So nobody can fit a rule to the
// held-out texts.
import { codeContexts } from './code-contexts.ts';
import { camel, kebab, snake, upper, type Context, type Template } from './context.ts';
import type { Half } from './sample.ts';
import { shellContexts } from './shell-contexts.ts';
import { tableContexts } from './table-contexts.ts';

const settings: readonly Context[] = [
  {
    context: 'env file',
    file: '.env',
    templates: [
      ({ name, value }) => `NODE_ENV=production\nPORT=3000\n${upper(name)}=${value}\nLOG_LEVEL=info\n`,
      ({ name, value }) => `# local settings\n${upper(name)}="${value}"\nHOST=0.0.0.0\n`,
      ({ name, value }) => `REGION=eu-west-1\n${upper(name)}='${value}'\n`,
      ({ name, value }) => `${upper(name)} = ${value}\r\nDEBUG=false\r\n`,
    ],
  },
  {
    context: 'export',
    file: 'setup.sh',
    templates: [
      ({ name, value }) => `#!/bin/sh\nset -eu\nexport ${upper(name)}=${value}\nmake deploy\n`,
      ({ name, value }) => `export PATH="$PATH:/opt/bin" ${upper(name)}="${value}"\n./run.sh\n`,
      ({ name, value }) => `+ export ${upper(name)}='${value}'\n+ npm test\n`,
      ({ name, value }) => `${upper(name)}=${value} node server.js --port 80\n`,
    ],
  },
  {
    context: 'YAML scalar',
    file: 'values.yaml',
    templates: [
      ({ name, value }) => `service:\n  replicas: 3\n  ${snake(name)}: ${value}\n  image: web:1.4\n`,
      ({ name, value }) => `env:\n  - name: ${upper(name)}\n    value: "${value}"\n  - name: MODE\n    value: fast\n`,
      ({ name, value }) => `${camel(name)}: '${value}'\ntimeout: 30s\n`,
      ({ name, value }) => `stages: [build]\nvariables:\n    ${upper(name)}: "${value}"   # rotated monthly\n`,
    ],
  },
  {
    context: 'YAML block scalar',
    file: 'secrets.yaml',
    templates: [
      ({ name, value }) => `data:\n  ${snake(name)}: |\n    ${value}\n  mode: plain\n`,
      ({ name, value }) => `${kebab(name)}: >-\n  ${value}\nretries: 2\n`,
      ({ name, value }) => `stringData:\n  ${kebab(name)}: |-\n      ${value}\ntype: Opaque\n`,
      ({ name, value }) => `config:\n    ${camel(name)}: |2\n      ${value}\n    level: warn\n`,
    ],
  },
  {
    context: 'Dockerfile',
    file: 'Dockerfile',
    templates: [
      ({ name, value }) => `FROM node:24\nENV ${upper(name)}=${value}\nRUN npm ci\n`,
      ({ name, value }) => `FROM alpine:3.20\nARG ${upper(name)}="${value}"\nCOPY . /app\n`,
      ({ name, value }) => `WORKDIR /app\nENV ${upper(name)} ${value}\nEXPOSE 8080\n`,
      ({ name, value }) => `RUN ${upper(name)}=${value} ./configure && make\nUSER app\n`,
    ],
  },
  {
    context: 'shell heredoc',
    file: 'install.sh',
    templates: [
      ({ name, value }) => `cat > app.conf <<EOF\nhost = db.internal\n${snake(name)} = ${value}\nEOF\n`,
      ({ name, value }) => `kubectl apply -f - <<'YAML'\nkind: Secret\nstringData:\n  ${snake(name)}: ${value}\nYAML\n`,
      ({ name, value }) => `tee .env <<-END\n\t${upper(name)}=${value}\n\tMODE=prod\nEND\n`,
      ({ name, value }) => `ssh host sh <<DONE\nexport ${upper(name)}="${value}"\nsystemctl restart app\nDONE\n`,
    ],
  },
];

const data: readonly Context[] = [
  {
    context: 'JSON pair',
    file: 'config.json',
    templates: [
      ({ name, value }) => `{\n  "port": 8080,\n  "${snake(name)}": "${value}",\n  "debug": false\n}\n`,
      ({ name, value }) => `{"level":"info","${camel(name)}":"${value}","took":12}\n`,
      ({ name, value }) => `{ "env": { "${upper(name)}": "${value}" } }\n`,
      ({ name, value }) => `[{"id":7,"config":{"${kebab(name)}" : "${value}"}}]\n`,
    ],
  },
  {
    context: 'escaped JSON string',
    file: 'transcript.jsonl',
    templates: [
      ({ name, value }) => `${JSON.stringify({ role: 'user', content: `{"${snake(name)}": "${value}", "n": 1}` })}\n`,
      ({ name, value }) =>
        `${JSON.stringify({ type: 'tool_result', output: `${upper(name)}=${value}\nPORT=3000\n` })}\n`,
      ({ name, value }) => `${JSON.stringify({ stdout: `+ export ${upper(name)}="${value}"\n` })}\n`,
      ({ name, value }) => `{"log":${JSON.stringify(JSON.stringify({ [camel(name)]: value, ok: true }))}}\n`,
    ],
  },
  {
    context: 'XML element',
    file: 'settings.xml',
    templates: [
      ({ name, value }) => `<server>\n  <id>central</id>\n  <${snake(name)}>${value}</${snake(name)}>\n</server>\n`,
      ({ name, value }) => `<config><${camel(name)}>${value}</${camel(name)}><mode>fast</mode></config>\n`,
      ({ name, value }) => `<env>\n\t<${kebab(name)}>${value}</${kebab(name)}>\n</env>\n`,
      ({ name, value }) => `<settings>\n  <${upper(name)}>${value}</${upper(name)}>\n</settings>\n`,
    ],
  },
  {
    context: 'XML attribute',
    file: 'web.config',
    templates: [
      ({ name, value }) => `<add key="${snake(name)}" value="${value}" />\n<add key="mode" value="fast" />\n`,
      ({ name, value }) => `<client host="db" ${camel(name)}="${value}" timeout="30"/>\n`,
      ({ name, value }) => `<connection port='5432' ${kebab(name)}='${value}'></connection>\n`,
      ({ name, value }) => `<property name="${camel(name)}" value="${value}"/>\n`,
    ],
  },
  {
    context: 'SQL row',
    file: 'seed.sql',
    templates: [
      ({ name, value }) => `INSERT INTO settings (name, value) VALUES ('${snake(name)}', '${value}');\n`,
      ({ name, value }) =>
        `INSERT INTO config VALUES (12, '${camel(name)}', '${value}', now()), (13, 'mode', 'fast', now());\n`,
      ({ name, value }) => `UPDATE accounts SET ${snake(name)} = '${value}' WHERE id = 7;\n`,
      ({ name, value }) => `COPY settings FROM stdin;\n4\t${snake(name)}\t${value}\n5\tmode\tfast\n\\.\n`,
    ],
  },
  {
    context: 'CSV',
    file: 'export.csv',
    templates: [
      ({ name, value }) => `id,name,value\n1,${snake(name)},${value}\n2,mode,fast\n`,
      ({ name, value }) => `"name","value","at"\n"${camel(name)}","${value}","2026-01-04"\n`,
      ({ name, value }) => `${upper(name)},${value},active\nMODE,fast,active\n`,
      ({ name, value }) => `7;${snake(name)};${value};yes\n8;mode;fast;no\n`,
    ],
  },
];

const messages: readonly Context[] = [
  {
    context: 'query parameter',
    file: 'access.log',
    inUrl: true,
    templates: [
      ({ name, value }) => `GET /v1/items?limit=20&${snake(name)}=${value} HTTP/1.1\n`,
      ({ name, value }) => `curl "https://api.service.dev/sync?${snake(name)}=${value}&page=2"\n`,
      ({ name, value }) => `redirect to https://app.service.dev/callback?state=ok&${camel(name)}=${value}#done\n`,
      ({ name, value }) => `10.0.0.7 - - "POST /hook?${kebab(name)}=${value}" 200 512\n`,
    ],
  },
  {
    context: 'URL userinfo',
    file: 'config',
    named: false,
    inUrl: true,
    templates: [
      ({ value }) => `[remote "origin"]\n\turl = https://${value}@git.service.dev/team/app.git\n`,
      ({ value }) => `git clone https://oauth2:${value}@git.service.dev/team/app.git\n`,
      ({ value }) => `fatal: unable to access 'https://x-access-token:${value}@git.service.dev/a/b/': 403\n`,
      ({ value }) => `pip install --index-url https://__token__:${value}@packages.service.dev/simple app\n`,
    ],
  },
  {
    context: 'header',
    file: 'request.http',
    named: false,
    templates: [
      ({ value }) => `POST /v1/items HTTP/1.1\nHost: api.service.dev\nAuthorization: Bearer ${value}\nAccept: */*\n`,
      ({ value }) => `curl -H 'Authorization: token ${value}' https://api.service.dev/user\n`,
      ({ value }) => `> X-Api-Key: ${value}\n> Accept: application/json\n`,
      ({ value }) => `headers: { 'X-Auth-Token': '${value}', accept: 'text/html' },\n`,
    ],
  },
  {
    context: 'comment',
    file: 'main.py',
    templates: [
      ({ name, value }) => `def run():\n    # ${snake(name)}: ${value}\n    return 1\n`,
      ({ name, value }) => `/* old ${camel(name)} = ${value} */\nexport const limit = 20;\n`,
      ({ name, value }) => `// ${camel(name)}="${value}" is for the test account\nconnect();\n`,
      ({ name, value }) => `<!-- ${kebab(name)}: ${value} -->\n<main></main>\n`,
    ],
  },
  {
    context: '+=',
    file: 'build.sh',
    templates: [
      ({ name, value }) => `args="-v"\n${snake(name)}+="${value}"\nrun $args\n`,
      ({ name, value }) => `${upper(name)} += ${value}\nall: build\n`,
      ({ name, value }) => `config.${camel(name)} += '${value}';\nsave(config);\n`,
      ({ name, value }) => `let ${snake(name)} = "";\n${snake(name)} += "${value}"\n`,
    ],
  },
  {
    context: 'diff line',
    file: 'change.diff',
    templates: [
      ({ name, value }) =>
        `--- a/.env\n+++ b/.env\n@@ -1,2 +1,2 @@\n PORT=80\n-${upper(name)}=\n+${upper(name)}=${value}\n`,
      ({ name, value }) => `@@ -4,3 +4,3 @@\n const a = 1;\n-const ${camel(name)} = '${value}';\n+const b = 2;\n`,
      ({ name, value }) => `@@ -1 +1,2 @@\n {\n+  "${snake(name)}": "${value}",\n }\n`,
      ({ name, value }) => `@@ -8,2 +8,3 @@ jobs:\n     env:\n+      ${upper(name)}: ${value}\n       MODE: fast\n`,
    ],
  },
  {
    context: 'log line',
    file: 'build.log',
    templates: [
      ({ name, value }) => `2026-02-03T04:05:06.789Z INFO config loaded ${snake(name)}=${value} mode=fast\n`,
      ({ name, value }) => `[12:03:55] \u{1b}[32mdebug\u{1b}[0m ${camel(name)}: ${value}\n`,
      ({ name, value }) => `level=warn msg="retry" ${snake(name)}="${value}" attempt=2\n`,
      ({ name, value }) =>
        `Error: request failed (${camel(name)}=${value}): 401 Unauthorized\n    at run (app.js:3:1)\n`,
    ],
  },
];

export const contexts: readonly Context[] = [
  ...settings,
  ...data,
  ...messages,
  ...shellContexts,
  ...codeContexts,
  ...tableContexts,
];

/** Returns those templates of a context that belong to the half. */
export function templatesOf({ templates }: Context, half: Half): readonly Template[] {
  return templates.filter((_, index) => (index % 2 === 0) === (half === 'development'));
}
