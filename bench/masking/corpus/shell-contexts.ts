// Contexts (texts around a value) in shells, in commands and in their output.
import { camel, kebab, pascal, snake, upper, type Context } from './context.ts';

const esc = '\u{1b}';

/** Notations with which a shell sets a variable. */
const variables: readonly Context[] = [
  {
    context: 'quoted by a shell',
    file: 'setup.sh',
    templates: [
      ({ name, value }) => `set -eu\nexport ${upper(name)}=$'${value}'\nmake deploy\n`,
      ({ name, value }) => `declare -x ${upper(name)}="${value}"\ndeclare -x USER="ci"\n`,
      ({ name, value }) => `+ ${upper(name)}=$'${value}'\n+ npm test\n`,
      ({ name, value }) => `run() {\n  local ${snake(name)}=$"${value}"\n  send "$1"\n}\n`,
      ({ name, value }) => `typeset ${upper(name)}='${value}'\nreadonly MODE=fast\n`,
      ({ name, value }) => `readonly ${upper(name)}=$'${value}'; ./run.sh\n`,
    ],
  },
  {
    context: 'fish and csh',
    file: 'config.fish',
    templates: [
      ({ name, value }) => `set -x EDITOR vim\nset -x ${upper(name)} ${value}\nset -x MODE fast\n`,
      ({ name, value }) => `set --export --global ${upper(name)} "${value}"\nfish_add_path /opt/bin\n`,
      ({ name, value }) => `set -gx ${upper(name)} '${value}'\nset -gx MODE fast\n`,
      ({ name, value }) => `if status is-login\n    set -Ux ${upper(name)} ${value}\nend\n`,
      ({ name, value }) => `setenv ${upper(name)} ${value}\nsetenv MODE fast\n`,
      ({ name, value }) => `setenv EDITOR vim; setenv ${upper(name)} "${value}"; rehash\n`,
    ],
  },
  {
    context: 'PowerShell and cmd',
    file: 'setup.ps1',
    templates: [
      ({ name, value }) => `$env:${upper(name)} = "${value}"\n$env:MODE = "fast"\n`,
      ({ name, value }) => `[Environment]::SetEnvironmentVariable('${upper(name)}', '${value}', 'Machine')\n`,
      ({ name, value }) => `$Env:${upper(name)}='${value}'\nnpm test\n`,
      ({ name, value }) => `Set-Item -Path Env:${upper(name)} -Value "${value}"\n`,
      ({ name, value }) => `@echo off\r\nset ${upper(name)}=${value}\r\ncall build.cmd\r\n`,
      ({ name, value }) => `setx ${upper(name)} "${value}" /M\r\n`,
      ({ name, value }) => `$${camel(name)} = ConvertTo-SecureString "${value}" -AsPlainText -Force\n`,
      ({ name, value }) => `set "${upper(name)}=${value}"\r\nset "MODE=fast"\r\n`,
    ],
  },
  {
    context: 'service and CI file',
    file: 'app.service',
    templates: [
      ({ name, value }) => `[Service]\nEnvironment=${upper(name)}=${value}\nExecStart=/opt/run\n`,
      ({ name, value }) => `[Service]\nEnvironment="MODE=fast" "${upper(name)}=${value}"\nRestart=always\n`,
      ({ name, value }) => `<VirtualHost *:80>\n  SetEnv ${upper(name)} ${value}\n</VirtualHost>\n`,
      ({ name, value }) => `location / {\n  fastcgi_param ${upper(name)} ${value};\n}\n`,
      ({ name, value }) => `run: echo "${upper(name)}=${value}" >> "$GITHUB_ENV"\n`,
      ({ name, value }) => `::set-output name=${snake(name)}::${value}\n`,
      ({ name, value }) => `withEnv(["${upper(name)}=${value}"]) {\n  sh 'make'\n}\n`,
      ({ name, value }) => `environment {\n  MODE = 'fast'\n  ${upper(name)} = '${value}'\n}\n`,
    ],
  },
];

/** Arguments of commands, and what commands print. */
const commands: readonly Context[] = [
  {
    context: 'command option',
    file: 'run.sh',
    templates: [
      ({ name, value }) => `app login --${kebab(name)} ${value} --verbose\n`,
      ({ name, value }) => `app deploy --${snake(name)} "${value}" --region eu\n`,
      ({ name, value }) => `app login --user=ci --${kebab(name)}=${value}\n`,
      ({ name, value }) => `java -Xmx1g -D${camel(name)}=${value} -jar app.jar\n`,
      ({ name, value }) => `docker run --rm -e ${upper(name)}=${value} web:1.4\n`,
      ({ name, value }) => `helm upgrade app ./chart --set auth.${camel(name)}=${value} --wait\n`,
      ({ name, value }) => `docker build --build-arg ${upper(name)}=${value} -t web .\n`,
      ({ name, value }) => `docker run --env "${upper(name)}=${value}" --rm web:1.4\n`,
      ({ name, value }) => `CMD ["app", "--${kebab(name)}", "${value}", "serve"]\n`,
      ({ name, value }) => `app -${snake(name)} ${value} -v\n`,
    ],
  },
  {
    context: 'coloured output',
    file: 'run.log',
    templates: [
      ({ name, value }) => `${esc}[90m12:03:55${esc}[0m ${snake(name)}=${esc}[32m${value}${esc}[0m mode=fast\n`,
      ({ name, value }) =>
        `  ${esc}[34;1m"${snake(name)}"${esc}[0m${esc}[39m:${esc}[0m ${esc}[0;32m"${value}"${esc}[0m${esc}[39m,\n`,
      ({ name, value }) => `{ ${camel(name)}: ${esc}[32m'${value}'${esc}[39m, retries: ${esc}[33m3${esc}[39m }\n`,
      ({ name, value }) => `${esc}[1m${kebab(name)}${esc}[22m: ${esc}[36m${value}${esc}[39m\n`,
      ({ name, value }) => `${esc}[36m${upper(name)}${esc}[39;49;00m=${esc}[33m${value}${esc}[39;49;00m\n`,
      ({ name, value }) =>
        `export ${esc}[38;5;81m${upper(name)}${esc}[0m${esc}[38;5;203m=${esc}[0m${esc}[38;5;186m"${value}"${esc}[0m\n`,
    ],
  },
  {
    context: 'printed object',
    file: 'app.log',
    templates: [
      ({ name, value }) => `DEBUG config {'host': 'db', '${snake(name)}': '${value}', 'retries': 3}\n`,
      ({ name, value }) => `Config(host='db', ${snake(name)}='${value}', retries=3)\n`,
      ({ name, value }) => `2026/02/03 04:05:06 {Host:db ${pascal(name)}:${value} Port:5432}\n`,
      ({ name, value }) => `main.Config{Host:"db", ${pascal(name)}:"${value}", Port:5432}\n`,
      ({ name, value }) => `#<App::Config host="db", ${snake(name)}="${value}">\n`,
      ({ name, value }) => `map[host:db ${camel(name)}:${value} port:5432]\n`,
    ],
  },
  {
    context: 'message',
    file: 'install.log',
    templates: [
      ({ name, value }) => `Generated ${snake(name)}: ${value}\nDone.\n`,
      ({ name, value }) => `[Note] A temporary ${snake(name)} is generated for root@localhost: ${value}\n`,
      ({ name, value }) => `The initial ${kebab(name)} is: ${value}\n`,
      ({ name, value }) => `Using ${camel(name)} "${value}" from the environment\n`,
      ({ name, value }) => `- **${snake(name)}**: \`${value}\`\n- **mode**: fast\n`,
      ({ name, value }) => `401 for ${kebab(name)} '${value}'\n`,
    ],
  },
];

export const shellContexts: readonly Context[] = [...variables, ...commands];
